using StsFunctions.Core.Checks;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class DomainSummaryStoreTests(AzuriteFixture azurite)
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly Policy Testing = Policy.Parse("version: STSv1\nmode: testing\nmx: mx.example.com\nmax_age: 86400\n"u8);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_row_shows_the_values_of_the_partition()
    {
        var storage = await HostedAsync();
        var partition = await storage.Domains.ReadAsync(Keys.Domain(Domain), Cancellation);
        var record = partition.Record! with { CheckRun = new CheckRunState("1", 1) { MxObserved = true }, LastCheckAt = TestStorage.Noon.AddHours(1), NextExpiry = TestStorage.Noon.AddDays(9) };
        await storage.Recorder.RecordAsync(
            partition, FindingSource.Checks, "1", TestStorage.Noon.AddHours(1), [Of("a", Severity.Info), Of("b", Severity.Critical), Of("c", Severity.Warning)], new HashSet<string>(), record, Cancellation);
        await storage.Reports.StoreAsync(ReportOf(TestStorage.Noon.AddDays(-1), 90, 10), [], Cancellation);
        await storage.Reports.StoreAsync(ReportOf(TestStorage.Noon.AddDays(-2), 5, 0), [], Cancellation);

        await storage.Summaries.ProjectAsync(Domain, Cancellation);

        var row = Assert.Single(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation));
        Assert.Equal(
            new DomainSummary("example.com", "team", PolicyMode.Testing, "20260314120000", Severity.Critical, 3, TestStorage.Noon.AddDays(9), TestStorage.Noon.AddHours(1), true, 3, row.Days),
            row);
        Assert.Equal([new DailySessions(new DateOnly(2026, 3, 12), 5, 0), new DailySessions(new DateOnly(2026, 3, 13), 90, 10)], row.Days);
    }

    [Fact]
    public async Task A_domain_without_a_check_has_no_invented_values()
    {
        var storage = await HostedAsync();

        var row = Assert.Single(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation));

        Assert.Equal((null, 0, null, null, false, 0), (row.WorstFinding, row.OpenFindings, row.NextExpiry, row.LastCheckAt, row.Observed, row.PendingNotifications));
        Assert.Empty(row.Days);
    }

    [Fact]
    public async Task Thirty_days_are_stored_and_reports_of_other_days_do_not_grow_the_row()
    {
        var storage = await HostedAsync();
        // Anybody may post reports: of the far past, and of years of days to come.
        foreach (var day in Enumerable.Range(-40, 45).Concat([4_000, 40_000]))
        {
            await storage.Reports.StoreAsync(ReportOf(TestStorage.Noon.AddDays(day), 1, 0), [], Cancellation);
        }

        await storage.Summaries.ProjectAsync(Domain, Cancellation);

        var days = Assert.Single(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation)).Days;
        Assert.Equal(Enumerable.Range(-29, 31).Select(day => new DateOnly(2026, 3, 14).AddDays(day)), days.Select(day => day.Day));
    }

    [Fact]
    public async Task The_daily_counts_of_one_signer_are_bounded()
    {
        var storage = await HostedAsync();
        await storage.Reports.StoreAsync(ReportOf(TestStorage.Noon, long.MaxValue, long.MaxValue), [], Cancellation);
        await storage.Reports.StoreAsync(ReportOf(TestStorage.Noon, long.MaxValue, 1) with { ReportId = "another" }, [], Cancellation);

        await storage.Summaries.ProjectAsync(Domain, Cancellation);

        var day = Assert.Single(Assert.Single(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation)).Days);
        Assert.Equal((SigningDomain.MaxDailySessions, SigningDomain.MaxDailySessions), (day.Sessions, day.Failures));
    }

    [Fact]
    public async Task A_removed_domain_leaves_the_list_and_is_not_restored_by_a_projection()
    {
        var storage = await HostedAsync();
        await storage.Publisher.RemoveAsync(Domain, force: true, Cancellation);

        await storage.Summaries.ProjectAsync(Domain, Cancellation);

        Assert.Empty(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation));
    }

    [Fact]
    public async Task Concurrent_projections_in_one_process_all_end_with_the_current_values()
    {
        var storage = await HostedAsync();

        await Task.WhenAll(Enumerable.Range(0, 40).Select(async n =>
        {
            await storage.Reports.StoreAsync(ReportOf(TestStorage.Noon, 1, 0) with { ReportId = $"{n}" }, [], Cancellation);
            await storage.Summaries.ProjectAsync(Domain, Cancellation);
        }));

        Assert.Equal(40, Assert.Single(Assert.Single(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation)).Days).Sessions);
    }

    [Fact]
    public async Task Concurrent_projections_of_many_instances_end_with_the_current_values()
    {
        var storage = await HostedAsync();

        var projections = Enumerable.Range(0, 10).Select(async n =>
        {
            await storage.Reports.StoreAsync(ReportOf(TestStorage.Noon, 1, 0) with { ReportId = $"{n}" }, [], Cancellation);
            try
            {
                await new DomainSummaryStore(storage.Tables, storage.Domains, storage.Reports, storage.Time).ProjectAsync(Domain, Cancellation);
            }
            catch (ConcurrentChangeException)
            {
                // It gets a conflict: its message is redelivered.
            }
        });
        await Task.WhenAll(projections);

        // The last writer had read after the one before had written; at the latest the next one has everything.
        await storage.Summaries.ProjectAsync(Domain, Cancellation);
        Assert.Equal(10, Assert.Single(Assert.Single(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation)).Days).Sessions);
    }

    [Fact]
    public async Task The_list_has_every_domain_of_every_shard()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var domains = Enumerable.Range(0, 60).Select(n => DomainName.Parse($"domain{n}.example")).ToList();
        foreach (var domain in domains)
        {
            await storage.Publisher.PublishAsync(domain, Testing, null, Cancellation);
        }

        var rows = await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation);

        Assert.Equal(domains.Select(domain => domain.Value).Order(), rows.Select(row => row.Domain).Order());
        Assert.True(domains.Select(Keys.Shard).Distinct().Count() > 10);
    }

    private async Task<TestStorage> HostedAsync()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, Testing, "team", Cancellation);
        return storage;
    }

    private static Finding Of(string subject, Severity severity) => new("mx.policy.mismatch", severity, subject, "observed", "meaning", "remedy", "RFC 8461 §4.1");

    private static Report ReportOf(DateTimeOffset start, long sessions, long failures) => new(
        "example.com", "Company-X", "id", start, start.AddDays(1), "sts", sessions, failures, ReportSource.Mail, AuthenticationResult.Aligned, start, "hash", "blob");
}
