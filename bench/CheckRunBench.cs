using System.Diagnostics;
using System.Globalization;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;

namespace StsFunctions.Bench;

/// <summary>One check run over many domains on one instance: the published app under a Functions host. Five domains share an MX address.</summary>
internal static class CheckRunBench
{
    private const int Large = 10_000;
    private const int Tenth = 10;
    private const int DomainsAnAddress = 5;
    private const int Writers = 8;
    private const int ObservationBytes = 16 * 1024;
    private const string Earlier = "20260101000000";

    // How many domains the bare calls are made for, before the check run and after it.
    private const int Sample = 400;
    private const int AtOnce = 16;

    // Ten times the domains may take ten times the time, and a little more for other work on the machine.
    private const double MostOfLinear = 1.1;
    private static readonly DateTimeOffset Then = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    public static async Task<Outcome> RunAsync(BenchOptions bench, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var large = bench.Domains ?? Large;
        var small = large / Tenth;
        var app = await PublishedApp.AppAsync(progress, cancellationToken);
        var runs = new List<Run>();
        foreach (var domains in (int[])[small, large])
        {
            runs.Add(await MeasureAsync(bench, app, domains, progress, cancellationToken));
        }

        var growth = runs[1].OfBare / runs[0].OfBare;
        return new Outcome(
            "checkrun",
            [
                $"One check run: ScheduleChecks, then CheckDomain for every domain, 16 at a time, by one worker ({app.How}) under {bench.HostName}.",
                $"{DomainsAnAddress} domains share an MX host with an address of its own: SMTP with TLS 1.3 on loopback, four sessions per address and day.",
                "Each domain's policy is fetched by HTTPS from the app itself. Storage is Azurite, DNS and SMTP servers run in the measuring process; all share the same cores.",
                "Azurite scans a whole table for each query of a partition, so it slows down as tables grow. The baseline beside each check run is the same nine",
                $"storage calls per domain, bare, {AtOnce} domains at a time, for {Sample} domains before the check run and {Sample} after it.",
                $"Memory is the worker's largest resident set (VmHWM). {MachineInfo.Describe()}.",
            ],
            ["domains", "MX addresses", "seconds", "ms a domain", "bare ms a domain", "of bare", "worker MiB before", "worker MiB at most", "worker CPU s", "SMTP sessions"],
            [.. runs.Select(run => (string[])
            [
                $"{run.Domains}", $"{run.Addresses}", Text(run.Seconds, "0.0"), Text(1000 * run.Seconds / run.Domains, "0.0"),
                Text(run.BareMilliseconds, "0.0"), Text(run.OfBare, "0.00"), Text(run.MebibytesBefore, "0"), Text(run.MebibytesAtMost, "0"), Text(run.CpuSeconds, "0.0"), $"{run.Sessions}",
            ])],
            [new Target($"time of bare at {large} over that at {small}", FormattableString.Invariant($"at most {MostOfLinear}"), growth, growth <= MostOfLinear)],
            runs);
    }

    private static async Task<Run> MeasureAsync(BenchOptions bench, PublishedApp app, int domains, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var failed = 0;
        await using var system = await LocalSystem.StartAsync(
            new LocalSystemOptions
            {
                AppRoot = app.Folder,
                HostCommand = bench.HostCommand,
                HostKey = bench.HostKey,
                OnInvocation = invocation => failed += invocation.Succeeded ? 0 : 1,
            },
            cancellationToken);
        progress.Report($"Putting {domains} domains into the lab and into storage …");
        var addresses = domains / DomainsAnAddress;
        var lab = Enumerable.Range(0, domains).Select(n => new LabDomain(string.Create(CultureInfo.InvariantCulture, $"d{n:d5}.example"), "") { Mx = [new($"mx{n % addresses}.lab.example")] }).ToList();
        system.MailLab.Add(lab);
        await FillAsync(system, lab, cancellationToken);
        await system.Client.GetAsync(system.Https($"mta-sts.{lab[0].Name}", "/.well-known/mta-sts.txt"), cancellationToken);

        var bareBefore = await BareAsync(system, lab, cancellationToken);
        var process = system.Host.WorkerProcessId ?? throw new InvalidOperationException("The worker does not run.");
        var (before, cpu, began) = (ProcessMemory.Of(process).Resident, ProcessorTime.OfTree(process), Stopwatch.GetTimestamp());
        progress.Report($"Checking {domains} domains …");
        await system.Host.InvokeTimerAsync("ScheduleChecks", cancellationToken);
        await system.Host.WhenIdleAsync(ignoreDelayed: true, cancellationToken);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var run = new Run(
            domains, addresses, seconds, (bareBefore + await BareAsync(system, lab, cancellationToken)) / 2, before, ProcessMemory.Of(process).Peak, (ProcessorTime.OfTree(process) - cpu).TotalSeconds,
            system.MailLab.Hosts.Sum(host => host.Servers.Sum(server => server.Received.Count(line => line.Equals("STARTTLS", StringComparison.OrdinalIgnoreCase)))));
        await CheckedAsync(system, domains, failed, cancellationToken);
        progress.Report(FormattableString.Invariant($"… took {seconds:0.0} s."));
        return run;
    }

    // The measurement counts only if every domain was checked without a fault.
    private static async Task CheckedAsync(LocalSystem system, int domains, int failed, CancellationToken cancellationToken)
    {
        var (checkedDomains, faults) = (0, 0);
        await foreach (var row in new TableServiceClient(system.Azurite.ConnectionString).GetTableClient(StorageNames.DomainsTable).QueryAsync<TableEntity>(cancellationToken: cancellationToken))
        {
            checkedDomains += row.RowKey == Keys.Record && row.GetDateTimeOffset("LastCheckAt") > Then ? 1 : 0;
            faults += row.RowKey.StartsWith(Keys.FindingPrefix, StringComparison.Ordinal) && row.GetString("Severity") != nameof(Severity.Info) ? 1 : 0;
        }

        if (checkedDomains != domains || faults > 0 || failed > 0)
        {
            throw new InvalidOperationException($"{checkedDomains} of {domains} domains were checked, with {faults} finding(s) above info, and {failed} call(s) failed: the measurement does not count.");
        }
    }

    // The storage calls of a check without its work: milliseconds per domain.
    private static async Task<double> BareAsync(LocalSystem system, IReadOnlyList<LabDomain> domains, CancellationToken cancellationToken)
    {
        var tables = new TableServiceClient(system.Azurite.ConnectionString);
        var blobs = new BlobServiceClient(system.Azurite.ConnectionString);
        var (rows, lists, hosts, reports) = (
            tables.GetTableClient(StorageNames.DomainsTable), tables.GetTableClient(StorageNames.DomainSummariesTable), tables.GetTableClient(StorageNames.MxHostsTable), tables.GetTableClient(StorageNames.ReportsTable));
        var (policies, observations) = (blobs.GetBlobContainerClient(StorageNames.PoliciesContainer), blobs.GetBlobContainerClient(StorageNames.ObservationsContainer));
        var observation = new BinaryData(new byte[ObservationBytes]);
        var began = Stopwatch.GetTimestamp();
        await Parallel.ForEachAsync(domains.Take(Sample), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = cancellationToken }, async (domain, token) =>
        {
            await PartitionAsync(rows, domain.Name, "d", token);
            await policies.GetBlobClient(domain.Name).GetPropertiesAsync(cancellationToken: token);
            await hosts.GetEntityIfExistsAsync<TableEntity>(domain.Mx[0].Host, "127.0.1.1", cancellationToken: token);
            await observations.GetBlobClient($"bare/{domain.Name}").UploadAsync(observation, overwrite: true, token);
            await rows.SubmitTransactionAsync([new TableTransactionAction(TableTransactionActionType.UpsertReplace, new TableEntity($"bare-{domain.Name}", "bare"))], token);
            await lists.GetEntityIfExistsAsync<TableEntity>("bare", domain.Name, cancellationToken: token);
            await PartitionAsync(rows, domain.Name, "d", token);
            await PartitionAsync(reports, domain.Name, "2026", token);
            await lists.UpsertEntityAsync(new TableEntity("bare", domain.Name), TableUpdateMode.Replace, token);
        });
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds / Sample;
    }

    private static async Task PartitionAsync(TableClient table, string partition, string from, CancellationToken cancellationToken)
    {
        await foreach (var _ in table.QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {from}"), cancellationToken: cancellationToken))
        {
        }
    }

    private static async Task FillAsync(LocalSystem system, IReadOnlyList<LabDomain> domains, CancellationToken cancellationToken)
    {
        var blobs = new PolicyBlobs(new BlobServiceClient(system.Azurite.ConnectionString));
        var tables = new TableServiceClient(system.Azurite.ConnectionString);
        await StorageLayout.EnsureAsync(new BlobServiceClient(system.Azurite.ConnectionString), new Azure.Storage.Queues.QueueServiceClient(system.Azurite.ConnectionString), tables, cancellationToken);
        var store = new DomainStore(tables);
        await Parallel.ForEachAsync(domains, new ParallelOptions { MaxDegreeOfParallelism = Writers, CancellationToken = cancellationToken }, async (domain, token) =>
        {
            var policy = new PolicyVersion(
                Earlier, Policy.Parse(System.Text.Encoding.ASCII.GetBytes(domain.Policy)).ToBytes(), PolicyMode.Enforce, TimeSpan.FromDays(7), Then, null, "default");
            var record = new DomainRecord("default", DomainState.Active, policy.Id, policy.Mode, Then, CheckRunState.None with { MxObserved = true }, Then);
            await blobs.PutAsync(DomainName.Parse(domain.Name), policy, token);
            await store.CommitAsync(new DomainTransaction(DomainPartition.Empty(domain.Name)).Record(record).NewPolicy(policy), token);
            lock (system)
            {
                system.MailLab.SetPolicyId(domain.Name, Earlier);
            }
        });
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private sealed record Run(int Domains, int Addresses, double Seconds, double BareMilliseconds, double MebibytesBefore, double MebibytesAtMost, double CpuSeconds, int Sessions)
    {
        public double OfBare => 1000 * Seconds / Domains / BareMilliseconds;
    }
}
