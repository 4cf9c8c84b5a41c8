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
        using var handler = RunningHandler.Start(policy, app, cancellation);
        using var nginx = await Nginx.StartAsync(nginxProgram, cancellation);
        CheckHeaders(handler.Port, nginx.Port);

        progress.Report("Warming up both …");
        await Wrk.RunAsync(wrk, handler.Port, WarmUpSeconds, cancellation);
        await Wrk.RunAsync(wrk, nginx.Port, WarmUpSeconds, cancellation);

        var pairs = new List<Pair>();
        for (var i = 0; i < Pairs; i++)
        {
            var pair = new Pair(await Wrk.RunAsync(wrk, handler.Port, Seconds, cancellation), await Wrk.RunAsync(wrk, nginx.Port, Seconds, cancellation));
            pairs.Add(pair);
            progress.Report(FormattableString.Invariant(
                $"Pair {i + 1} of {Pairs}: handler {pair.Handler.RequestsPerSecond:0} requests/s, nginx {pair.Nginx.RequestsPerSecond:0}, ratio {pair.Ratio:0.00}"));
        }

        var figures = new
        {
            Handler = Spread.Of(pairs.Select(pair => pair.Handler.RequestsPerSecond)),
            Nginx = Spread.Of(pairs.Select(pair => pair.Nginx.RequestsPerSecond)),
            Ratio = Spread.Of(pairs.Select(pair => pair.Ratio)),
            HandlerP99Milliseconds = Spread.Of(pairs.Select(pair => pair.Handler.P99Milliseconds)),
            NginxP99Milliseconds = Spread.Of(pairs.Select(pair => pair.Nginx.P99Milliseconds)),
            Pairs = pairs,
        };
        return new Outcome(
            "serve",
            [
                $"GET {HostedPolicy.Path}, {HostedPolicy.Bytes.Length} bytes, over loopback by {Wrk.How}.",
                $"A: the handler, {app.How}. B: nginx, the same bytes and headers from a file:",
                $"{Nginx.How}.",
                $"{Pairs} pairs A B A B after {WarmUpSeconds} s each to warm up. {machine}.",
            ],
            ["", "handler /s", "nginx /s", "ratio", "handler p99 ms", "nginx p99 ms"],
            [
                .. pairs.Select((pair, i) => (string[])[
                    FormattableString.Invariant($"pair {i + 1}"), Text(pair.Handler.RequestsPerSecond, "0"), Text(pair.Nginx.RequestsPerSecond, "0"), Text(pair.Ratio, "0.00"),
                    Text(pair.Handler.P99Milliseconds, "0.00"), Text(pair.Nginx.P99Milliseconds, "0.00")]),
                ["median", Text(figures.Handler.Median, "0"), Text(figures.Nginx.Median, "0"), Text(figures.Ratio.Median, "0.00"),
                    Text(figures.HandlerP99Milliseconds.Median, "0.00"), Text(figures.NginxP99Milliseconds.Median, "0.00")],
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

    private static string Text(double value, string format) => value.ToString(format, System.Globalization.CultureInfo.InvariantCulture);

    private sealed record Pair(Load Handler, Load Nginx)
    {
        public double Ratio => Handler.RequestsPerSecond / Nginx.RequestsPerSecond;
    }
}
