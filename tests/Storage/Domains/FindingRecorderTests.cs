using System.Globalization;
using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class FindingRecorderTests(AzuriteFixture azurite)
{
    private const string Run = "20260314130000000";
    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly DateTimeOffset At = TestStorage.Noon.AddHours(1);
    private static readonly HashSet<string> AllObserved = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_change_its_audit_row_and_its_notification_are_recorded_together()
    {
        var storage = await HostedAsync();

        var changes = await RecordAsync(storage, Run, [Of("mx1.example.com", Severity.Critical)]);

        var partition = await ReadAsync(storage);
        Assert.Equal(Change.Opened, Assert.Single(changes).Change);
        Assert.Equal((Of("mx1.example.com", Severity.Critical), At, Run), Deconstruct(Assert.Single(partition.Findings)));
        var warning = Assert.Single(partition.Outbox);
        Assert.Equal((Change.Opened, Of("mx1.example.com", Severity.Critical), At, null), (warning.Change, warning.Finding, warning.At, warning.SendId));
        Assert.Contains("Opened Critical mx.starttls.missing mx1.example.com", Assert.Single(await AuditAsync(storage), text => text.Contains("mx1", StringComparison.Ordinal)), StringComparison.Ordinal);
        Assert.Equal((Run, At), (partition.Record!.CheckRun.Run, partition.Record.LastCheckAt));
    }

    [Fact]
    public async Task A_check_run_that_is_recorded_twice_is_recorded_once()
    {
        var storage = await HostedAsync();
        await RecordAsync(storage, Run, [Of("mx1.example.com", Severity.Critical)]);

        Assert.Empty(await RecordAsync(storage, Run, [Of("mx1.example.com", Severity.Critical)]));

        var partition = await ReadAsync(storage);
        Assert.Single(partition.Findings);
        Assert.Single(partition.Outbox);
    }

    [Fact]
    public async Task Opened_escalated_eased_and_resolved_are_notified_as_such()
    {
        var storage = await HostedAsync();
        var notified = new List<Change?>();
        var opened = "";
        foreach (var (severity, n) in ((Severity?[])[Severity.Warning, Severity.Warning, Severity.Critical, Severity.Warning, Severity.Critical, null, null]).Select((severity, n) => (severity, n)))
        {
            var changes = await RecordAsync(storage, $"2026031413000000{n}", severity is { } s ? [Of("mx1.example.com", s)] : []);
            notified.AddRange(changes.Select(change => change.Change));
            opened += (await ReadAsync(storage)).Findings.SingleOrDefault()?.CheckRun[^1];
        }

        Assert.Equal([Change.Opened, Change.Escalated, null, Change.Escalated, Change.Resolved], notified);
        // The finding has been open since the first run, however it changes.
        Assert.Equal("00000", opened);
        var partition = await ReadAsync(storage);
        Assert.Empty(partition.Findings);
        Assert.Equal(4, partition.Outbox.Count);
    }

    [Fact]
    public async Task A_finding_of_an_inconclusive_check_stays_open()
    {
        var storage = await HostedAsync();
        await RecordAsync(storage, Run, [Of("mx1.example.com", Severity.Critical)]);

        Assert.Empty(await RecordAsync(storage, "20260315130000000", [], inconclusive: ["mx.starttls.missing"]));

        Assert.Single((await ReadAsync(storage)).Findings);
    }

    [Fact]
    public async Task More_changes_than_fit_into_a_transaction_are_all_recorded()
    {
        var storage = await HostedAsync();
        var many = Enumerable.Range(0, 150).Select(n => Of($"mx{n}.example.com", Severity.Warning)).ToList();

        Assert.Equal(150, (await RecordAsync(storage, Run, many)).Count);

        await AssertAllThereAsync(storage, 150);
        Assert.Equal(150, (await RecordAsync(storage, "20260315130000000", [])).Count(change => change.Change == Change.Resolved));
        Assert.Empty((await ReadAsync(storage)).Findings);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_kill_between_two_transactions_loses_nothing_and_notifies_of_nothing_twice(int commits)
    {
        var storage = await HostedAsync();
        var many = Enumerable.Range(0, 110).Select(n => Of($"mx{n}.example.com", Severity.Warning)).ToList();
        var killed = new FindingRecorder(new DomainStore(TablesThatDieAfter(storage, commits)), storage.Notifications);
        await Assert.ThrowsAsync<IOException>(() => RecordAsync(storage, Run, many, recorder: killed));
        Assert.Equal("", (await ReadAsync(storage)).Record!.CheckRun.Run);
        Assert.Equal(15 * commits, (await ReadAsync(storage)).Findings.Count);

        await RecordAsync(storage, Run, many);

        await AssertAllThereAsync(storage, 110);
    }

    [Fact]
    public async Task One_of_two_concurrent_writers_gets_a_conflict()
    {
        var storage = await HostedAsync();
        var partition = await ReadAsync(storage);
        await RecordAsync(storage, Run, []);

        await Assert.ThrowsAsync<ConcurrentChangeException>(() => storage.Recorder.RecordAsync(
            partition, FindingSource.Checks, "20260315130000000", At, [Of("mx1.example.com", Severity.Info)], AllObserved, partition.Record, Cancellation));

        Assert.Empty((await ReadAsync(storage)).Findings);
    }

    [Fact]
    public async Task Two_checks_that_resolve_the_same_finding_of_the_installation_conflict_without_a_failure()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        async Task<DomainPartition> ReadOperatorAsync() => await storage.Domains.ReadAsync(Installation.Partition, Cancellation);
        await storage.Recorder.RecordAsync(await ReadOperatorAsync(), FindingSource.Checks, Run, At, [Of("port 25", Severity.Warning)], AllObserved, null, Cancellation);
        var partition = await ReadOperatorAsync();
        await storage.Recorder.RecordAsync(partition, FindingSource.Checks, "20260315130000000", At, [], AllObserved, null, Cancellation);

        await Assert.ThrowsAsync<ConcurrentChangeException>(() => storage.Recorder.RecordAsync(partition, FindingSource.Checks, "20260315130000000", At, [], AllObserved, null, Cancellation));

        Assert.Empty((await ReadOperatorAsync()).Findings);
    }

    [Fact]
    public async Task Evidence_of_any_length_and_alphabet_fits()
    {
        var storage = await HostedAsync();
        var many = Enumerable.Range(0, 30).Select(n => Of($"mx{n}.example.com", Severity.Warning) with { Evidence = new string('☃', 100_000), Remedy = new string('☃', 100_000) }).ToList();

        await RecordAsync(storage, Run, many);

        await AssertAllThereAsync(storage, 30);
        Assert.All((await ReadAsync(storage)).Findings, open => Assert.InRange(open.Finding.Evidence.Length, 1_000, 10_000));
    }

    [Fact]
    public async Task A_finding_of_another_source_is_neither_resolved_nor_written_again()
    {
        var storage = await HostedAsync();
        await RecordAsync(storage, Run, [Of("mx1.example.com", Severity.Critical)]);
        var reported = Of("certificate-expired", Severity.Warning) with { Code = "report.session.failed" };

        var opened = await RecordReportedAsync("20260314140000000", [reported]);
        Assert.Equal(2, (await ReadAsync(storage)).Findings.Count);
        Assert.Empty(await RecordAsync(storage, "20260314150000000", [Of("mx1.example.com", Severity.Critical)]));
        var resolved = await RecordReportedAsync("20260314160000000", []);

        Assert.Equal(Change.Opened, Assert.Single(opened).Change);
        Assert.Equal(Change.Resolved, Assert.Single(resolved).Change);
        Assert.Equal("mx.starttls.missing", Assert.Single((await ReadAsync(storage)).Findings).Finding.Code);
        await Assert.ThrowsAsync<ArgumentException>(() => RecordAsync(storage, "20260314170000000", [reported]));

        async Task<IReadOnlyList<FindingChange>> RecordReportedAsync(string run, IReadOnlyList<Finding> found)
        {
            var partition = await ReadAsync(storage);
            return (await storage.Recorder.RecordAsync(partition, FindingSource.Reports, run, At, found, AllObserved, partition.Record, Cancellation)).Changes;
        }
    }

    [Fact]
    public async Task Recording_no_change_writes_nothing()
    {
        var storage = await HostedAsync();
        var before = await ReadAsync(storage);

        await storage.Recorder.RecordAsync(before, FindingSource.Reports, Run, At, [], AllObserved, before.Record, Cancellation);

        Assert.Equal(before.ETag, (await ReadAsync(storage)).ETag);
    }

    private static async Task AssertAllThereAsync(TestStorage storage, int count)
    {
        var partition = await ReadAsync(storage);
        Assert.Equal(count, partition.Findings.Count);
        Assert.Equal(count, partition.Outbox.Count);
        Assert.Equal(count, (await AuditAsync(storage)).Count(text => text.StartsWith("Opened", StringComparison.Ordinal)));
        Assert.Equal(Run, partition.Record!.CheckRun.Run);
    }

    private async Task<TestStorage> HostedAsync()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);
        return storage;
    }

    private static async Task<IReadOnlyList<FindingChange>> RecordAsync(
        TestStorage storage, string run, IReadOnlyList<Finding> found, HashSet<string>? inconclusive = null, FindingRecorder? recorder = null)
    {
        var partition = await ReadAsync(storage);
        var record = partition.Record! with { CheckRun = new CheckRunState(run, 1), LastCheckAt = At };
        return (await (recorder ?? storage.Recorder).RecordAsync(partition, FindingSource.Checks, run, At, found, inconclusive ?? AllObserved, record, Cancellation)).Changes;
    }

    private static Task<DomainPartition> ReadAsync(TestStorage storage) => storage.Domains.ReadAsync(Keys.Domain(Domain), Cancellation);

    private static async Task<List<string>> AuditAsync(TestStorage storage) =>
        [.. (await storage.Tables.GetTableClient(StorageNames.DomainsTable)
            .QueryAsync<TableEntity>($"PartitionKey eq 'example.com' and RowKey lt '{Keys.FirstOfState}'", cancellationToken: Cancellation).ToListAsync(Cancellation))
            .Select(row => row.GetString("Detail"))];

    private static TableServiceClient TablesThatDieAfter(TestStorage storage, int commits)
    {
        var options = new TableClientOptions { Retry = { MaxRetries = 0 } };
        options.AddPolicy(new Death(commits), HttpPipelinePosition.PerCall);
        return new TableServiceClient(storage.ConnectionString, options);
    }

    private static (Finding, DateTimeOffset, string) Deconstruct(OpenFinding open) => (open.Finding, open.OpenedAt, open.CheckRun);

    private static Finding Of(string subject, Severity severity) => new(
        "mx.starttls.missing", severity, subject, string.Create(CultureInfo.InvariantCulture, $"observed at {subject}"), "meaning", "remedy", "RFC 8461 §4");

    private sealed class Death(int commits) : HttpPipelinePolicy
    {
        private int _left = commits;

        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();

        public override ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) =>
            message.Request.Method == RequestMethod.Post && _left-- == 0 ? throw new IOException("killed") : ProcessNextAsync(message, pipeline);
    }
}
