using System.Diagnostics;
using System.Globalization;
using System.Text;
using Azure;
using Azure.Core;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Local.Azurite;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Reports;
using StsFunctions.UseCases.Policies;

namespace StsFunctions.Bench;

/// <summary>A store of 10,000 domains: one read of the list, one read of a domain, one change, beside the bare storage calls that carry the same.</summary>
internal static class StoreBench
{
    private const int ManyDomains = 10_000;
    private const int Writers = 8;
    private const int ListPairs = 5;
    private const int Pairs = 25;
    private const double MostOfBare = 1.5;

    public static async Task<Outcome> RunAsync(BenchOptions bench, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var (count, listPairs, pairs) = (bench.Domains ?? ManyDomains, bench.Rounds ?? ListPairs, bench.Rounds ?? Pairs);
        await using var azurite = await AzuriteServer.StartAsync(new AzuriteOptions(), progress, cancellationToken);
        var store = new Store(azurite.ConnectionString);
        await StorageLayout.EnsureAsync(store.Blobs, store.Queues, store.Tables, cancellationToken);
        await FillAsync(store, count, progress, cancellationToken);

        var list = await CompareAsync(store, listPairs, _ => store.ListAsync(cancellationToken), _ => store.BareListAsync(cancellationToken));
        progress.Report("The list was read.");
        var read = await CompareAsync(store, pairs, n => store.ReadAsync(DomainOf(n), cancellationToken), n => store.BareReadAsync(DomainOf(n), cancellationToken));
        progress.Report("Domains were read.");
        var change = await CompareAsync(store, pairs, n => store.ChangeAsync(DomainOf(n), n, cancellationToken), n => store.BareChangeAsync(DomainOf(n + pairs + 1), n, cancellationToken));

        return new Outcome(
            "store",
            [
                $"{count} domains in Azurite, each with a record, a policy, two findings, two audit rows and a line of the list.",
                "list: the whole list, parsed; beside the same rows by one bare query a shard.",
                "read: all of a domain but its audit trail; beside the same rows by a bare query.",
                "change: another policy published, whole, safe against kills and concurrent writers; compared with the four writes of the result",
                "(one transaction, one blob, one message, one line of the list), blind.",
                $"The app's store and bare calls in turn, {listPairs} pairs for the list, {pairs} for the rest, after one to warm up. {MachineInfo.Describe()}.",
            ],
            ["", "ours calls", "bare calls", "ours ms", "bare ms", "ours / bare", "min - max"],
            [Row("list", list), Row("read", read), Row("change", change)],
            [new Target("list and read, ours / bare, the larger median", FormattableString.Invariant($"at most {MostOfBare}"), Math.Max(list.Ratio.Median, read.Ratio.Median), Math.Max(list.Ratio.Median, read.Ratio.Median) <= MostOfBare)],
            new { List = list, Read = read, Change = change });
    }

    private static async Task FillAsync(Store store, int count, IProgress<string> progress, CancellationToken cancellationToken)
    {
        progress.Report($"Writing {count} domains …");
        await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = Writers, CancellationToken = cancellationToken }, async (n, token) =>
        {
            await store.FillAsync(DomainOf(n), token);
            if (n % 2_000 == 1_999)
            {
                progress.Report(FormattableString.Invariant($"… {n + 1}"));
            }
        });
        await store.FillListAsync(Enumerable.Range(0, count).Select(DomainOf), cancellationToken);
        store.Calls.Take();
    }

    private static async Task<Compared> CompareAsync(Store store, int pairs, Func<int, Task<int>> ours, Func<int, Task<int>> bare)
    {
        var times = new List<(double Ours, double Bare)>();
        var calls = (Ours: 0, Bare: 0);
        for (var n = 0; n <= pairs; n++)
        {
            var (oursTime, oursRows) = await TimeAsync(() => ours(n));
            calls.Ours = store.Calls.Take();
            var (bareTime, bareRows) = await TimeAsync(() => bare(n));
            calls.Bare = store.Calls.Take();
            if (oursRows != bareRows)
            {
                throw new InvalidOperationException($"{oursRows} and {bareRows} rows: the measurement does not count.");
            }

            if (n > 0)
            {
                times.Add((oursTime, bareTime));
            }
        }

        return new Compared(calls.Ours, calls.Bare, Statistics.Of(times.Select(t => t.Ours)), Statistics.Of(times.Select(t => t.Bare)), Statistics.Of(times.Select(t => t.Ours / t.Bare)));
    }

    private static async Task<(double Milliseconds, int Rows)> TimeAsync(Func<Task<int>> work)
    {
        var began = Stopwatch.GetTimestamp();
        var rows = await work();
        return (Stopwatch.GetElapsedTime(began).TotalMilliseconds, rows);
    }

    private static DomainName DomainOf(int n) => DomainName.Parse(string.Create(CultureInfo.InvariantCulture, $"d{n:d5}.example"));

    private static string[] Row(string name, Compared compared) =>
    [
        name, $"{compared.OursCalls}", $"{compared.BareCalls}",
        compared.Ours.Median.ToString("0.0", CultureInfo.InvariantCulture), compared.Bare.Median.ToString("0.0", CultureInfo.InvariantCulture),
        compared.Ratio.Median.ToString("0.00", CultureInfo.InvariantCulture), compared.Ratio.Ends("0.00"),
    ];

    private sealed record Compared(int OursCalls, int BareCalls, Statistics Ours, Statistics Bare, Statistics Ratio);

    // The app's stores, and bare clients, over one account, with the calls of both counted.
    private sealed class Store
    {
        private static readonly DateTimeOffset Then = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

        private readonly DomainStore _domains;
        private readonly DomainSummaryStore _summaries;
        private readonly PolicyPublisher _publisher;

        public Store(string connectionString)
        {
            Blobs = new BlobServiceClient(connectionString, Counted(new BlobClientOptions()));
            Queues = new QueueServiceClient(connectionString, Counted(new QueueClientOptions { MessageEncoding = QueueMessageEncoding.Base64 }));
            Tables = new TableServiceClient(connectionString, Counted(new TableClientOptions()));
            _domains = new DomainStore(Tables);
            _summaries = new DomainSummaryStore(Tables, _domains, new ReportStore(Tables, ReportAuthenticationPolicy.Default), TimeProvider.System);
            _publisher = new PolicyPublisher(
                _domains, new PolicyBlobs(Blobs), _summaries, new CheckQueue(Queues), new ServingOptions(), TimeProvider.System);
        }

        public CallCount Calls { get; } = new();

        public BlobServiceClient Blobs { get; }

        public QueueServiceClient Queues { get; }

        public TableServiceClient Tables { get; }

        public Task<DomainPartition> FillAsync(DomainName domain, CancellationToken cancellationToken)
        {
            var policy = new PolicyVersion("20260101000000", PolicyOf(0).ToBytes(), PolicyMode.Enforce, TimeSpan.FromDays(7), Then, null, "default");
            var change = new DomainTransaction(DomainPartition.Empty(domain.Value))
                .Record(new DomainRecord("default", DomainState.Active, policy.Id, policy.Mode, Then, new CheckRunState("20260101000000000", 1) { MxObserved = true }, Then, Then.AddDays(60)))
                .NewPolicy(policy)
                .Audit(Then, "policy.recorded.20260101000000", "to be published")
                .Audit(Then, "policy.published.20260101000000", "published");
            foreach (var n in (int[])[1, 2])
            {
                change.Open(new OpenFinding(new Finding("mx.certificate.expiring", Severity.Warning, $"mx{n}.{domain}", "9 days left", "meaning", "remedy", "RFC 8461 §4.1"), Then, "20260101000000000"));
            }

            return _domains.CommitAsync(change, cancellationToken);
        }

        public async Task FillListAsync(IEnumerable<DomainName> domains, CancellationToken cancellationToken)
        {
            var table = Tables.GetTableClient(StorageNames.DomainSummariesTable);
            foreach (var chunk in domains.GroupBy(Keys.Shard).SelectMany(shard => shard.Chunk(100)))
            {
                await table.SubmitTransactionAsync(chunk.Select(domain => new TableTransactionAction(TableTransactionActionType.UpsertReplace, ListRow(domain, "20260101000000"))), cancellationToken);
            }
        }

        public async Task<int> ListAsync(CancellationToken cancellationToken)
        {
            var count = 0;
            await foreach (var _ in _summaries.ListAsync(cancellationToken))
            {
                count++;
            }

            return count;
        }

        public async Task<int> BareListAsync(CancellationToken cancellationToken)
        {
            var table = Tables.GetTableClient(StorageNames.DomainSummariesTable);
            var count = 0;
            foreach (var shard in Keys.Shards)
            {
                await foreach (var _ in table.QueryAsync<TableEntity>($"PartitionKey eq '{shard}'", cancellationToken: cancellationToken))
                {
                    count++;
                }
            }

            return count;
        }

        public async Task<int> ReadAsync(DomainName domain, CancellationToken cancellationToken)
        {
            var partition = await _domains.ReadAsync(domain.Value, cancellationToken);
            return 1 + partition.Policies.Count + partition.Findings.Count + partition.Outbox.Count;
        }

        public async Task<int> BareReadAsync(DomainName domain, CancellationToken cancellationToken)
        {
            var count = 0;
            await foreach (var _ in Tables.GetTableClient(StorageNames.DomainsTable).QueryAsync<TableEntity>($"PartitionKey eq '{domain}' and RowKey ge 'd'", cancellationToken: cancellationToken))
            {
                count++;
            }

            return count;
        }

        public async Task<int> ChangeAsync(DomainName domain, int n, CancellationToken cancellationToken)
        {
            await _publisher.PublishAsync(domain, PolicyOf(n + 1), null, cancellationToken);
            return 1;
        }

        public async Task<int> BareChangeAsync(DomainName domain, int n, CancellationToken cancellationToken)
        {
            var bytes = PolicyOf(n + 1).ToBytes();
            await Queues.GetQueueClient(StorageNames.DomainChecksQueue).SendMessageAsync("{}", cancellationToken);
            await Tables.GetTableClient(StorageNames.DomainsTable).SubmitTransactionAsync(
                new DomainTransaction(DomainPartition.Empty(domain.Value) with { ETag = ETag.All })
                    .Policy(new PolicyVersion("20260102000000", bytes, PolicyMode.Enforce, TimeSpan.FromDays(7), Then, null, "default"))
                    .Policy(new PolicyVersion("20260101000000", PolicyOf(0).ToBytes(), PolicyMode.Enforce, TimeSpan.FromDays(7), Then, Then, "default"))
                    .Record(new DomainRecord("default", DomainState.Active, "20260102000000", PolicyMode.Enforce, Then, new CheckRunState("20260101000000000", 1) { MxObserved = true }, Then, Then))
                    .Audit(Then, "policy.recorded.20260102000000", "to be published")
                    .Audit(Then, "policy.published.20260102000000", "published")
                    .Actions,
                cancellationToken);
            await Blobs.GetBlobContainerClient(StorageNames.PoliciesContainer).GetBlobClient(domain.Value).UploadAsync(new BinaryData(bytes), overwrite: true, cancellationToken);
            await Tables.GetTableClient(StorageNames.DomainSummariesTable).UpsertEntityAsync(ListRow(domain, "20260102000000"), TableUpdateMode.Replace, cancellationToken);
            return 1;
        }

        private static TableEntity ListRow(DomainName domain, string policyId) => new(Keys.Shard(domain), domain.Value)
        {
            ["Group"] = "default",
            ["State"] = "Active",
            ["Mode"] = "Enforce",
            ["PolicyId"] = policyId,
            ["WorstFinding"] = "Warning",
            ["OpenFindings"] = 2,
            ["NextExpiry"] = Then.AddDays(60),
            ["LastCheckAt"] = Then,
            ["Observed"] = true,
            ["PendingNotifications"] = 0,
            ["Days"] = string.Join(' ', Enumerable.Range(1, 30).Select(day => string.Create(CultureInfo.InvariantCulture, $"202601{day:d2}:1000/2"))),
        };

        private static Policy PolicyOf(int n) => Policy.Parse(Encoding.UTF8.GetBytes($"version: STSv1\nmode: enforce\nmx: mx{n}.example.com\nmax_age: 604800\n"));

        private T Counted<T>(T options)
            where T : ClientOptions
        {
            options.AddPolicy(Calls, HttpPipelinePosition.PerRetry);
            return options;
        }
    }
}
