using System.Globalization;

namespace StsFunctions.Bench;

/// <summary>From process start to the first policy, which has to come out of storage: native code beside JIT.</summary>
internal static class ColdStartBench
{
    private const int WarmUps = 2;
    private const int Pairs = 15;
    private const double MostOfJit = 1.0 / 5;

    public static async Task<Outcome> RunAsync(IProgress<string> progress, CancellationToken cancellation)
    {
        var native = await PublishedApp.NativeAsync(progress, cancellation);
        var jit = await PublishedApp.JitAsync(progress, cancellation);
        await using var policy = await HostedPolicy.StartAsync(native, progress, cancellation);
        var machine = Machine.Describe();

        for (var i = 0; i < WarmUps; i++)
        {
            progress.Report($"Warming up files, storage and our own code, {i + 1} of {WarmUps} …");
            await MeasureAsync(policy, native, cancellation);
            await MeasureAsync(policy, jit, cancellation);
        }

        var pairs = new List<Pair>();
        for (var i = 0; i < Pairs; i++)
        {
            var pair = new Pair(await MeasureAsync(policy, native, cancellation), await MeasureAsync(policy, jit, cancellation));
            pairs.Add(pair);
            progress.Report(FormattableString.Invariant($"Pair {i + 1} of {Pairs}: native {pair.NativeMilliseconds:0.0} ms, JIT {pair.JitMilliseconds:0.0} ms"));
        }

        var nativeTime = Spread.Of(pairs.Select(pair => pair.NativeMilliseconds));
        var jitTime = Spread.Of(pairs.Select(pair => pair.JitMilliseconds));
        var ratio = Spread.Of(pairs.Select(pair => pair.Ratio));
        return new Outcome(
            "coldstart",
            [
                "From just before fork to the whole of the first policy, which the process reads from Azurite.",
                $"A: {native.How}. B: {jit.How}.",
                $"{Pairs} pairs A B A B after {WarmUps} to warm up; polled every ms over a raw socket. {machine}.",
            ],
            ["", "native ms", "JIT ms", "native / JIT"],
            [
                .. pairs.Select((pair, i) => (string[])[FormattableString.Invariant($"pair {i + 1}"), Text(pair.NativeMilliseconds, "0.0"), Text(pair.JitMilliseconds, "0.0"), Text(pair.Ratio, "0.000")]),
                ["median", Text(nativeTime.Median, "0.0"), Text(jitTime.Median, "0.0"), Text(ratio.Median, "0.000")],
                ["min - max", nativeTime.Ends("0.0"), jitTime.Ends("0.0"), ratio.Ends("0.000")],
            ],
            new Target("native / JIT, median of pairs", "at most 0.20", ratio.Median, ratio.Median <= MostOfJit),
            new { Native = nativeTime, Jit = jitTime, Ratio = ratio, Pairs = pairs });
    }

    private static async Task<double> MeasureAsync(HostedPolicy policy, PublishedApp app, CancellationToken cancellation)
    {
        using var handler = await RunningHandler.StartAsync(policy, app, cancellation);
        return handler.FirstAnswerAfter.TotalMilliseconds;
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private sealed record Pair(double NativeMilliseconds, double JitMilliseconds)
    {
        public double Ratio => NativeMilliseconds / JitMilliseconds;
    }
}
