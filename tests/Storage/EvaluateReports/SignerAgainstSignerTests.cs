using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using Xunit;

namespace StsFunctions.Tests.EvaluateReports;

/// <summary>The reports of one signer neither open nor close a finding of another, nor change its severity; unsigned reports notify nobody.</summary>
public sealed class SignerAgainstSignerTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private const long Most = 9_000_000_000_000_000;
    private const string Attacker = "attacker.example";

    private static readonly DomainName Domain = DomainName.Parse("example.com");

    private TestStorage _storage = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        await _storage.Publisher.PublishAsync(Domain, Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task Figures_of_another_signer_do_not_turn_a_critical_finding_into_an_info()
    {
        await StoreAsync(Reported.SignedBy("google.com", 1, "Google Inc.", kinds: Reported.Kind("certificate-expired", 60)));
        await StoreAsync(Reported.SignedBy(Attacker, 1, "Google Inc.", sessions: Most));

        await RunAsync();

        Assert.Equal(Severity.Critical, (await OpenAsync("report.session.failed")).Severity);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_successful_session_of_another_signer_does_not_resolve_an_open_finding()
    {
        await StoreAsync(Reported.SignedBy("google.com", 1, "Google Inc.", kinds: Reported.Kind("certificate-expired", 60)));
        await RunAsync();
        _storage.Time.Advance(TimeSpan.FromDays(4));
        await StoreAsync(Reported.SignedBy(Attacker, -3, "Google Inc.", sessions: 1));

        await RunAsync();

        Assert.Equal(Severity.Critical, (await OpenAsync("report.session.failed")).Severity);
        Assert.DoesNotContain((await ReadAsync()).Outbox, warning => warning.Change == Change.Resolved);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task The_sender_name_does_not_change_the_signer_in_evidence()
    {
        await StoreAsync(Reported.SignedBy(Attacker, 1, "Google Inc.", kinds: Reported.Kind("certificate-expired", 60)));

        await RunAsync();

        var found = await OpenAsync("report.session.failed");
        Assert.Equal(Severity.Warning, found.Severity);
        Assert.Contains(Attacker, found.Evidence, StringComparison.Ordinal);
        Assert.DoesNotContain("senders: Google Inc.", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task A_report_signed_by_another_in_a_silent_senders_name_does_not_hide_the_silence()
    {
        foreach (var daysAgo in Enumerable.Range(4, 14))
        {
            await StoreAsync(Reported.SignedBy("google.com", daysAgo, "Google Inc."));
        }

        foreach (var daysAgo in (int[])[1, 2])
        {
            await StoreAsync(Reported.SignedBy(Attacker, daysAgo, "Google Inc."));
        }

        await RunAsync();

        Assert.Equal("google.com", (await OpenAsync("report.sender.silent")).Subject);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task New_result_types_that_are_posted_each_hour_notify_nobody_and_name_no_finding()
    {
        for (var hour = 0; hour < 3; hour++)
        {
            await StoreAsync(Reported.Of(1, $"Poster {hour}", counts: false, kinds: [.. Enumerable.Range(0, 5).Select(n => Reported.Kind($"CALL-NOW-{hour}-{n}", 50))]) with
            {
                Source = ReportSource.Https,
            });
            await RunAsync();
            _storage.Time.Advance(TimeSpan.FromHours(1));
        }

        var partition = await ReadAsync();
        Assert.Empty(partition.Outbox);
        Assert.DoesNotContain(partition.Findings, open => open.Finding.Subject.Contains("CALL-NOW", StringComparison.Ordinal));
    }

    private async Task StoreAsync(Report report)
    {
        await _storage.Reports.StoreAsync(report, [], Cancellation);
        await _storage.Summaries.ProjectAsync(Domain, Cancellation);
    }

    private async Task<Finding> OpenAsync(string code) => Assert.Single((await ReadAsync()).Findings, open => open.Finding.Code == code).Finding;

    private Task RunAsync() => _storage.EvaluateReports().RunAsync(Cancellation);

    private Task<DomainPartition> ReadAsync() => _storage.Domains.ReadAsync(Keys.Domain(Domain), Cancellation);
}
