using StsFunctions.Domains;
using StsFunctions.Protocol;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class ReportStoreTests(AzuriteFixture azurite)
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly DateTimeOffset Start = TestStorage.Noon.AddDays(-1).Date;
    private static readonly Report One = new(
        "example.com", "Company-X", "id-1", Start, Start.AddDays(1), "sts", 90, 10, ReportSource.Mail, "unverified", "hash-a", "gen-a", "2026-03-14/a", Superseded: false);
    private static readonly ReportFailure[] Failures = [new("starttls-not-supported", "mx1.example.com", "192.0.2.1", 7, ""), new("certificate-expired", "mx2.example.com", "", 3, "yesterday")];

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_report_comes_back_as_it_was_stored_with_its_failures()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        await storage.Reports.StoreAsync(One, Failures, Now);

        Assert.Equal(One, Assert.Single(await ReadAsync(storage)));
        Assert.Equal(Failures, await storage.Reports.ReadFailuresAsync(One, Now));
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task The_same_report_twice_counts_once_whichever_way_it_came()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Reports.StoreAsync(One, Failures, Now);

        await storage.Reports.StoreAsync(One with { Source = ReportSource.Https, Blob = "elsewhere" }, Failures, Now);

        Assert.Equal(One, Assert.Single(await ReadAsync(storage)));
        Assert.Equal(2, (await storage.Reports.ReadFailuresAsync(One, Now)).Count);
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task Another_body_of_the_same_identity_is_kept_and_counts_for_nothing()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var forged = One with { Sessions = 1_000_000, BodyHash = "hash-b", Generation = "gen-b" };
        await storage.Reports.StoreAsync(One, Failures, Now);

        await storage.Reports.StoreAsync(forged, [], Now);
        await storage.Reports.StoreAsync(forged, [], Now);

        var reports = await ReadAsync(storage);
        Assert.Equal([One, forged with { Superseded = true }], reports);
        var day = Assert.Single(FleetStore.DailySessionsOf(reports));
        Assert.Equal((90, 10), (day.Sessions, day.Failures));
        Assert.Empty(await storage.Reports.ReadFailuresAsync(reports[1], Now));
        Assert.Equal(2, (await storage.Reports.ReadFailuresAsync(reports[0], Now)).Count);
    }

    [Theory]
    [InlineData("Company-Y", "id-1", 0)]
    [InlineData("Company-X", "id-2", 0)]
    [InlineData("Company-X", "id-1", 1)]
    [Trait("Conformance", "RPT-6")]
    public async Task Another_identity_is_another_report(string submitter, string id, int seconds)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Reports.StoreAsync(One, Failures, Now);

        await storage.Reports.StoreAsync(One with { Submitter = submitter, ReportId = id, Start = Start.AddSeconds(seconds), BodyHash = "hash-b" }, [], Now);

        Assert.Equal([false, false], (await ReadAsync(storage)).Select(report => report.Superseded));
    }

    [Fact]
    public async Task A_kill_before_the_last_row_leaves_no_report_and_the_next_try_leaves_one()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var failures = Enumerable.Range(0, 250).Select(n => new ReportFailure("certificate-expired", $"mx{n}.example.com", "", 1, "")).ToList();
        // The failures of the same body, under the same keys, are what a first try left.
        await storage.Reports.StoreAsync(One, failures, Now);
        var table = storage.Tables.GetTableClient(StorageLayout.ReportsTable);
        await table.DeleteEntityAsync("example.com", Keys.Report(One.Day, One.Submitter, One.ReportId, One.Start), cancellationToken: Now);

        Assert.Empty(await ReadAsync(storage));
        await storage.Reports.StoreAsync(One, failures, Now);

        Assert.Equal(One, Assert.Single(await ReadAsync(storage)));
        Assert.Equal(250, (await storage.Reports.ReadFailuresAsync(One, Now)).Count);
    }

    [Fact]
    public async Task Reports_are_read_from_a_day_on_in_the_order_of_their_days()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        foreach (var day in (int[])[3, 1, 2])
        {
            await storage.Reports.StoreAsync(One with { Start = Start.AddDays(-day) }, [], Now);
        }

        var reports = await storage.Reports.ReadAsync(Domain, DateOnly.FromDateTime(Start.UtcDateTime).AddDays(-2), Now);

        Assert.Equal([Start.AddDays(-2), Start.AddDays(-1)], reports.Select(report => report.Start));
    }

    [Fact]
    [Trait("Conformance", "RPT-7")]
    public async Task One_domains_reports_are_not_anothers()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Reports.StoreAsync(One, Failures, Now);

        await storage.Reports.StoreAsync(One with { Domain = "other.example" }, [], Now);

        Assert.Equal("example.com", Assert.Single(await ReadAsync(storage)).Domain);
    }

    private static Task<IReadOnlyList<Report>> ReadAsync(TestStorage storage) =>
        storage.Reports.ReadAsync(Domain, DateOnly.FromDateTime(Start.UtcDateTime).AddDays(-10), Now);
}
