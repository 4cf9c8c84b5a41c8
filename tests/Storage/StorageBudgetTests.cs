using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using StsFunctions.Core.Domains;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Reports;
using StsFunctions.Tests.Checks;
using StsFunctions.Tests.Reports;
using StsFunctions.UseCases.Policies;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.Storage;

/// <summary>The cost of each change: the app's own storage calls, including the message that heals.</summary>
public sealed class StorageBudgetTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private const int PublishNew = 7;
    private const int PublishAnother = 7;
    private const int PublishSameAgain = 3;
    private const int IngestSmallReport = 8;
    private const int CheckWithoutChange = 6;

    private static readonly DomainName Domain = DomainName.Parse("example.com");

    private readonly ConcurrentQueue<StorageCall> _calls = new();
    private TestStorage _direct = null!;
    private TestStorage _storage = null!;
    private FaultInjectionProxy _proxy = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _direct = await TestStorage.CreateAsync(azurite);
        _proxy = await FaultInjectionProxy.StartAsync(_direct.ConnectionString, Cancellation);
        _proxy.OnCall = call =>
        {
            _calls.Enqueue(call);
            return null;
        };
        _storage = new TestStorage(_proxy.ConnectionString);
    }

    public ValueTask DisposeAsync() => _proxy.DisposeAsync();

    [Fact]
    public async Task Publishing_the_first_policy_of_a_domain_stays_within_its_budget() =>
        await AssertAsync(PublishNew, () => _storage.Publisher.PublishAsync(Domain, PolicyOf("mx1"), "team", Cancellation));

    [Fact]
    public async Task Publishing_another_policy_of_a_domain_stays_within_its_budget()
    {
        await _direct.Publisher.PublishAsync(Domain, PolicyOf("mx1"), "team", Cancellation);

        await AssertAsync(PublishAnother, () => _storage.Publisher.PublishAsync(Domain, PolicyOf("mx2"), null, Cancellation));
    }

    [Fact]
    public async Task Publishing_the_same_policy_again_costs_fewer_calls()
    {
        await _direct.Publisher.PublishAsync(Domain, PolicyOf("mx1"), "team", Cancellation);

        await AssertAsync(PublishSameAgain, () => _storage.Publisher.PublishAsync(Domain, PolicyOf("mx1"), null, Cancellation));
        Assert.True(PublishSameAgain < PublishAnother);
    }

    [Fact]
    public async Task A_cached_policy_costs_no_call()
    {
        await _direct.Publisher.PublishAsync(Domain, PolicyOf("mx1"), "team", Cancellation);
        var cache = new PolicyCache(_storage.Policies, new ServingOptions(), _storage.Time, NullLogger<PolicyCache>.Instance);
        await AssertAsync(1, () => cache.GetAsync(Domain, Cancellation).AsTask());

        await AssertAsync(0, () => cache.GetAsync(Domain, Cancellation).AsTask());
    }

    [Fact]
    public async Task A_small_report_stays_within_its_budget()
    {
        await _direct.Publisher.PublishAsync(Domain, PolicyOf("mx1"), "team", Cancellation);
        var ingest = Ingest.FunctionOn(_storage, NullLogger<ReportIngestion>.Instance);
        // A process reads the key that signs where reports came from once.
        await IngestAsync(ingest, "first");
        // What was asked for a while ago is evaluated by now, so that another message is due.
        _storage.Time.Advance(_storage.Delays.ReportEvaluation);

        await AssertAsync(IngestSmallReport, () => IngestAsync(ingest, "second"));
        await AssertAsync(IngestSmallReport - 1, () => IngestAsync(ingest, "right after it"));
        Assert.Equal(3, (await _direct.Reports.ReadAsync(Domain, DateOnly.MinValue, Cancellation)).Count);
    }

    [Fact]
    public async Task An_evaluation_without_changes_costs_three_calls()
    {
        await _direct.Publisher.PublishAsync(Domain, PolicyOf("mx1"), "team", Cancellation);
        await IngestAsync(Ingest.FunctionOn(_storage, NullLogger<ReportIngestion>.Instance), "one");
        var message = new DomainMessage(Domain.Value).ToJson();
        await _storage.EvaluateReports().RunAsync(message, Cancellation);

        await AssertAsync(3, () => _storage.EvaluateReports().RunAsync(message, Cancellation));
    }

    [Fact]
    public async Task A_notification_message_with_an_empty_outbox_costs_one_call()
    {
        await _direct.Publisher.PublishAsync(Domain, PolicyOf("mx1"), "team", Cancellation);

        await AssertAsync(1, () => _storage.Dispatcher(null).RunAsync(new DomainMessage(Domain.Value).ToJson(), Cancellation));
    }

    [Fact]
    public async Task A_check_without_changes_stays_within_its_budget()
    {
        await using var lab = await Lab.StartAsync(new LabDomain("lab.example", "") { Mx = [new LabMx("mx.lab.example")] });
        await _direct.Publisher.PublishAsync(DomainName.Parse("lab.example"), Policy.Parse("version: STSv1\nmode: enforce\nmx: mx.lab.example\nmax_age: 604800\n"u8), null, Cancellation);
        lab.MailLab.SetPolicyId("lab.example", (await _direct.Domains.ReadAsync("lab.example", Cancellation)).Record!.PolicyId);
        var check = lab.Function(_storage);
        // The first run finds what it may; agents are read once in a while.
        await check.RunAsync("""{"domain":"lab.example","checkRun":"20260314000000001"}""", Cancellation);

        await AssertAsync(CheckWithoutChange, () => check.RunAsync("""{"domain":"lab.example","checkRun":"20260314000000002"}""", Cancellation));
    }

    // The report is dropped by another client: what a sender or a mail provider does is not counted.
    private async Task IngestAsync(ReportIngestion ingest, string id)
    {
        var json = Encoding.UTF8.GetString(Samples.Json(Samples.Policy(details: Samples.Failure("certificate-expired", "mx1.example.com", "192.0.2.1", 10))));
        await _direct.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient(id)
            .UploadAsync(new BinaryData(json.Replace("5065427c-23d3-47ca-b6e0-946ea0e8c4be", id, StringComparison.Ordinal)), Cancellation);
        await ingest.RunAsync(BlobCreatedEvent.Again(id), Cancellation);
    }

    private async Task AssertAsync(int most, Func<Task> work)
    {
        _calls.Clear();
        await work();
        Assert.True(_calls.Count <= most, $"{_calls.Count} calls, {most} at most:\n{string.Join('\n', _calls.Select(call => $"{call.Service} {call.Method} {call.Target}"))}");
        TestContext.Current.TestOutputHelper?.WriteLine($"{_calls.Count} calls:\n{string.Join('\n', _calls.Select(call => $"{call.Service} {call.Method} {call.Target}"))}");
    }

    private static Policy PolicyOf(string mx) => Policy.Parse(Encoding.UTF8.GetBytes($"version: STSv1\nmode: enforce\nmx: {mx}.example.com\nmax_age: 604800\n"));
}
