using System.Globalization;
using System.Text.Json.Serialization;

namespace StsFunctions.Bench;

/// <summary>A cached policy, served by the native handler and by nginx.</summary>
internal static class ServeBench
{
    private const int WarmUpSeconds = 2;
    private const int Seconds = 5;
    private const int Pairs = 5;
    private const double LeastOfNginx = 0.75;

    private static readonly string[] SameHeaders = ["Content-Type", "Content-Length", "Cache-Control", "X-Content-Type-Options"];

    public static async Task<Outcome> RunAsync(IProgress<string> progress, CancellationToken cancellation)
    {
        if (Programs.Find("nginx") is not { } nginxProgram || Programs.Find("wrk") is not { } wrk)
        {
            throw new InvalidOperationException("nginx and wrk are needed and at least one is missing: apt-get install nginx-light wrk");
        }

        var app = await PublishedApp.NativeAsync(progress, cancellation);
        await using var policy = await HostedPolicy.StartAsync(app, progress, cancellation);
        var machine = Machine.Describe();
        using var handler = await RunningHandler.StartAsync(policy, app, cancellation);
        using var nginx = await Nginx.StartAsync(nginxProgram, cancellation);
        CheckHeaders(handler.Port, nginx.Port);

        Task<Load> LoadHandlerAsync(int seconds) => Wrk.RunAsync(wrk, handler.Port, () => handler.CpuTime, seconds, cancellation);
        Task<Load> LoadNginxAsync(int seconds) => Wrk.RunAsync(wrk, nginx.Port, () => nginx.CpuTime, seconds, cancellation);

        progress.Report("Warming up both …");
        await LoadHandlerAsync(WarmUpSeconds);
        await LoadNginxAsync(WarmUpSeconds);

        var pairs = new List<Pair>();
        for (var i = 0; i < Pairs; i++)
        {
            var pair = new Pair(await LoadHandlerAsync(Seconds), await LoadNginxAsync(Seconds));
            pairs.Add(pair);
            progress.Report(FormattableString.Invariant(
                $"Pair {i + 1} of {Pairs}: handler {pair.Handler.RequestsPerSecond:0} requests/s, nginx {pair.Nginx.RequestsPerSecond:0}, ratio {pair.Ratio:0.00}"));
        }

        var figures = new Figures(
            Measured.Of(pairs.Select(pair => pair.Handler)), Measured.Of(pairs.Select(pair => pair.Nginx)), Spread.Of(pairs.Select(pair => pair.Ratio)), pairs);
        return new Outcome(
            "serve",
            [
                $"GET {HostedPolicy.Path}, {HostedPolicy.Bytes.Length} bytes, over loopback by {Wrk.How}.",
                $"A: the handler, {app.How}. B: nginx, the same bytes and headers from a file:",
                $"{Nginx.How}.",
                $"{Pairs} pairs A B A B after {WarmUpSeconds} s each to warm up; cpu is what a request costs the server. {machine}.",
            ],
            ["", "handler /s", "nginx /s", "ratio", "handler p99 ms", "nginx p99 ms", "handler cpu us", "nginx cpu us"],
            [
                .. pairs.Select((pair, i) => Row(FormattableString.Invariant($"pair {i + 1}"), pair.Handler, pair.Nginx, pair.Ratio)),
                Row("median", figures.Handler.Median, figures.Nginx.Median, figures.Ratio.Median),
                ["min - max", figures.Handler.RequestsPerSecond.Ends("0"), figures.Nginx.RequestsPerSecond.Ends("0"), figures.Ratio.Ends("0.00"),
                    figures.Handler.P99Milliseconds.Ends("0.00"), figures.Nginx.P99Milliseconds.Ends("0.00"),
                    figures.Handler.CpuMicroseconds.Ends("0.0"), figures.Nginx.CpuMicroseconds.Ends("0.0")],
            ],
            new Target("handler / nginx, median of pairs", "at least 0.75", figures.Ratio.Median, figures.Ratio.Median >= LeastOfNginx),
            figures);
    }

    // The body was compared when each was started.
    private static void CheckHeaders(int handler, int nginx)
    {
        var (ours, theirs) = (PolicyAnswer.Get(handler)!.Checked("The handler").Headers, PolicyAnswer.Get(nginx)!.Checked("nginx").Headers);
        foreach (var name in SameHeaders)
        {
            if (ours.GetValueOrDefault(name) is not { } value || value != theirs.GetValueOrDefault(name))
            {
                throw new InvalidOperationException($"{name} is \"{ours.GetValueOrDefault(name)}\" from the handler and \"{theirs.GetValueOrDefault(name)}\" from nginx: they would not be doing the same work.");
            }
        }

        if (!ours.ContainsKey("ETag") || !theirs.ContainsKey("ETag"))
        {
            throw new InvalidOperationException("Both the handler and nginx must send an ETag: they would not be doing the same work.");
        }
    }

    private static string[] Row(string name, Load handler, Load nginx, double ratio) =>
    [
        name, Text(handler.RequestsPerSecond, "0"), Text(nginx.RequestsPerSecond, "0"), Text(ratio, "0.00"),
        Text(handler.P99Milliseconds, "0.00"), Text(nginx.P99Milliseconds, "0.00"), Text(handler.CpuMicroseconds, "0.0"), Text(nginx.CpuMicroseconds, "0.0"),
    ];

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private sealed record Pair(Load Handler, Load Nginx)
    {
        public double Ratio => Handler.RequestsPerSecond / Nginx.RequestsPerSecond;
    }

    private sealed record Measured(Spread RequestsPerSecond, Spread P99Milliseconds, Spread CpuMicroseconds)
    {
        public static Measured Of(IEnumerable<Load> loads) => new(
            Spread.Of(loads.Select(load => load.RequestsPerSecond)), Spread.Of(loads.Select(load => load.P99Milliseconds)), Spread.Of(loads.Select(load => load.CpuMicroseconds)));

        [JsonIgnore]
        public Load Median => new(RequestsPerSecond.Median, P99Milliseconds.Median, CpuMicroseconds.Median);
    }

    private sealed record Figures(Measured Handler, Measured Nginx, Spread Ratio, IReadOnlyList<Pair> Pairs);
}
