using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Time;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Reports;
using StsFunctions.Storage.Retention;
using StsFunctions.Tests.EvaluateReports;
using Xunit;

namespace StsFunctions.Tests.Retention;

/// <summary>Data past its retention is purged, a part at a time, and nothing else is.</summary>
public sealed class RetentionTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private static readonly RetentionOptions Options = new() { RawReportDays = 7, QuarantineDays = 8, ReportDays = 35, ObservationDays = 9, AuditDays = 30, PostCountDays = 2 };
    private static readonly DomainName Domain = DomainName.Parse("example.com");

    private TestStorage _storage = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync() => _storage = await TestStorage.CreateAsync(azurite);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Theory]
    [InlineData(StorageNames.ReportsContainer, 7)]
    [InlineData(StorageNames.QuarantineContainer, 8)]
    public async Task Raw_reports_are_purged_by_the_day_of_their_arrival(string container, int days)
    {
        foreach (var (name, day) in (IEnumerable<(string, int)>)[("aaaaaaaaaaaaaaaaaaaaaaaaaa", 400), ("bbbbbbbbbbbbbbbbbbbbbbbbbb", days + 1), ("cccccccccccccccccccccccccc", days), ("dddddddddddddddddddddddddd", 0)])
        {
            await PutAsync(container, $"{TestStorage.Noon.AddDays(-day):yyyy-MM-dd}/{name}");
        }

        await PutAsync(container, "0 a name of somebody's");

        await RunAsync();

        Assert.Equal(["0 a name of somebody's", $"{TestStorage.Noon.AddDays(-days):yyyy-MM-dd}/cccccccccccccccccccccccccc", "2026-03-14/dddddddddddddddddddddddddd"], await NamesAsync(container));
    }

    [Fact]
    public async Task The_inbox_and_the_served_policies_are_never_purged()
    {
        await _storage.Publisher.PublishAsync(Domain, PolicyOf("a"), null, Cancellation);
        await PutAsync(StorageNames.InboxContainer, "2020-01-01/aaaaaaaaaaaaaaaaaaaaaaaaaa");

        _storage.Time.Advance(TimeSpan.FromDays(4_000));
        await RunAsync();

        Assert.Single(await NamesAsync(StorageNames.InboxContainer));
        Assert.Equal(["example.com"], await NamesAsync(StorageNames.PoliciesContainer));
    }

    [Fact]
    public async Task Rows_of_reports_and_of_their_failures_are_purged_by_their_day_also_for_a_removed_domain()
    {
        foreach (var domain in (string[])["example.com", "gone.example"])
        {
            foreach (var day in (int[])[100, 36, 35, 1])
            {
                await _storage.Reports.StoreAsync(Reported.Of(day) with { Domain = domain }, [new("certificate-expired", "mx", "", 1, "")], Cancellation);
            }
        }

        var unsigned = new ReportSender("example.com", IsSigner: false);
        await _storage.Posts.CountAsync(Domain, 1, 5, Cancellation);
        await _storage.Signers.CountAsync(unsigned, 1, 5, Cancellation);

        await RunAsync();

        foreach (var domain in (string[])["example.com", "gone.example"])
        {
            var reports = await _storage.Reports.ReadAsync(DomainName.Parse(domain), DateOnly.MinValue, Cancellation);
            Assert.Equal([Reported.Today.AddDays(-35), Reported.Today.AddDays(-1)], reports.Select(report => report.Day));
            Assert.All(reports, report => Assert.Single(_storage.Reports.ReadFailuresAsync(report, Cancellation).Result));
        }

        Assert.Equal(4, (await RowsAsync(StorageNames.ReportFailuresTable)).Count);
        Assert.Equal(PostCountOutcome.LimitReached, await _storage.Posts.CountAsync(Domain, 5, 5, Cancellation));
        Assert.Equal(PostCountOutcome.LimitReached, await _storage.Signers.CountAsync(unsigned, 5, 5, Cancellation));
    }

    [Fact]
    public async Task Observations_are_purged_by_their_time_wherever_the_previous_run_ended()
    {
        foreach (var domain in (string[])["a.example", "b.example", "c.example"])
        {
            foreach (var days in (double[])[0, 9, 9.01, 30])
            {
                await PutAsync(StorageNames.ObservationsContainer, $"{domain}/{Keys.InvertedTimestamp(TestStorage.Noon.AddDays(-days))}");
            }
        }

        await PutAsync(StorageNames.ObservationsContainer, "a.example/not-a-time");
        // A page holds less than there is, and a run no more than a page.
        var blobs = new BlobRetention(_storage.Blobs) { PageSize = 2 };
        for (var run = 0; run < 8; run++)
        {
            await RunAsync(blobs: blobs);
        }

        Assert.Equal(7, (await NamesAsync(StorageNames.ObservationsContainer)).Count);
        Assert.All((await NamesAsync(StorageNames.ObservationsContainer)).Where(name => !name.EndsWith("not-a-time", StringComparison.Ordinal)), name =>
            Assert.True(Keys.TimeOf(name.Split('/')[1]) >= TestStorage.Noon.AddDays(-9)));
    }

    [Fact]
    [Trait("Conformance", "OPS-3")]
    [Trait("Conformance", "OPS-4")]
    public async Task The_audit_trail_is_purged_and_policies_the_record_and_open_findings_stay()
    {
        await _storage.Publisher.PublishAsync(Domain, PolicyOf("a"), null, Cancellation);
        _storage.Time.Advance(TimeSpan.FromDays(1));
        await _storage.Publisher.PublishAsync(Domain, PolicyOf("b"), null, Cancellation);
        await RecordAsync(Keys.Domain(Domain), FindingSource.Checks, new("mx.record.alias", Severity.Warning, "mx", "observed", "meaning", "remedy", "RFC 8461 §4"));
        await RecordAsync(Installation.Partition, FindingSource.OutboundNetwork, new("outbound.smtp.blocked", Severity.Warning, "port 25", "observed", "meaning", "remedy", "RFC 8461 §4"));
        var before = await _storage.Domains.ReadAsync(Keys.Domain(Domain), Cancellation);
        _storage.Time.Advance(TimeSpan.FromDays(31));
        await RecordAsync(Keys.Domain(Domain), FindingSource.Checks, new("mx.record.alias", Severity.Critical, "mx", "observed", "meaning", "remedy", "RFC 8461 §4"));

        await RunAsync();

        var after = await _storage.Domains.ReadAsync(Keys.Domain(Domain), Cancellation);
        Assert.Equal(before.Policies.Select(policy => policy.Id), after.Policies.Select(policy => policy.Id));
        Assert.Equal(before.Policies.SafeToRemoveAt(TestStorage.Noon, _storage.Serving), after.Policies.SafeToRemoveAt(TestStorage.Noon, _storage.Serving));
        Assert.Equal((before.Record!.PolicyId, 1, 2), (after.Record!.PolicyId, after.Findings.Count, after.Outbox.Count));
        var audit = (await RowsAsync(StorageNames.DomainsTable)).Where(row => row.RowKey.StartsWith(Keys.AuditPrefix, StringComparison.Ordinal)).ToList();
        Assert.Equal("example.com", Assert.Single(audit).PartitionKey);
    }

    [Fact]
    public async Task Post_counts_of_past_days_are_purged_and_are_not_reports()
    {
        foreach (var _ in (int[])[1, 2, 3])
        {
            await _storage.Posts.CountAsync(Domain, 1, 5, Cancellation);
            _storage.Time.Advance(TimeSpan.FromDays(1));
        }

        await RunAsync();

        Assert.Empty(await _storage.Reports.ReadAsync(Domain, DateOnly.MinValue, Cancellation));
        Assert.Equal(["20260316:example.com"], (await RowsAsync(StorageNames.ReportsTable)).Select(row => row.RowKey));
    }

    [Fact]
    public async Task A_run_does_a_part_and_the_next_one_continues_and_starts_again_a_day_later()
    {
        foreach (var n in Enumerable.Range(0, 5))
        {
            await StoreOldAsync($"d{n}.example", failures: n == 1 ? 150 : 1);
        }

        var rows = new RowRetention(_storage.Tables) { MaxPartitions = 2, MaxDeleted = 100 };
        List<int> left = [];
        for (var run = 0; run < 6; run++)
        {
            await RunAsync(rows: rows);
            left.Add((await RowsAsync(StorageNames.ReportFailuresTable)).Count);
            _storage.Time.Advance(TimeSpan.FromHours(1));
        }

        // Of five domains two, but of the second no more than a hundred; the rest of it and the third; and so on.
        Assert.Equal([54 - 1, 2, 0, 0, 0, 0], left);

        await StoreOldAsync("late.example", failures: 1);
        await RunAsync(rows: rows);
        Assert.Single(await RowsAsync(StorageNames.ReportFailuresTable));
        _storage.Time.Advance(TimeSpan.FromHours(23));
        await RunAsync(rows: rows);
        await RunAsync(rows: rows);
        Assert.Empty(await RowsAsync(StorageNames.ReportFailuresTable));
    }

    [Fact]
    public async Task A_row_that_cannot_be_deleted_stops_no_other_row_and_no_other_kind_and_is_a_failure()
    {
        foreach (var name in (string[])["aaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbb", "cccccccccccccccccccccccccc"])
        {
            await PutAsync(StorageNames.ReportsContainer, $"2020-01-01/{name}");
        }

        await StoreOldAsync("example.com", failures: 1);
        var options = new BlobClientOptions { Retry = { MaxRetries = 0 } };
        options.AddPolicy(new Undeletable("/bbbbbbbbbbbbbbbbbbbbbbbbbb"), HttpPipelinePosition.PerCall);

        var failed = await RunAsync(blobs: new BlobRetention(new BlobServiceClient(_storage.ConnectionString, options)), isWhole: false);

        Assert.Equal(["Retention of raw-reports"], failed);
        Assert.Equal(["2020-01-01/bbbbbbbbbbbbbbbbbbbbbbbbbb"], await NamesAsync(StorageNames.ReportsContainer));
        Assert.Empty(await RowsAsync(StorageNames.ReportsTable));
    }

    [Fact]
    public async Task Two_concurrent_runs_share_the_work_and_neither_fails()
    {
        foreach (var n in Enumerable.Range(0, 3))
        {
            await StoreOldAsync($"d{n}.example", failures: 120);
        }

        await Task.WhenAll(RunAsync(), RunAsync());

        Assert.Empty(await RowsAsync(StorageNames.ReportFailuresTable));
        Assert.Empty(await RowsAsync(StorageNames.ReportsTable));
    }

    private async Task<List<string>> RunAsync(BlobRetention? blobs = null, RowRetention? rows = null, bool isWhole = true)
    {
        var failed = new List<string>();
        await _storage.RetentionBy(Options, blobs, rows).RunAsync(
            _storage.Time.GetUtcNow(),
            async (kind, purge) =>
            {
                try
                {
                    await purge();
                }
                catch (AggregateException) when (!isWhole)
                {
                    failed.Add(kind);
                }
            },
            Cancellation);
        return failed;
    }

    private Task StoreOldAsync(string domain, int failures) => _storage.Reports.StoreAsync(
        Reported.Of(100) with { Domain = domain }, [.. Enumerable.Range(0, failures).Select(n => new ReportFailure("certificate-expired", $"mx{n}", "", 1, ""))], Cancellation);

    private async Task RecordAsync(string partition, FindingSource scope, Finding finding)
    {
        var read = await _storage.Domains.ReadAsync(partition, Cancellation);
        await _storage.Recorder.RecordAsync(read, scope, CheckRunId.Of(_storage.Time.GetUtcNow()), _storage.Time.GetUtcNow(), [finding], new HashSet<string>(), read.Record, Cancellation);
    }

    private Task<Response<Azure.Storage.Blobs.Models.BlobContentInfo>> PutAsync(string container, string name) =>
        _storage.Blobs.GetBlobContainerClient(container).GetBlobClient(name).UploadAsync(new BinaryData("x"), Cancellation);

    private async Task<List<string>> NamesAsync(string container) =>
        await _storage.Blobs.GetBlobContainerClient(container).GetBlobsAsync(cancellationToken: Cancellation).Select(blob => blob.Name).ToListAsync(Cancellation);

    private async Task<List<TableEntity>> RowsAsync(string table) =>
        await _storage.Tables.GetTableClient(table).QueryAsync<TableEntity>(row => row.PartitionKey != Installation.Partition || row.RowKey.CompareTo("b") < 0, cancellationToken: Cancellation).ToListAsync(Cancellation);

    private static Policy PolicyOf(string mx) => Policy.Parse(System.Text.Encoding.UTF8.GetBytes($"version: STSv1\nmode: enforce\nmx: {mx}.example.com\nmax_age: 604800\n"));

    private sealed class Undeletable(string blob) : HttpPipelinePolicy
    {
        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();

        public override ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) =>
            message.Request.Method == RequestMethod.Delete && message.Request.Uri.Path.EndsWith(blob, StringComparison.Ordinal) ? throw new IOException("torn") : ProcessNextAsync(message, pipeline);
    }
}
