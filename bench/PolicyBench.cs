using System.Diagnostics;
using System.Globalization;
using System.Text;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Bench;

/// <summary>A policy read strictly and written again, compared with a bare split of its lines, which checks nothing.</summary>
internal static class PolicyBench
{
    private const int Pairs = 9;
    private const int Calls = 20_000;
    private const double MostOfSplit = 4;

    private static readonly byte[] PolicyFile = Encoding.ASCII.GetBytes(
        "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: mx2.example.com\r\nmx: *.mail.example.net\r\nmax_age: 604800\r\n");

    public static Task<Outcome> RunAsync(BenchOptions bench, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var pairs = bench.Rounds ?? Pairs;
        var rows = new List<Row>();
        // Tiered compilation is complete after the first of them.
        for (var i = -2; i < pairs; i++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var row = new Row(Measure(Parse), Measure(Split), Measure(Write));
            progress.Report(FormattableString.Invariant($"{(i < 0 ? "Warm-up" : $"Pair {i + 1} of {pairs}")}: parse {row.Parse.Nanoseconds:0} ns, split {row.Split.Nanoseconds:0} ns, write {row.Write.Nanoseconds:0} ns"));
            if (i >= 0)
            {
                rows.Add(row);
            }
        }

        var ratio = Statistics.Of(rows.Select(row => row.Parse.Nanoseconds / row.Split.Nanoseconds));
        return Task.FromResult(new Outcome(
            "policy",
            [
                $"A policy of {PolicyFile.Length} bytes with three mx lines, {Calls} times each; the code of protocol/, compiled just in time.",
                "A: read strictly into a policy. B: decoded, split into lines, each split at its colon and trimmed. C: the policy written.",
                $"{pairs} rounds A B C; {MachineInfo.Describe()}.",
            ],
            ["", "parse ns", "split ns", "parse / split", "write ns", "parse bytes", "split bytes", "write bytes"],
            [
                .. rows.Select((row, i) => (string[])
                [
                    FormattableString.Invariant($"round {i + 1}"), Text(row.Parse.Nanoseconds), Text(row.Split.Nanoseconds),
                    (row.Parse.Nanoseconds / row.Split.Nanoseconds).ToString("0.00", CultureInfo.InvariantCulture), Text(row.Write.Nanoseconds),
                    Text(row.Parse.Bytes), Text(row.Split.Bytes), Text(row.Write.Bytes),
                ]),
                [
                    "median", Text(Statistics.Of(rows.Select(row => row.Parse.Nanoseconds)).Median), Text(Statistics.Of(rows.Select(row => row.Split.Nanoseconds)).Median),
                    ratio.Median.ToString("0.00", CultureInfo.InvariantCulture), Text(Statistics.Of(rows.Select(row => row.Write.Nanoseconds)).Median), "", "", "",
                ],
            ],
            [new Target("parse / split, median", FormattableString.Invariant($"at most {MostOfSplit}"), ratio.Median, ratio.Median <= MostOfSplit)],
            rows));
    }

    private static int Parse() => Policy.Parse(PolicyFile).Mx.Length;

    private static int Write() => Parsed.ToBytes().Length;

    private static readonly Policy Parsed = Policy.Parse(PolicyFile);

    private static int Split()
    {
        var fields = new List<(string, string)>();
        foreach (var line in Encoding.UTF8.GetString(PolicyFile).Split("\r\n", StringSplitOptions.RemoveEmptyEntries))
        {
            var parts = line.Split(':', 2);
            fields.Add((parts[0], parts[1].Trim()));
        }

        return fields.Count;
    }

    private static Cost Measure(Func<int> work)
    {
        var sum = 0;
        var bytes = GC.GetAllocatedBytesForCurrentThread();
        var began = Stopwatch.GetTimestamp();
        for (var i = 0; i < Calls; i++)
        {
            sum += work();
        }

        var elapsed = Stopwatch.GetElapsedTime(began);
        bytes = GC.GetAllocatedBytesForCurrentThread() - bytes;
        return sum == 0 ? throw new InvalidOperationException("Nothing was done.") : new Cost(elapsed.TotalNanoseconds / Calls, (double)bytes / Calls);
    }

    private static string Text(double value) => value.ToString("0", CultureInfo.InvariantCulture);

    private sealed record Cost(double Nanoseconds, double Bytes);

    private sealed record Row(Cost Parse, Cost Split, Cost Write);
}
