using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace StsFunctions.Bench;

/// <summary>Reports out of gzip, as native code, beside gunzip alone in the same process, and beside Python's gzip and json.</summary>
internal static class ReportBench
{
    private const int BigBytes = 9_000_000;
    private const int BigDetails = 20_000;
    private const int SmallReports = 1_000;
    private const int SmallBytes = 2_000;
    private const int Runs = 5;
    private const int Rounds = 9;
    private const double MostOfGunzip = 6;
    private const long HugeBytes = 100_000_000;

    // The same work with the standard library of Python: every value becomes an object, and nothing is checked.
    private const string Python = """
        import gzip, json, os, sys, time
        files = [open(os.path.join(sys.argv[1], name), 'rb').read() for name in sorted(os.listdir(sys.argv[1]))]
        for n in range(-1, int(sys.argv[2])):
            began = time.perf_counter()
            for file in files:
                json.loads(gzip.decompress(file))
            if n >= 0:
                print('python %.4f' % ((time.perf_counter() - began) * 1000))
        """;

    public static async Task<Outcome> RunAsync(BenchOptions bench, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var python = Programs.Find("python3") ?? throw new InvalidOperationException("python3 is missing: apt-get install python3.");
        var native = await PublishAsync(progress, cancellationToken);
        var folder = Directory.CreateTempSubdirectory("sts-bench-");
        try
        {
            var (big, small, huge) = (folder.CreateSubdirectory("big"), folder.CreateSubdirectory("small"), folder.CreateSubdirectory("huge"));
            Write(Path.Combine(big.FullName, "big.json.gz"), ReportOf(0, BigDetails, BigBytes));
            Write(Path.Combine(huge.FullName, "huge.json.gz"), ReportOf(0, (int)(HugeBytes * BigDetails / BigBytes), HugeBytes));
            for (var n = 0; n < SmallReports; n++)
            {
                Write(Path.Combine(small.FullName, $"{n:0000}.json.gz"), ReportOf(n, 3, SmallBytes));
            }

            var runs = bench.Rounds ?? Runs;
            var rows = new List<Row>();
            foreach (var (what, which) in new[] { ("big", big), ("small", small) })
            {
                for (var run = 0; run < runs; run++)
                {
                    var ours = await RunAsync(native, which, Rounds, cancellationToken);
                    var theirs = await RunAsync(python, which, Rounds, cancellationToken, "-c", Python);
                    var row = new Row(what, Median(ours, "read"), Median(ours, "gunzip"), Median(theirs, "python"));
                    rows.Add(row);
                    progress.Report(FormattableString.Invariant($"{what}, run {run + 1} of {runs}: read {row.Read:0.0} ms, gunzip {row.Gunzip:0.0} ms, Python {row.Python:0.0} ms"));
                }
            }

            // Minus the memory of a process that reads a small one.
            var idle = Median(await RunAsync(native, small, 1, cancellationToken), "peak");
            var grown = (Median(await RunAsync(native, huge, 1, cancellationToken), "peak") - idle) / 1024;
            return OutcomeOf(runs, rows, grown);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Outcome OutcomeOf(int runs, List<Row> rows, double grown)
    {
        var bigs = rows.Where(row => row.What == "big").ToList();
        var ratio = Statistics.Of(bigs.Select(row => row.Read / row.Gunzip));
        return new Outcome(
            "report",
            [
                $"big: {BigBytes / 1_000_000} MB of JSON, {BigDetails} details, gzipped; small: {SmallReports} reports of {SmallBytes / 1000} KB, each gzipped.",
                "A: the app's reader, native code: opened, read, checked, hashed. B: GZipStream alone in the same process. C: Python's gzip.decompress and json.loads.",
                FormattableString.Invariant($"{runs} runs A+B C, each a process and the median of {Rounds} rounds after one to warm up. A report of {HugeBytes / 1_000_000} MB took {grown:0} MiB more resident memory than small ones."),
                $"{MachineInfo.Describe()}.",
            ],
            ["", "read ms", "gunzip ms", "Python ms", "read / gunzip", "Python / read"],
            [
                .. rows.Select((row, i) => Cells($"{row.What}, run {(i % runs) + 1}", row)),
                .. rows.GroupBy(row => row.What).Select(same => Cells($"{same.Key}, median", new Row(
                    same.Key, Statistics.Of(same.Select(row => row.Read)).Median, Statistics.Of(same.Select(row => row.Gunzip)).Median, Statistics.Of(same.Select(row => row.Python)).Median))),
            ],
            [new Target("read / gunzip of the big one, median of runs", FormattableString.Invariant($"at most {MostOfGunzip}"), ratio.Median, ratio.Median <= MostOfGunzip)],
            new { Rows = rows, MebibytesFor100Megabytes = grown });
    }

    private static string[] Cells(string name, Row row) =>
        [name, Text(row.Read, "0.0"), Text(row.Gunzip, "0.0"), Text(row.Python, "0.0"), Text(row.Read / row.Gunzip, "0.00"), Text(row.Python / row.Read, "0.00")];

    private static async Task<string> PublishAsync(IProgress<string> progress, CancellationToken cancellationToken)
    {
        progress.Report("Publishing the reader as native code (minutes the first time) …");
        return Path.Combine(await PublishedApp.PublishAsync("bench/Native", "reader", cancellationToken), "StsFunctions.Bench.Native");
    }

    private static async Task<ILookup<string, double>> RunAsync(string program, DirectoryInfo files, int rounds, CancellationToken cancellationToken, params string[] before)
    {
        var output = await Programs.RunAsync(new ProcessStartInfo(program, [.. before, files.FullName, rounds.ToString(CultureInfo.InvariantCulture)]), cancellationToken);
        return output.Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split(' '))
            .ToLookup(words => words[0], words => double.Parse(words[1], CultureInfo.InvariantCulture));
    }

    private static double Median(ILookup<string, double> measured, string what) => Statistics.Of(measured[what]).Median;

    private static void Write(string path, IEnumerable<string> json)
    {
        using var gzip = new GZipStream(File.Create(path), CompressionLevel.Optimal);
        foreach (var piece in json)
        {
            gzip.Write(Encoding.UTF8.GetBytes(piece));
        }
    }

    // As a large provider writes it, of the day before yesterday: 40 hosts, each behind some addresses, each failing in a few ways, in no
    // order, because a regular order would compress better than a real report.
    private static IEnumerable<string> ReportOf(int number, int details, long bytes)
    {
        var random = new Random(number);
        var day = DateTime.UtcNow.AddDays(-2).ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);
        var head = $$"""{"organization-name":"Alpha Mail","date-range":{"start-datetime":"{{day}}T00:00:00Z","end-datetime":"{{day}}T23:59:59Z"},"contact-info":"tls@alpha-mail.example","report-id":"{{day}}-{{number}}","policies":[{"policy":{"policy-type":"sts","policy-string":["version: STSv1","mode: enforce","mx: *.example.com","max_age: 604800"],"policy-domain":"example.com","mx-host":["*.example.com"]},"summary":{"total-successful-session-count":{{random.Next(1_000_000)}},"total-failure-session-count":{{details}}},"failure-details":[""";
        yield return head;
        var words = Math.Max(0, (int)((bytes - head.Length) / details) - DetailOf(new Random(0), 0).Length);
        for (var n = 0; n < details; n++)
        {
            yield return (n > 0 ? "," : "") + DetailOf(random, words);
        }

        yield return "]}]}";
    }

    private static string DetailOf(Random random, int words)
    {
        string[] types = ["certificate-expired", "certificate-host-mismatch", "starttls-not-supported", "validation-failure", "certificate-not-trusted"];
        var host = random.Next(40);
        var text = $"TLS handshake {random.Next():x8} with the server was given up after {random.Next(1_000)} ms; see the log of relay {random.Next(64)} for the whole conversation, session {random.NextInt64():x16}, and ask the operator for the chain that was sent";
        return string.Create(CultureInfo.InvariantCulture, $$"""{"result-type":"{{types[random.Next(types.Length)]}}","sending-mta-ip":"2001:db8:{{random.Next(16):x}}::{{random.Next(250):x}}","receiving-mx-hostname":"mx{{host}}.mail.example.com","receiving-mx-helo":"mx{{host}}.mail.example.com","receiving-ip":"203.0.113.{{(host * 6) + random.Next(6)}}","failed-session-count":{{random.Next(1, 500)}},"additional-information":"{{text[..Math.Min(words, text.Length)]}}","failure-reason-code":"ERR_{{random.Next(13)}}"}""");
    }

    private static string Text(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);

    private sealed record Row(string What, double Read, double Gunzip, double Python);
}
