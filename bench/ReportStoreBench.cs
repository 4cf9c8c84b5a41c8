using System.Diagnostics;
using System.Globalization;
using System.Text;
using Azure.Core;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;
using Microsoft.Extensions.Logging.Abstractions;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Text;
using StsFunctions.Local;
using StsFunctions.Local.Azurite;
using StsFunctions.Network.Egress;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Containers;
using StsFunctions.ReportIntake.Dkim;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.Storage;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Reports;
using StsFunctions.UseCases.Policies;
using StsFunctions.UseCases.Reports;

namespace StsFunctions.Bench;

/// <summary>Reports in storage: the rows of a big one beside the same rows written bare, the calls of a small one, and a domain's 90 days.</summary>
internal static class ReportStoreBench
{
    private const int Details = 20_000;
    private const int Pairs = 15;
    private const int Days = 90;
    private const int ReportsPerDay = 50;
    private const int Writers = 8;
    private const double LeastRate = 0.7;

    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static async Task<Outcome> RunAsync(BenchOptions bench, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var pairs = bench.Rounds ?? Pairs;
        await using var azurite = await AzuriteServer.StartAsync(new AzuriteOptions(), progress, cancellationToken);
        var calls = new CallCount();
        var blobs = new BlobServiceClient(azurite.ConnectionString, Counted(new BlobClientOptions(), calls));
        var queues = new QueueServiceClient(azurite.ConnectionString, Counted(new QueueClientOptions { MessageEncoding = QueueMessageEncoding.Base64 }, calls));
        var tables = new TableServiceClient(azurite.ConnectionString, Counted(new TableClientOptions(), calls));
        await StorageLayout.EnsureAsync(blobs, queues, tables, cancellationToken);
        var reports = new ReportStore(tables, ReportAuthenticationPolicy.Default);

        var big = await BigAsync(reports, tables, calls, pairs, cancellationToken);
        progress.Report("The big report was written.");
        var small = await SmallAsync(blobs, queues, tables, reports, calls, cancellationToken);
        progress.Report("The small report was read.");
        var months = await MonthsAsync(reports, tables, calls, pairs, progress, cancellationToken);

        var rate = big.Ratio.Median;
        return new Outcome(
            "reportstore",
            [
                $"big: the rows of a report of {Details} details, aggregated to {big.Rows} rows and one that names them, written by the store; beside the same rows,",
                "written bare, in the same transactions of 100. The app's store and bare calls in turn, each in its own partition. rate: bare ms / ours ms.",
                $"small: a report of one policy and one detail, whole, from its message to its end: {small} calls of storage",
                "(the raw one read, archived and removed from the inbox; its domain looked up; its row looked up, its details and its row written; the domain's line of the list renewed).",
                $"months: {Days} days of {ReportsPerDay} reports a day, summed up by policy type, day, reason, sender and host; beside the same rows, read bare and discarded.",
                $"{pairs} pairs each, after one to warm up. {MachineInfo.Describe()}.",
            ],
            ["", "rows", "ours calls", "bare calls", "ours ms", "bare ms", "rate", "min - max"],
            [Row("big", big), Row("months", months)],
            [new Target("big, the rate beside bare, median", FormattableString.Invariant($"at least {LeastRate}"), rate, rate >= LeastRate)],
            new { Big = big, SmallCalls = small, Months = months });
    }

    private static async Task<Compared> BigAsync(ReportStore reports, TableServiceClient tables, CallCount calls, int pairs, CancellationToken cancellationToken)
    {
        var policy = new ReportedPolicy
        {
            PolicyType = PolicyTypes.Sts,
            PolicyDomain = Domain,
            SuccessfulSessions = 1_000_000,
            FailedSessions = Details,
            FailureDetails = [.. Enumerable.Range(0, Details).Select(n => new FailureDetail
            {
                ResultType = ResultTypes.CertificateExpired,
                ReceivingMxHostname = $"mx{n % 1_500}.example.com",
                ReceivingIp = $"192.0.2.{n % 1_500 % 250}",
                SendingMtaIp = $"198.51.100.{n % 250}",
                FailedSessions = 1,
                AdditionalInformation = "certificate has expired",
            })],
        };
        var read = new ReadReport(
            new TlsReport { OrganizationName = "Company-X", Start = Start, End = Start.AddDays(1), ReportId = "big", Policies = [policy] }, "hash");
        var rows = 0;
        return await CompareAsync(
            calls,
            pairs,
            n =>
            {
                var (report, failures) = ReportRows.Of(read, Domain, [policy], new IncomingReport(BlobName.Parse("name"), default, Start, ProvenanceClaim.None) { Source = ReportSource.Mail }, "blob");
                rows = failures.Count + 1;
                return (report with { Domain = $"ours{n}.example" }, failures);
            },
            async made => await reports.StoreAsync(made.Item1, made.Item2, cancellationToken),
            async (made, n) =>
            {
                // Keys of the same shape, in a partition of its own as ours is: so that the cost of keys is the same.
                var report = made.Item1 with { Domain = $"bare{n}.example" };
                var key = report.Key;
                var failures = tables.GetTableClient(StorageNames.ReportFailuresTable);
                var number = 0;
                foreach (var chunk in made.Item2.Chunk(100))
                {
                    await failures.SubmitTransactionAsync(chunk.Select(failure => new TableTransactionAction(TableTransactionActionType.UpsertReplace, new TableEntity(report.Domain, Keys.ReportFailure(key, "barebare", number++))
                    {
                        ["ResultType"] = failure.ResultType,
                        ["MxHost"] = failure.MxHost,
                        ["Address"] = failure.Address,
                        ["Sessions"] = failure.Sessions,
                        ["Information"] = failure.Information,
                        ["PolicyType"] = failure.PolicyType,
                    })), cancellationToken);
                }

                await tables.GetTableClient(StorageNames.ReportsTable).AddEntityAsync(
                    new TableEntity(report.Domain, key)
                    {
                        ["Submitter"] = report.Submitter,
                        ["ReportId"] = report.ReportId,
                        ["Start"] = report.Start,
                        ["End"] = report.End,
                        ["PolicyType"] = report.PolicyType,
                        ["Sessions"] = report.Sessions,
                        ["Failures"] = report.Failures,
                        ["Source"] = "Mail",
                        ["Authentication"] = "Unverified",
                        ["ArrivedAt"] = report.ArrivedAt,
                        ["BodyHash"] = report.BodyHash,
                        ["Generation"] = "generation",
                        ["Blob"] = report.Blob,
                        ["Digest"] = report.Digest!.ToJson(),
                    },
                    cancellationToken);
            },
            () => rows);
    }

    private static async Task<int> SmallAsync(
        BlobServiceClient blobs, QueueServiceClient queues, TableServiceClient tables, ReportStore reports, CallCount calls, CancellationToken cancellationToken)
    {
        var time = TimeProvider.System;
        var domains = new DomainStore(tables);
        var summaries = new DomainSummaryStore(tables, domains, reports, time);
        var small = DomainName.Parse("small.example");
        await new PolicyPublisher(domains, new PolicyBlobs(blobs), summaries, new CheckQueue(queues), new ServingOptions(), time)
            .PublishAsync(small, Policy.Parse(Encoding.UTF8.GetBytes("version: STSv1\nmode: none\nmax_age: 86400\n")), null, cancellationToken);
        var inbox = new ReportInbox(blobs, new ReportProvenance(new ProvenanceKeyStore(tables)), time);
        var function = new ReportIngestion(
            inbox, new ReportArchive(blobs), new ReportReader(new ReportLimitsOptions(), time), reports, new SignerCountStore(tables, time), domains,
            new DkimValidator(new DnsResolver(new EgressOptions()), time), new ReportQueue(queues), new EvaluationQueue(queues, new MessageDelayOptions(), time), new ReportIntakeOptions(), time, NullLogger<ReportIngestion>.Instance);
        var day = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime).AddDays(-1);
        using var raw = new MemoryStream();
        raw.Write(new SampleReport("Company-X", small.Value, day, Sessions: 90, Failures: 10, "mx.small.example").ToJson());
        var blob = await inbox.PutAsync(raw, ReportSource.Https, cancellationToken);
        calls.Take();
        await function.RunAsync(BlobCreatedEvent.Again(blob), cancellationToken);
        return calls.Take();
    }

    private static async Task<Compared> MonthsAsync(ReportStore reports, TableServiceClient tables, CallCount calls, int pairs, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var domain = DomainName.Parse("months.example");
        progress.Report($"Writing {Days * ReportsPerDay} reports …");
        await Parallel.ForAsync(0, Days * ReportsPerDay, new ParallelOptions { MaxDegreeOfParallelism = Writers, CancellationToken = cancellationToken }, async (n, token) =>
        {
            var start = Start.AddDays(n / ReportsPerDay);
            ReportFailure[] failures = [.. Enumerable.Range(0, n % 4).Select(kind => new ReportFailure(
                ((string[])["certificate-expired", "starttls-not-supported", "validation-failure"])[kind], $"mx{kind}.example.com", $"192.0.2.{n % 20}", 10, ""))];
            var report = new Report(
                domain.Value, $"Sender {n % ReportsPerDay}", $"{n}", start, start.AddDays(1), PolicyTypes.Sts, 1_000, failures.Sum(failure => failure.Sessions),
                ReportSource.Mail, AuthenticationResult.Aligned, start.AddDays(1), ContentHash.Of($"{n}"), "blob")
            {
                SignedBy = "sender.example",
                Digest = ReportDigest.Of([(PolicyTypes.Sts, 1_000, failures.Sum(failure => failure.Sessions))], failures),
            };
            await reports.StoreAsync(report, failures, token);
        });
        var range = ReportRange.Of(DateOnly.FromDateTime(Start.UtcDateTime), DateOnly.FromDateTime(Start.UtcDateTime).AddDays(Days - 1));
        return await CompareAsync(
            calls,
            pairs,
            n => n,
            async _ =>
            {
                var summary = await ReportSummary.OfAsync(reports.ScanAsync(domain, range, null, cancellationToken), cancellationToken);
                if (summary.Counted.Reports != Days * ReportsPerDay)
                {
                    throw new InvalidOperationException($"{summary.Counted.Reports} reports were summed, instead of {Days * ReportsPerDay}.");
                }
            },
            async (_, _) => await tables.GetTableClient(StorageNames.ReportsTable)
                .QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {domain.Value} and RowKey ge {range.First} and RowKey lt {range.End}"), cancellationToken: cancellationToken)
                .CountAsync(cancellationToken),
            () => Days * ReportsPerDay);
    }

    private static async Task<Compared> CompareAsync<T>(CallCount calls, int pairs, Func<int, T> make, Func<T, Task> ours, Func<T, int, Task> bare, Func<int> rows)
    {
        var times = new List<(double Ours, double Bare)>();
        var counted = (Ours: 0, Bare: 0);
        calls.Take();
        for (var n = 0; n <= pairs; n++)
        {
            var made = make(n);
            var oursTime = await TimeAsync(() => ours(made));
            counted.Ours = calls.Take();
            var bareTime = await TimeAsync(() => bare(made, n));
            counted.Bare = calls.Take();
            if (n > 0)
            {
                times.Add((oursTime, bareTime));
            }
        }

        return new Compared(rows(), counted.Ours, counted.Bare, Statistics.Of(times.Select(t => t.Ours)), Statistics.Of(times.Select(t => t.Bare)), Statistics.Of(times.Select(t => t.Bare / t.Ours)));
    }

    private static async Task<double> TimeAsync(Func<Task> work)
    {
        var began = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    private static string[] Row(string name, Compared compared) =>
    [
        name, $"{compared.Rows}", $"{compared.OursCalls}", $"{compared.BareCalls}",
        compared.Ours.Median.ToString("0.0", CultureInfo.InvariantCulture), compared.Bare.Median.ToString("0.0", CultureInfo.InvariantCulture),
        compared.Ratio.Median.ToString("0.00", CultureInfo.InvariantCulture), compared.Ratio.Ends("0.00"),
    ];

    private static T Counted<T>(T options, CallCount calls)
        where T : ClientOptions
    {
        options.AddPolicy(calls, HttpPipelinePosition.PerRetry);
        return options;
    }

    private sealed record Compared(int Rows, int OursCalls, int BareCalls, Statistics Ours, Statistics Bare, Statistics Ratio);
}
