using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;

namespace StsFunctions.Bench;

/// <summary>What one run of wrk measured.</summary>
/// <param name="RequestsPerSecond">The number of answers per second.</param>
/// <param name="P99Milliseconds">99 of 100 answers came within this.</param>
/// <param name="CpuMicroseconds">The CPU time of the server per request, on any core.</param>
internal sealed record Load(double RequestsPerSecond, double P99Milliseconds, double CpuMicroseconds);

/// <summary>wrk: one thread, 32 connections that are kept alive.</summary>
internal static partial class Wrk
{
    /// <summary>The load, as it would be typed.</summary>
    public const string How = "wrk -t1 -c32 -d5s --latency";

    /// <summary>Asks a worker for some seconds, through its host.</summary>
    /// <exception cref="InvalidOperationException">Any answer was not 2xx, or a connection failed.</exception>
    public static async Task<Load> RunAsync(string executable, RunningWorker worker, int seconds, CancellationToken cancellationToken)
    {
        var before = worker.CpuTime;
        var output = await Programs.RunAsync(
            new ProcessStartInfo(executable, ["-t1", "-c32", $"-d{seconds}s", "--latency", "-H", $"Host: {worker.Asked.Host}", $"http://127.0.0.1:{worker.Port}{worker.Asked.Path}"]),
            cancellationToken);
        return Parse(output, worker.CpuTime - before);
    }

    private static Load Parse(string output, TimeSpan cpu)
    {
        var total = Total().Match(output);
        var requests = RequestsPerSecond().Match(output);
        var p99 = P99().Match(output);
        if (!total.Success || !requests.Success || !p99.Success || Faults().IsMatch(output))
        {
            throw new InvalidOperationException($"A run with errors is no measurement. wrk said:{Environment.NewLine}{output}");
        }

        return new Load(Number(requests), Number(p99) * MillisecondsOf(p99.Groups[2].Value), cpu.TotalMicroseconds / Number(total));
    }

    private static double Number(Match match) => double.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture);

    private static double MillisecondsOf(string unit) => unit switch
    {
        "us" => 0.001,
        "ms" => 1,
        "s" => 1_000,
        _ => 60_000,
    };

    [GeneratedRegex(@"^\s+(\d+) requests in ", RegexOptions.Multiline)]
    private static partial Regex Total();

    [GeneratedRegex(@"^Requests/sec:\s+([\d.]+)", RegexOptions.Multiline)]
    private static partial Regex RequestsPerSecond();

    [GeneratedRegex(@"^\s+99%\s+([\d.]+)(us|ms|s|m)\s*$", RegexOptions.Multiline)]
    private static partial Regex P99();

    [GeneratedRegex("Non-2xx|Socket errors")]
    private static partial Regex Faults();
}
