using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Time;
using StsFunctions.Notifications;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using StsFunctions.Tests.Storage;
using Xunit;

namespace StsFunctions.Tests.EvaluateReports;

/// <summary>The hourly run over a whole account.</summary>
public sealed class EvaluateReportsTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private static readonly DomainName Domain = ReportedDomain.Name;

    private TestStorage _storage = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _storage = await ReportedDomain.HostAsync(azurite);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_failure_is_notified_once_when_it_appears_and_once_when_it_is_over()
    {
        await StoreAsync(Reported.Of(1, kinds: Reported.Kind("certificate-expired", 20)));
        await RunAsync();
        await RunAsync();
        await StoreAsync(Reported.Of(1, "Company-Y", kinds: Reported.Kind("certificate-expired", 21)));
        await RunAsync();

        var open = Assert.Single((await ReadAsync()).Findings).Finding;
        Assert.Equal(("report.session.failed", "certificate-expired", Severity.Warning), (open.Code, open.Subject, open.Severity));
        Assert.StartsWith("company-y.example \"Company-Y\": 21 of 100 sessions (21 %) under sts; company-x.example \"Company-X\": 20 of 100", open.Evidence, StringComparison.Ordinal);
        Assert.Equal(Change.Opened, Assert.Single((await ReadAsync()).Outbox).Change);

        _storage.Time.Advance(TimeSpan.FromDays(2));
        await StoreAsync(Reported.Of(-1));
        await StoreAsync(Reported.Of(-1, "Company-Y"));
        await RunAsync();

        Assert.Empty((await ReadAsync()).Findings);
        Assert.Equal([Change.Opened, Change.Resolved], (await ReadAsync()).Outbox.OrderBy(warning => warning.At).Select(warning => warning.Change));
        await StoreInvariants.AssertAsync(_storage);
    }

    [Fact]
    public async Task A_check_and_reports_do_not_resolve_the_findings_of_each_other()
    {
        var check = new Finding("mx.starttls.missing", Severity.Warning, "mx.example.com", "observed", "meaning", "remedy", "RFC 8461 §4");
        await CheckAsync(check);
        await StoreAsync(Reported.Of(1, kinds: Reported.Kind("certificate-expired", 20)));
        await RunAsync();
        Assert.Equal(["mx.starttls.missing", "report.session.failed"], (await ReadAsync()).Findings.Select(open => open.Finding.Code).Order());

        await CheckAsync();

        Assert.Equal("report.session.failed", Assert.Single((await ReadAsync()).Findings).Finding.Code);
    }

    [Fact]
    public async Task Findings_of_reports_that_cease_are_neither_resolved_nor_notified_until_they_end_as_no_longer_reported()
    {
        await StoreAsync(Reported.Of(1, kinds: Reported.Kind("certificate-expired", 20)));
        await RunAsync();

        _storage.Time.Advance(TimeSpan.FromDays(13));
        await RunAsync();
        Assert.Single((await ReadAsync()).Findings);
        Assert.Single((await ReadAsync()).Outbox);

        _storage.Time.Advance(TimeSpan.FromDays(1));
        await RunAsync();

        Assert.Empty((await ReadAsync()).Findings);
        Assert.Equal([Change.Opened, Change.NoLongerReported], (await ReadAsync()).Outbox.OrderBy(warning => warning.At).Select(warning => warning.Change));
        Assert.StartsWith("[no longer reported] example.com: report.session.failed certificate-expired", NotificationEmail.Of(Guid.NewGuid(), "example.com", [.. (await ReadAsync()).Outbox.Where(warning => warning.Change.IsEnd())]).Subject, StringComparison.Ordinal);
        await StoreInvariants.AssertAsync(_storage);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public async Task Findings_of_counted_reports_that_have_passed_are_over_although_uncounted_ones_arrive()
    {
        await StoreAsync(Reported.Of(1, "Forger", sessions: 1_000, counts: false, kinds: [.. Enumerable.Range(0, 30).Select(n => Reported.Kind($"type-{n}", 30 - n))]));
        await RunAsync();
        Assert.Equal("report.sender.unauthenticated", Assert.Single((await ReadAsync()).Findings).Finding.Code);

        _storage.Time.Advance(TimeSpan.FromDays(3));
        await RunAsync();

        Assert.Empty((await ReadAsync()).Findings);
        Assert.Empty((await ReadAsync()).Outbox);
        await StoreInvariants.AssertAsync(_storage);
    }

    [Fact]
    public async Task Result_types_with_the_same_sanitized_text_are_one_finding()
    {
        await StoreAsync(Reported.SignedBy("google.com", 1, kinds: Reported.Kind("😀", 20)));
        await StoreAsync(Reported.SignedBy("microsoft.com", 1, kinds: Reported.Kind("😁", 20)));

        await RunAsync();
        await RunAsync();

        Assert.Equal("??", Assert.Single((await ReadAsync()).Findings).Finding.Subject);
        Assert.Single((await ReadAsync()).Outbox);
    }

    [Fact]
    public async Task A_run_without_changes_writes_nothing()
    {
        await StoreAsync(Reported.Of(1));
        var before = await ReadAsync();

        await RunAsync();

        Assert.Equal(before.ETag, (await ReadAsync()).ETag);
        Assert.Equal(before.ETag, (await ReadAsync()).ETag);
    }

    [Fact]
    public async Task A_failed_fetch_is_shown_beside_the_own_observation_of_that_time()
    {
        await StoreAsync(Reported.Of(1, kinds: Reported.Kind("sts-policy-fetch-error", 20)));
        await _storage.Blobs.GetBlobContainerClient(StorageNames.ObservationsContainer).GetBlobClient($"{Domain}/{Keys.InvertedTimestamp(TestStorage.Noon.AddDays(-1))}")
            .UploadAsync(new BinaryData("""{"policyHost":{"fetch":{"outcome":"fetched","status":200}}}"""), Cancellation);

        await RunAsync();

        Assert.EndsWith("this app's check nearest to that time, 2026-03-13 12:00 UTC, observed: fetched (HTTP 200)", Assert.Single((await ReadAsync()).Findings).Finding.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Quarantine_and_poison_are_findings_of_the_installation_until_they_are_empty()
    {
        var today = TestStorage.Noon.ToString("yyyy-MM-dd", null);
        var quarantine = _storage.Blobs.GetBlobContainerClient(StorageNames.QuarantineContainer);
        foreach (var (name, reason) in (IEnumerable<(string, string)>)[($"{today}/a", "Neither JSON nor else."), ($"{today}/b", "Neither JSON nor else."), ("2026-03-01/old", "Long ago.")])
        {
            await quarantine.GetBlobClient(name).UploadAsync(
                new BinaryData("x"), new Azure.Storage.Blobs.Models.BlobUploadOptions { Metadata = new Dictionary<string, string> { ["reason"] = reason } }, Cancellation);
        }

        var poison = _storage.Queues.GetQueueClient(StorageNames.ReportArrivalsQueue + "-poison");
        await poison.SendMessageAsync("{}", Cancellation);
        await RunAsync();
        await RunAsync();

        var operators = await _storage.Domains.ReadAsync(Installation.Partition, Cancellation);
        var found = operators.Findings.ToDictionary(open => open.Finding.Code, open => open.Finding);
        Assert.Equal(["report.file.quarantined", "report.queue.poison"], found.Keys.Order());
        Assert.Contains("2 since 2026-03-08", found["report.file.quarantined"].Evidence, StringComparison.Ordinal);
        Assert.Contains("2 times \"Neither JSON nor else.\"", found["report.file.quarantined"].Evidence, StringComparison.Ordinal);
        Assert.Equal((Severity.Info, Severity.Warning), (found["report.file.quarantined"].Severity, found["report.queue.poison"].Severity));
        // The reports in that container are not signed.
        Assert.Equal("report.queue.poison", Assert.Single(operators.Outbox).Finding.Code);

        await poison.ClearMessagesAsync(Cancellation);
        await quarantine.DeleteBlobAsync($"{today}/a", cancellationToken: Cancellation);
        await quarantine.DeleteBlobAsync($"{today}/b", cancellationToken: Cancellation);
        _storage.Time.Advance(TimeSpan.FromHours(1));
        await RunAsync();

        Assert.Empty((await _storage.Domains.ReadAsync(Installation.Partition, Cancellation)).Findings);
    }

    private async Task StoreAsync(Report report)
    {
        await _storage.Reports.StoreAsync(
            report, [.. report.Types.SelectMany(type => type.Kinds, (type, kind) => new ReportFailure(kind.ResultType, kind.MxHost, kind.Address, kind.Sessions, "") { PolicyType = type.PolicyType })], Cancellation);
        await _storage.Summaries.ProjectAsync(Domain, Cancellation);
    }

    private async Task CheckAsync(params Finding[] found)
    {
        var partition = await ReadAsync();
        await _storage.Recorder.RecordAsync(
            partition, FindingSource.Checks, CheckRunId.Of(_storage.Time.GetUtcNow()), _storage.Time.GetUtcNow(), found, new HashSet<string>(), partition.Record, Cancellation);
    }

    private Task RunAsync() => _storage.EvaluateReports().RunAsync(Cancellation);

    private Task<DomainPartition> ReadAsync() => _storage.Domains.ReadAsync(Keys.Domain(Domain), Cancellation);
}
