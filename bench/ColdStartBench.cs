namespace StsFunctions.Bench;

/// <summary>The time from a worker's start to its first answer, which the app reads from storage, and its idle memory; compared with the empty worker or another build.</summary>
internal static class ColdStartBench
{
    private const int WarmUps = 2;
    private const int Rounds = 15;
    private const double MostOfTime = 1.1;
    private const double MostOfMemory = 1.15;

    // Long enough for the background work after a start, and the same for both.
    private static readonly TimeSpan Settled = TimeSpan.FromSeconds(4);

    public static async Task<Outcome> RunAsync(BenchOptions bench, IProgress<string> progress, CancellationToken cancellationToken)
    {
        await using var both = await TwoWorkers.StartAsync(bench, progress, cancellationToken);
        var machine = MachineInfo.Describe();
        var rounds = bench.Rounds ?? Rounds;
        var pairs = new List<Pair>();
        for (var i = -WarmUps; i < rounds; i++)
        {
            var pair = new Pair(await MeasureAsync(both.App, cancellationToken), await MeasureAsync(both.Other, cancellationToken));
            progress.Report(FormattableString.Invariant(
                $"{(i < 0 ? "Warm-up" : $"Round {i + 1} of {rounds}")}: app {pair.App.Start.KilledMilliseconds:0} ms, {pair.App.Memory.Resident:0.0} MiB; {both.OtherName} {pair.Other.Start.KilledMilliseconds:0} ms, {pair.Other.Memory.Resident:0.0} MiB"));
            if (i >= 0)
            {
                pairs.Add(pair);
            }
        }

        var figures = new[]
        {
            Compared.Of("killed to next 200, ms", "0", pairs, one => one.Start.KilledMilliseconds),
            Compared.Of("process start to first 200, ms", "0", pairs, one => one.Start.StartMilliseconds),
            Compared.Of("CPU of the worker until then, ms", "0", pairs, one => one.Start.CpuMilliseconds),
            Compared.Of("memory idle (RSS), MiB", "0.0", pairs, one => one.Memory.Resident),
            Compared.Of("of it no file's (RssAnon), MiB", "0.0", pairs, one => one.Memory.Anonymous),
        };
        return new Outcome(
            "coldstart",
            [
                "The worker is killed, and a request waits at the host until the next one has answered it; memory is read 4 s later.",
                .. both.How,
                $"{rounds} rounds A B A B after {WarmUps} to warm up. {machine}.",
            ],
            Compared.Columns("app", both.OtherName),
            [.. figures.Select(figure => figure.Row())],
            [
                new Target($"killed to next 200, app / {both.OtherName}", FormattableString.Invariant($"at most {MostOfTime}"), figures[0].Ratio, figures[0].Ratio <= MostOfTime),
                new Target($"CPU until then, app / {both.OtherName}", FormattableString.Invariant($"at most {MostOfTime}"), figures[2].Ratio, figures[2].Ratio <= MostOfTime),
                new Target($"memory idle, app / {both.OtherName}", FormattableString.Invariant($"at most {MostOfMemory}"), figures[3].Ratio, figures[3].Ratio <= MostOfMemory),
            ],
            new { figures, pairs });
    }

    private static async Task<One> MeasureAsync(RunningWorker worker, CancellationToken cancellationToken)
    {
        var start = await worker.StartAgainAsync(cancellationToken);
        await Task.Delay(Settled, cancellationToken);
        return new One(start, worker.Memory());
    }

    private sealed record One(WorkerStart Start, ProcessMemory Memory);

    private sealed record Pair(One App, One Other) : IPair<One>
    {
        One IPair<One>.A => App;

        One IPair<One>.B => Other;
    }
}
