using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Storage.Domains;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class ReportStoreTests(AzuriteFixture azurite)
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly DateTimeOffset Start = new(TestStorage.Noon.AddDays(-1).Date, TimeSpan.Zero);
    private static readonly Report One = new(
        "example.com", "Company-X", "id-1", Start, Start.AddDays(1), "sts", 90, 10, ReportSource.Mail, AuthenticationResult.Unverified, TestStorage.Noon, "hash-a", "2026-03-14/a");
    private static readonly ReportFailure[] Failures = [new("starttls-not-supported", "mx1.example.com", "192.0.2.1", 7, ""), new("certificate-expired", "mx2.example.com", "", 3, "yesterday")];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_report_is_read_as_it_was_stored_with_its_failures()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        await storage.Reports.StoreAsync(One, Failures, Cancellation);

        var report = Assert.Single(await ReadAsync(storage));
        Assert.Equal(One, Bare(report));
        Assert.Equal(Failures, await storage.Reports.ReadFailuresAsync(report, Cancellation));
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task The_same_report_counts_once_also_through_another_channel()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Reports.StoreAsync(One, Failures, Cancellation);

        await storage.Reports.StoreAsync(One with { Source = ReportSource.Https, Blob = "elsewhere" }, Failures, Cancellation);

        var report = Assert.Single(await ReadAsync(storage));
        Assert.Equal(One, Bare(report));
        Assert.Equal(2, (await storage.Reports.ReadFailuresAsync(report, Cancellation)).Count);
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task Another_body_of_the_same_identity_is_stored_and_does_not_count()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var one = One with { Authentication = AuthenticationResult.Aligned, SignedBy = "company-x.example" };
        var forged = One with { Sessions = 1_000_000, BodyHash = "hash-b", ArrivedAt = One.ArrivedAt.AddSeconds(-1) };
        await storage.Reports.StoreAsync(one, Failures, Cancellation);

        await storage.Reports.StoreAsync(forged, [], Cancellation);
        await storage.Reports.StoreAsync(forged, [], Cancellation);

        var reports = await ReadAsync(storage);
        Assert.Equal([one, forged with { Superseded = true }], reports.Select(Bare));
        var day = Assert.Single(DomainSummaryStore.DailySessionsOf(reports));
        Assert.Equal((90, 10), (day.Sessions, day.Failures));
        Assert.Empty(await storage.Reports.ReadFailuresAsync(reports[1], Cancellation));
        Assert.Equal(2, (await storage.Reports.ReadFailuresAsync(reports[0], Cancellation)).Count);
    }

    [Theory]
    [InlineData("Unverified", "Unverified", "first")]
    [InlineData("Unverified", "Signed", "second")]
    [InlineData("Unverified", "Aligned", "second")]
    [InlineData("Signed", "Unverified", "first")]
    [InlineData("Signed", "Aligned", "second")]
    [InlineData("Aligned", "Signed", "first")]
    [InlineData("Aligned", "Aligned", "first")]
    [InlineData("Fail", "Unverified", "second")]
    [InlineData("TemporaryError", "Unverified", "second")]
    [InlineData("Signed", "PassByReceiver", "second")]
    [InlineData("PassByReceiver", "Aligned", "second")]
    [Trait("Conformance", "RPT-6")]
    public async Task The_best_authenticated_of_several_bodies_counts_and_then_the_first_in_any_order_of_storing(string first, string second, string counts)
    {
        var one = One with { BodyHash = "first", Authentication = Enum.Parse<AuthenticationResult>(first) };
        var other = One with { BodyHash = "second", Authentication = Enum.Parse<AuthenticationResult>(second), ArrivedAt = One.ArrivedAt.AddMinutes(1) };
        foreach (var order in (Report[][])[[one, other], [other, one]])
        {
            var storage = await TestStorage.CreateAsync(azurite);
            foreach (var report in order)
            {
                await storage.Reports.StoreAsync(report, Failures, Cancellation);
            }

            var reports = await ReadAsync(storage);
            Assert.Equal(2, reports.Count);
            Assert.Equal(counts, Assert.Single(reports, report => !report.Superseded).BodyHash);
        }
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task The_same_body_through_a_better_authenticated_channel_raises_its_authentication_and_nothing_lowers_it()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Reports.StoreAsync(One with { Source = ReportSource.Https }, Failures, Cancellation);
        await storage.Reports.StoreAsync(One with { Authentication = AuthenticationResult.Aligned, Blob = "2026-03-14/mail" }, Failures, Cancellation);
        await storage.Reports.StoreAsync(One with { Source = ReportSource.Https }, Failures, Cancellation);

        var report = Assert.Single(await ReadAsync(storage));
        Assert.Equal((AuthenticationResult.Aligned, ReportSource.Mail, "2026-03-14/mail", 90L), (report.Authentication, report.Source, report.Blob, report.Sessions));
        Assert.Equal(2, (await storage.Reports.ReadFailuresAsync(report, Cancellation)).Count);
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task A_signed_report_cannot_displace_that_of_another_signer_by_its_id()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var attacker = One with { BodyHash = "attacker", Authentication = AuthenticationResult.Aligned, SignedBy = "attacker.example", ArrivedAt = One.ArrivedAt.AddHours(-1) };
        var truth = One with { BodyHash = "truth", Authentication = AuthenticationResult.Aligned, SignedBy = "company-x.example" };
        var again = truth with { BodyHash = "again", ArrivedAt = One.ArrivedAt.AddHours(1) };
        var unsigned = truth with { BodyHash = "unsigned", Authentication = AuthenticationResult.Unverified, SignedBy = "", ArrivedAt = One.ArrivedAt.AddHours(-2) };
        var posted = truth with { BodyHash = "posted", Source = ReportSource.Https, Authentication = AuthenticationResult.Unverified, SignedBy = "", ArrivedAt = One.ArrivedAt.AddHours(-3) };
        foreach (var report in (Report[])[posted, unsigned, attacker, truth, again])
        {
            await storage.Reports.StoreAsync(report, [], Cancellation);
        }

        var reports = await ReadAsync(storage);

        Assert.Equal(["attacker", "truth"], reports.Where(report => report.IsCounted).Select(report => report.BodyHash));
        Assert.Equal(["again", "unsigned", "posted"], reports.Where(report => report.Superseded).Select(report => report.BodyHash));
        Assert.Equal(["attacker.example", "company-x.example"], reports.Where(report => report.IsCounted).Select(report => report.SignedBy));
    }

    [Fact]
    public async Task A_second_reading_replaces_the_first_as_a_new_generation_and_leaves_nothing_of_the_old_one()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Reports.StoreAsync(One with { Authentication = AuthenticationResult.Aligned }, Failures, Cancellation);
        var before = Assert.Single(await ReadAsync(storage));

        await storage.Reports.ReplaceAsync(One with { Sessions = 95, Failures = 5, ArrivedAt = One.ArrivedAt.AddDays(3) }, [Failures[0] with { Sessions = 5 }], Cancellation);

        var after = Assert.Single(await ReadAsync(storage));
        Assert.Equal(One with { Sessions = 95, Failures = 5, Authentication = AuthenticationResult.Aligned }, Bare(after));
        Assert.NotEqual(before.Generation, after.Generation);
        Assert.Equal([Failures[0] with { Sessions = 5 }], await storage.Reports.ReadFailuresAsync(after, Cancellation));
        Assert.Single(await FailureRowsAsync(storage));
    }

    [Fact]
    public async Task A_second_reading_with_another_day_or_sender_leaves_the_report_counted_once()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Reports.StoreAsync(One, Failures, Cancellation);

        await storage.Reports.ReplaceAsync(One with { Submitter = "Company-X GmbH", Start = Start.AddDays(-1) }, Failures, Cancellation);

        Assert.Equal(One with { Submitter = "Company-X GmbH", Start = Start.AddDays(-1) }, Bare(Assert.Single(await ReadAsync(storage))));
        Assert.Equal(2, (await FailureRowsAsync(storage)).Count);
    }

    [Fact]
    public async Task A_second_reading_with_the_same_result_changes_nothing()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Reports.StoreAsync(One, Failures, Cancellation);
        var before = await ReadAsync(storage);

        await storage.Reports.ReplaceAsync(One, Failures, Cancellation);

        Assert.Equal(before, await ReadAsync(storage));
        Assert.Equal(2, (await FailureRowsAsync(storage)).Count);
    }

    [Fact]
    public async Task Readers_see_one_whole_generation_while_another_is_being_written()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Reports.StoreAsync(One, Failures, Cancellation);
        var report = Assert.Single(await ReadAsync(storage));
        var half = new TableEntity("example.com", (await FailureRowsAsync(storage))[0].RowKey.Replace(report.Generation, "aaaaaaaa", StringComparison.Ordinal))
        {
            ["ResultType"] = "half",
            ["MxHost"] = "",
            ["Address"] = "",
            ["Sessions"] = 1L,
            ["Information"] = "",
        };

        await storage.Tables.GetTableClient(StorageNames.ReportFailuresTable).AddEntityAsync(half, Cancellation);

        Assert.Equal(Failures, await storage.Reports.ReadFailuresAsync(report, Cancellation));
    }

    [Theory]
    [InlineData("Company-Y", "id-1", 0)]
    [InlineData("Company-X", "id-2", 0)]
    [InlineData("Company-X", "id-1", 1)]
    [Trait("Conformance", "RPT-6")]
    public async Task Another_identity_is_another_report(string submitter, string id, int seconds)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Reports.StoreAsync(One, Failures, Cancellation);

        await storage.Reports.StoreAsync(One with { Submitter = submitter, ReportId = id, Start = Start.AddSeconds(seconds), BodyHash = "hash-b" }, [], Cancellation);

        Assert.Equal([false, false], (await ReadAsync(storage)).Select(report => report.Superseded));
    }

    [Fact]
    public async Task A_kill_before_the_last_row_leaves_no_report_and_a_retry_stores_it()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var failures = Enumerable.Range(0, 250).Select(n => new ReportFailure("certificate-expired", $"mx{n}.example.com", "", 1, "")).ToList();
        // The failures of the same body, under the same keys, are what a first try left.
        await storage.Reports.StoreAsync(One, failures, Cancellation);
        var table = storage.Tables.GetTableClient(StorageNames.ReportsTable);
        await table.DeleteEntityAsync("example.com", $"{ReportIdentity.Of(One.Day, One.Submitter, One.ReportId, One.Start)}:{One.BodyHash}", cancellationToken: Cancellation);

        Assert.Empty(await ReadAsync(storage));
        await storage.Reports.StoreAsync(One, failures, Cancellation);

        var report = Assert.Single(await ReadAsync(storage));
        Assert.Equal(One, Bare(report));
        Assert.Equal(250, (await storage.Reports.ReadFailuresAsync(report, Cancellation)).Count);
    }

    [Fact]
    public async Task Reports_are_read_from_a_day_on_in_the_order_of_their_days()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        foreach (var day in (int[])[3, 1, 2])
        {
            await storage.Reports.StoreAsync(One with { Start = Start.AddDays(-day) }, [], Cancellation);
        }

        var reports = await storage.Reports.ReadAsync(Domain, DateOnly.FromDateTime(Start.UtcDateTime).AddDays(-2), Cancellation);

        Assert.Equal([Start.AddDays(-2), Start.AddDays(-1)], reports.Select(report => report.Start));
    }

    [Fact]
    [Trait("Conformance", "RPT-7")]
    public async Task The_reports_of_a_domain_are_not_those_of_another()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Reports.StoreAsync(One, Failures, Cancellation);

        await storage.Reports.StoreAsync(One with { Domain = "other.example" }, [], Cancellation);

        Assert.Equal("example.com", Assert.Single(await ReadAsync(storage)).Domain);
    }

    // As it was given: the store alone knows of generations.
    private static Report Bare(Report report) => report with { Generation = "", IsCounted = false };

    private static async Task<List<TableEntity>> FailureRowsAsync(TestStorage storage) =>
        await storage.Tables.GetTableClient(StorageNames.ReportFailuresTable).QueryAsync<TableEntity>(cancellationToken: Cancellation).ToListAsync(Cancellation);

    private static Task<IReadOnlyList<Report>> ReadAsync(TestStorage storage) =>
        storage.Reports.ReadAsync(Domain, DateOnly.FromDateTime(Start.UtcDateTime).AddDays(-10), Cancellation);
}
