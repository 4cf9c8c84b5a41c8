using Microsoft.Extensions.Logging.Abstractions;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Storage.Reports;
using StsFunctions.Tests.Reports;
using StsFunctions.Tests.Storage;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.EvaluateReports;

/// <summary>A report causes its evaluation by a queue message.</summary>
public sealed class EvaluationMessageTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private static readonly DomainName Domain = ReportedDomain.Name;

    private TestStorage _storage = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _storage = await ReportedDomain.HostAsync(azurite);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Concurrent_reports_on_one_domain_cause_one_evaluation_message_and_later_ones_another()
    {
        var ingest = Ingest.FunctionOn(_storage, NullLogger<ReportIngestion>.Instance);
        for (var n = 0; n < 5; n++)
        {
            await IngestAsync(ingest, n);
        }

        Assert.Equal(1, await MessagesAsync());

        _storage.Time.Advance(_storage.Delays.ReportEvaluation);
        await IngestAsync(ingest, 5);
        Assert.Equal(2, await MessagesAsync());
    }

    [Fact]
    public async Task A_message_opens_findings_and_updates_the_list_with_the_reports()
    {
        await StoreAsync(Reported.Of(1, kinds: Reported.Kind("certificate-expired", 20)));

        await RunAsync(Domain.Value);

        Assert.Equal("report.session.failed", Assert.Single((await _storage.Domains.ReadAsync(Domain.Value, Cancellation)).Findings).Finding.Code);
        var line = Assert.Single(await _storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation));
        Assert.Equal((1, 1, 80L, 20L), (line.OpenFindings, line.PendingNotifications, Assert.Single(line.Days).Sessions, line.Days[0].Failures));
        await StoreInvariants.AssertAsync(_storage);
    }

    [Fact]
    public async Task A_report_that_is_stored_during_an_evaluation_is_counted_by_any_order_of_writes()
    {
        await StoreAsync(Reported.Of(1));
        var entry = await _storage.Summaries.FindAsync(Domain, Cancellation);
        var earlier = await _storage.Reports.ReadAsync(Domain, DateOnly.MinValue, Cancellation);
        await StoreAsync(Reported.Of(1, "Company-Y"));
        await RunAsync(Domain.Value);

        // Read before, written after.
        await _storage.Summaries.ProjectAsync(Domain, entry, null, earlier, Cancellation);

        await StoreInvariants.AssertAsync(_storage);
    }

    [Fact]
    public async Task A_removed_domain_is_neither_evaluated_nor_listed()
    {
        await StoreAsync(Reported.Of(1, kinds: Reported.Kind("certificate-expired", 20)));
        await _storage.Publisher.RemoveAsync(Domain, force: true, Cancellation);

        await RunAsync(Domain.Value);

        Assert.Empty((await _storage.Domains.ReadAsync(Domain.Value, Cancellation)).Findings);
        Assert.Empty(await _storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation));
    }

    [Fact]
    public async Task Quarantine_and_each_requeue_request_the_evaluation_of_the_installation()
    {
        await _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient("junk").UploadAsync(new BinaryData("junk"), Cancellation);
        await Ingest.FunctionOn(_storage, NullLogger<ReportIngestion>.Instance).RunAsync(BlobCreatedEvent.Again("junk"), Cancellation);
        Assert.Equal(1, await MessagesAsync());

        _storage.Time.Advance(TimeSpan.FromHours(1));
        await _storage.Requeuer(_storage.Time).RunAsync(Cancellation);
        Assert.Equal(2, await MessagesAsync());

        // Blobs carry storage's time.
        await _storage.EvaluateReports(TimeProvider.System).RunAsync(new DomainMessage(Installation.Partition).ToJson(), Cancellation);
        Assert.Equal("report.file.quarantined", Assert.Single((await _storage.Domains.ReadAsync(Installation.Partition, Cancellation)).Findings).Finding.Code);
    }

    private async Task IngestAsync(ReportIngestion ingest, int n)
    {
        var json = System.Text.Encoding.UTF8.GetString(Samples.Json(Samples.Policy()));
        await _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient($"{n}")
            .UploadAsync(new BinaryData(json.Replace("5065427c-23d3-47ca-b6e0-946ea0e8c4be", $"{n}", StringComparison.Ordinal)), Cancellation);
        await ingest.RunAsync(BlobCreatedEvent.Again($"{n}"), Cancellation);
    }

    private Task StoreAsync(Report report) => _storage.Reports.StoreAsync(
        report, [.. report.Types.SelectMany(type => type.Kinds, (type, kind) => new ReportFailure(kind.ResultType, kind.MxHost, kind.Address, kind.Sessions, "") { PolicyType = type.PolicyType })], Cancellation);

    private Task RunAsync(string partition) => _storage.EvaluateReports().RunAsync(new DomainMessage(partition).ToJson(), Cancellation);

    private async Task<int> MessagesAsync() => (await _storage.Queues.GetQueueClient(StorageNames.EvaluationsQueue).GetPropertiesAsync(Cancellation)).Value.ApproximateMessagesCount;
}
