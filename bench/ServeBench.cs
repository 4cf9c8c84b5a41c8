namespace StsFunctions.Bench;

/// <summary>A cached policy, asked for through the host by 32 connections, beside the empty worker's constant bytes.</summary>
internal static class ServeBench
{
    private const int WarmUpSeconds = 10;
    private const int Seconds = 5;
    private const int Rounds = 9;
    private const double LeastOfRate = 0.95;

    // After this time the garbage collector has released what it can.
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(4);

    public static async Task<Outcome> RunAsync(BenchOptions bench, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var wrk = Programs.Find("wrk") ?? throw new InvalidOperationException("wrk is missing: apt-get install wrk");
        await using var both = await TwoWorkers.StartAsync(bench, progress, cancellationToken);
        var machine = MachineInfo.Describe();
        progress.Report("Warming up both …");
        await LoadAsync(both.App, WarmUpSeconds);
        await LoadAsync(both.Other, WarmUpSeconds);

        var rounds = bench.Rounds ?? Rounds;
        var pairs = new List<Pair>();
        for (var i = 0; i < rounds; i++)
        {
            var pair = new Pair(await LoadAsync(both.App, Seconds), await LoadAsync(both.Other, Seconds));
            pairs.Add(pair);
            progress.Report(FormattableString.Invariant(
                $"Round {i + 1} of {rounds}: app {pair.App.RequestsPerSecond:0} requests/s, {pair.App.CpuMicroseconds:0} us; {both.OtherName} {pair.Other.RequestsPerSecond:0}, {pair.Other.CpuMicroseconds:0} us"));
        }

        await Task.Delay(Settled, cancellationToken);
        var (app, other) = (both.App.Memory(), both.Other.Memory());
        IPair<ProcessMemory>[] after = [new MemoryPair(app, other)];
        var figures = new[]
        {
            Compared.Of("requests/s", "0", pairs, load => load.RequestsPerSecond),
            Compared.Of("p99, ms", "0.00", pairs, load => load.P99Milliseconds),
            Compared.Of("CPU of the worker for a request, us", "0.0", pairs, load => load.CpuMicroseconds),
            Compared.Of("memory after load (RSS), MiB", "0.0", after, memory => memory.Resident),
            Compared.Of("of it no file's (RssAnon), MiB", "0.0", after, memory => memory.Anonymous),
            Compared.Of("at most (VmHWM), MiB", "0.0", after, memory => memory.Peak),
        };
        return new Outcome(
            "serve",
            [
                $"GET over loopback, through the host, by {Wrk.How}.",
                .. both.How,
                $"{rounds} rounds A B A B after {WarmUpSeconds} s each to warm up; memory is read once, 4 s after the last. {machine}.",
            ],
            Compared.Columns("app", both.OtherName),
            [.. figures.Select(figure => figure.Row())],
            [new Target($"requests/s, app / {both.OtherName}", FormattableString.Invariant($"at least {LeastOfRate}"), figures[0].Ratio, figures[0].Ratio >= LeastOfRate)],
            new { figures, pairs });

        Task<Load> LoadAsync(RunningWorker worker, int seconds) => Wrk.RunAsync(wrk, worker, seconds, cancellationToken);
    }

    private sealed record Pair(Load App, Load Other) : IPair<Load>
    {
        Load IPair<Load>.A => App;

        Load IPair<Load>.B => Other;
    }

    private sealed record MemoryPair(ProcessMemory A, ProcessMemory B) : IPair<ProcessMemory>;
}
