using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;
using Azure.Storage.Queues;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Time;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Storage.Checks;

namespace StsFunctions.Bench;

/// <summary>The worker's memory: idle, under an ordinary load, and over a soak of mixed events, quarter by quarter.</summary>
internal static class SoakBench
{
    private const int AtOnce = 8;
    private const int Quarters = 4;
    private const double MostOfGrowth = 1.1;

    // What an instance of 512 MB has for the worker, beside the Functions host.
    private const double MostMegabytes = 220;
    private const double MegabytesInMebibyte = 1.048576;

    // The queue redelivers what failed.
    private const double MostOfFailures = 0.01;

    // As in production: most are policies, some of them for names that are not hosted.
    private const int Cycle = 20;
    private const int OrdinaryPerSecond = 20;
    private static readonly TimeSpan Ordinary = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(200);

    public static async Task<Outcome> RunAsync(BenchOptions bench, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var app = await PublishedApp.AppAsync(progress, cancellationToken);
        var commands = await PublishedApp.CommandRootAsync(progress, cancellationToken);
        var failed = 0;
        await using var system = await LocalSystem.StartAsync(
            new LocalSystemOptions
            {
                AppRoot = app.Folder,
                CommandRoot = commands,
                HostCommand = bench.HostCommand,
                HostKey = bench.HostKey,
                Progress = progress,
                // Reports by one sender on more than a few domains a day are refused, and refusals are not measured.
                Settings = new Dictionary<string, string> { ["Sts__PostsPerMinute"] = "100000", ["Sts__PostsPerDomainAndDay"] = "1000000" },
                OnInvocation = invocation => Interlocked.Add(ref failed, invocation.Succeeded ? 0 : 1),
            },
            cancellationToken);
        foreach (var domain in LabDomains.Typical)
        {
            await system.AddAsync(domain, cancellationToken);
        }

        await system.WhenIdleAsync(cancellationToken);
        // Publishing checks every domain; this is a new worker that has done nothing yet.
        system.Host.KillWorker();
        var soak = new Soak(system, [.. LabDomains.Typical.Select(domain => domain.Name)]);
        await soak.PolicyAsync(0, cancellationToken);
        var machine = MachineInfo.Describe();
        var process = system.Host.WorkerProcessId ?? throw new InvalidOperationException("The worker does not run.");
        failed = 0;

        var stages = new List<Stage>();
        async Task AddAsync(string name, int count)
        {
            await Task.Delay(Settled, cancellationToken);
            stages.Add(new Stage(name, count, ProcessMemory.Of(process), ProcessorTime.OfTree(process).TotalSeconds));
            progress.Report(FormattableString.Invariant($"{name}: {stages[^1].Memory.Resident:0.0} MiB, at most {stages[^1].Memory.Peak:0.0} MiB"));
        }

        await AddAsync("idle, one policy served", 1);
        await AddAsync($"{OrdinaryPerSecond} policies/s for {Ordinary.TotalSeconds:0} s", await soak.OrdinaryAsync(OrdinaryPerSecond, Ordinary, cancellationToken));

        var began = Stopwatch.GetTimestamp();
        var done = 0;
        for (var quarter = 1; quarter <= Quarters && Stopwatch.GetElapsedTime(began) < bench.Limit; quarter++)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var until = bench.Events * quarter / Quarters;
            var first = done;
            await Parallel.ForAsync(first, until, new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = limit.Token }, async (n, _) =>
            {
                if (Stopwatch.GetElapsedTime(began) < bench.Limit)
                {
                    await soak.EventAsync(n, cancellationToken);
                    Interlocked.Increment(ref done);
                }
            });
            await WhenIdleAsync(system, cancellationToken);
            await AddAsync($"soak, {done} events", done - first);
        }

        if (process != system.Host.WorkerProcessId || failed > MostOfFailures * done)
        {
            throw new InvalidOperationException($"{failed} call(s) failed, and the worker is {(process == system.Host.WorkerProcessId ? "still the same" : "another")}: the measurement does not count.");
        }

        // The first quarter loads everything that is needed.
        var growth = stages[^1].Memory.Resident / stages[2].Memory.Resident;
        var peak = stages[^1].Memory.Peak * MegabytesInMebibyte;
        return new Outcome(
            "soak",
            [
                $"One worker of the app, {app.How}, under {bench.HostName}, with {LabDomains.Typical.Count} domains, good and bad; Azurite, DNS and SMTP servers are on the same cores.",
                $"Of {Cycle} events 9 ask for a policy that is hosted, 5 for one that is not, 2 post a report, 2 bring a report as mail into the inbox, 1 is a check of a domain,",
                $"and 1 brings an invalid report, by POST or into the inbox: truncated, a bomb, not JSON, on a domain that is not hosted. {AtOnce} at a time.",
                "Their queue messages are processed before memory is read, 10 s later.",
                $"{done} events in {Stopwatch.GetElapsedTime(began).TotalMinutes.ToString("0.0", CultureInfo.InvariantCulture)} minutes, {failed} calls of a queue's function failed and were retried (two checks of one domain at the same time). {machine}.",
            ],
            ["", "events", "RSS, MiB", "of it no file's, MiB", "at most so far, MiB", "CPU so far, s"],
            [.. stages.Select(stage => (string[])
            [
                stage.Name, $"{stage.Events}", Text(stage.Memory.Resident), Text(stage.Memory.Anonymous), Text(stage.Memory.Peak), Text(stage.CpuSeconds),
            ])],
            [
                new Target("the largest RSS of all, MB", FormattableString.Invariant($"at most {MostMegabytes}"), peak, peak <= MostMegabytes),
                new Target("RSS at the end over that after the first quarter", FormattableString.Invariant($"at most {MostOfGrowth}"), growth, growth <= MostOfGrowth),
            ],
            stages);
    }

    private static async Task WhenIdleAsync(LocalSystem system, CancellationToken cancellationToken)
    {
        await system.Relay.RelayNowAsync(cancellationToken);
        await Task.Delay(Poll, cancellationToken);
        await system.Host.WhenIdleAsync(ignoreDelayed: true, cancellationToken);
    }

    private static string Text(double value) => value.ToString("0.0", CultureInfo.InvariantCulture);

    private sealed record Stage(string Name, int Events, ProcessMemory Memory, double CpuSeconds);

    private sealed class Soak(LocalSystem system, IReadOnlyList<string> domains)
    {
        // 60 MB of blanks.
        private static readonly byte[] Bomb = Gzip(Encoding.ASCII.GetBytes(new string(' ', 60_000_000)));

        private readonly CheckQueue _checks = new(
            new QueueServiceClient(system.Azurite.ConnectionString, new QueueClientOptions { MessageEncoding = QueueMessageEncoding.Base64 }));

        private readonly DateOnly _yesterday = DateOnly.FromDateTime(DateTime.UtcNow).AddDays(-1);

        public async Task<int> OrdinaryAsync(int perSecond, TimeSpan duration, CancellationToken cancellationToken)
        {
            var count = (int)(perSecond * duration.TotalSeconds);
            using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1.0 / perSecond));
            for (var n = 0; n < count; n++)
            {
                await timer.WaitForNextTickAsync(cancellationToken);
                await PolicyAsync(n, cancellationToken);
            }

            return count;
        }

        public Task EventAsync(int n, CancellationToken cancellationToken) => (n % Cycle) switch
        {
            < 9 => PolicyAsync(n, cancellationToken),
            < 14 => UnknownHostAsync(n, cancellationToken),
            < 16 => PostAsync(n, cancellationToken),
            < 18 => MailAsync(n, cancellationToken),
            < 19 => BadAsync(n, cancellationToken),
            _ => _checks.SendAsync(new CheckRequest(Domain(n), CheckRunAt(n)), TimeSpan.Zero, cancellationToken),
        };

        public async Task PolicyAsync(int n, CancellationToken cancellationToken)
        {
            using var answer = await system.Client.GetAsync(system.Https($"mta-sts.{Domain(n)}", "/.well-known/mta-sts.txt"), cancellationToken);
            Insist(answer, 200);
        }

        private async Task UnknownHostAsync(int n, CancellationToken cancellationToken)
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(system.Host.HttpAddress, "/.well-known/mta-sts.txt"));
            request.Headers.Host = $"mta-sts.n{n}.unknown.example";
            using var answer = await system.Client.SendAsync(request, cancellationToken);
            Insist(answer, 404);
        }

        private Task PostAsync(int n, CancellationToken cancellationToken) => PostAsync(Report(n).ToGzip(), 201, cancellationToken);

        private Task BadAsync(int n, CancellationToken cancellationToken) => (n / Cycle % 6) switch
        {
            0 => PostAsync(Report(n).ToGzip()[..^20], 400, cancellationToken),
            1 => PostAsync(Bomb, 400, cancellationToken),
            2 => PostAsync((Report(n) with { Domain = $"n{n}.unknown.example" }).ToGzip(), 403, cancellationToken),
            3 => system.DropAsync($"soak/{n}.cut.gz", Report(n).ToGzip()[..^20], cancellationToken),
            4 => system.DropAsync($"soak/{n}.bomb.gz", Bomb, cancellationToken),
            _ => system.DropAsync($"soak/{n}.txt", Encoding.ASCII.GetBytes($"no report {n}"), cancellationToken),
        };

        private async Task PostAsync(byte[] report, int status, CancellationToken cancellationToken)
        {
            using var body = new ByteArrayContent(report);
            body.Headers.ContentType = new("application/tlsrpt+gzip");
            using var answer = await system.Client.PostAsync(system.Https(LocalSystem.AppHost, "/v1/tlsrpt"), body, cancellationToken);
            Insist(answer, status);
        }

        private Task MailAsync(int n, CancellationToken cancellationToken) => system.DropAsync($"soak/{n}.eml", Report(n).ToMail(), cancellationToken);

        private static string CheckRunAt(int n) => CheckRunId.Of(DateTimeOffset.UtcNow.AddMilliseconds(n));

        private SampleReport Report(int n) => new($"Sender {n}", Domain(n), _yesterday, Sessions: 1_000, Failures: n % 3 * 10, $"mx.{Domain(n)}");

        private string Domain(int n) => domains[n / Cycle % domains.Count];

        private static byte[] Gzip(byte[] bytes)
        {
            using var stream = new MemoryStream();
            using (var gzip = new GZipStream(stream, CompressionLevel.Optimal))
            {
                gzip.Write(bytes);
            }

            return stream.ToArray();
        }

        private static void Insist(HttpResponseMessage answer, int status)
        {
            if ((int)answer.StatusCode != status)
            {
                throw new InvalidOperationException($"{answer.RequestMessage!.Method} {answer.RequestMessage.RequestUri} was answered {(int)answer.StatusCode} where {status} was expected.");
            }
        }
    }
}
