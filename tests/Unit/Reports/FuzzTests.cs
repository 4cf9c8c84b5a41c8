using System.Text;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Text;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>
/// Damaged reports, containers and mails, made of the corpus: whatever they are, they are read or refused in words, in bounded memory.
/// The seed and the number of iterations are fixed, so that a run is the same on any machine. What was ever found stays in
/// <c>Corpus/Found</c> and is read again each time.
/// </summary>
public sealed class FuzzTests
{
    private const int Seed = 8460;
    private const int Iterations = 5_000;
    private const long MaxAllocated = 96 << 20;

    private static readonly string Found = Path.Combine(Sample.Folder, "Found");

    // Small limits, so that inputs of this size meet them.
    private static readonly ReportReader Reader = new(
        new ReportLimitsOptions { MaxBytes = 512 * 1024, MaxExpandedBytes = 2 << 20, MaxRatio = 100, MaxParts = 20 }, new FakeTimeProvider(TestStorage.Noon));

    private static readonly string[] Tokens =
    [
        "{", "}", "[", "]", ",", ":", "\"", "null", "true", "0", "-1", "1e400", "9007199254740993", "\"\\ud800\"", "\\u0000", "[[[[[[[[", "{\"a\":{\"a\":", "\uFEFF",
        "\"policies\":", "\"policy\":{", "\"summary\":", "\"failure-details\":[", "\"mx-host\":", "\"mx-host-pattern\":", "\"policy-string\":\"[", "\"policy-domain\":\"\"",
        "\"date-range\":{", "\"start-datetime\":", "\"9999-12-31T24:00:00\"", "\"0001-01-01\"", "\"failed-session-count\":", "mx: mx: ", "\"result-type\":null",
        "\r\n--b1\r\n", "\r\n--b1--\r\n", "Content-Type: message/rfc822\r\n\r\n", "Content-Type: multipart/mixed; boundary=b1\r\n\r\n", "Content-Type: application/gzip\r\n",
        "Content-Transfer-Encoding: base64\r\n", "Content-Transfer-Encoding: quoted-printable\r\n", "Content-Transfer-Encoding: uuencode\r\n", "\r\n\r\n", "=?utf-8?B?====?=",
        "TLS-Report-Domain: ..\r\n", "From: \r\n", "PK\u0001\u0002", "PK\u0003\u0004", "\u001f",
    ];

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task No_damage_throws_any_other_exception_or_exceeds_a_limit()
    {
        var random = new Random(Seed);
        var seeds = Sample.All.Select(sample => sample.Bytes()).Where(bytes => bytes.Length < 20_000).Concat(FoundFiles().Select(File.ReadAllBytes)).ToList();
        var (read, refused) = (0, 0);
        for (var iteration = 0; iteration < Iterations; iteration++)
        {
            var input = Wrapped(Damaged(seeds[random.Next(seeds.Count)], seeds, random), random);
            if (await FaultOfAsync(input) is { } fault)
            {
                Directory.CreateDirectory(Found);
                var file = Path.Combine(Found, $"{ContentHash.Of(input)}.bin");
                await File.WriteAllBytesAsync(file, input, TestContext.Current.CancellationToken);
                Assert.Fail($"Iteration {iteration}: {fault}\nThe input is stored as {file}.");
            }

            _ = _wasRead ? read++ : refused++;
        }

        // It would prove nothing if every input were refused at once.
        Assert.InRange(read, Iterations / 20, Iterations);
        Assert.InRange(refused, Iterations / 20, Iterations);
    }

    [Fact]
    public async Task Every_past_finding_is_read_or_refused()
    {
        foreach (var file in FoundFiles())
        {
            Assert.Null(await FaultOfAsync(await File.ReadAllBytesAsync(file, TestContext.Current.CancellationToken)));
        }
    }

    [Fact]
    public async Task Every_truncated_sample_is_read_or_refused()
    {
        foreach (var sample in Sample.All.Where(sample => sample.IsRead).Select(sample => sample.Bytes()).Where(bytes => bytes.Length < 4_000))
        {
            for (var length = 0; length < sample.Length; length += 1 + (sample.Length / 60))
            {
                Assert.Null(await FaultOfAsync(sample[..length]));
            }
        }
    }

    private bool _wasRead;

    // What is wrong with how an input was taken, or null.
    private async Task<string?> FaultOfAsync(byte[] input)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        var thread = Environment.CurrentManagedThreadId;
        _wasRead = false;
        try
        {
            using var body = await Reader.BufferAsync(new MemoryStream(input), CancellationToken.None);
            var reports = (await Reader.ReadAsync(body, CancellationToken.None)).Reports;
            _wasRead = true;
            foreach (var report in reports)
            {
                if (report.Notes.Count > 60 || report.Notes.Any(note => note.ToString() is { Length: > 700 } || note.ToString().Any(c => c is (< ' ' or > '~') and not '§')))
                {
                    return $"A note is too long, or not plain: {string.Join('\n', report.Notes)}";
                }

                foreach (var policies in report.Report.Policies.GroupBy(policy => policy.PolicyDomain))
                {
                    ReportRows.Of(report, policies.Key, [.. policies], Samples.IncomingReport(ReportSource.Https), "blob");
                }
            }
        }
        catch (UnreadableReportException e)
        {
            if (e.Message.Length is < 10 or > 2_000)
            {
                return $"The refusal is no sentence: {e.Message}";
            }
        }
        catch (Exception e)
        {
            return e.ToString();
        }

        var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        return thread == Environment.CurrentManagedThreadId && allocated > MaxAllocated ? $"{allocated} bytes were allocated for {input.Length}." : null;
    }

    private static IEnumerable<string> FoundFiles() => Directory.Exists(Found) ? Directory.GetFiles(Found).Order(StringComparer.Ordinal) : [];

    private static byte[] Damaged(byte[] seed, List<byte[]> seeds, Random random)
    {
        var bytes = seed.ToList();
        for (var edits = random.Next(1, 5); edits > 0; edits--)
        {
            var at = random.Next(bytes.Count + 1);
            var length = Math.Min(random.Next(1, 1 << random.Next(1, 9)), bytes.Count - at);
            switch (random.Next(9))
            {
                case 0 when at < bytes.Count:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1 when at < bytes.Count:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, length);
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(at, length));
                    break;
                case 4:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Tokens[random.Next(Tokens.Length)]));
                    break;
                case 5:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
                case 6:
                    var other = seeds[random.Next(seeds.Count)];
                    var from = random.Next(other.Length + 1);
                    bytes.InsertRange(at, other.AsSpan(from, Math.Min(random.Next(400), other.Length - from)).ToArray());
                    break;
                case 7:
                    SwapTokens(bytes, random);
                    break;
                default:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Repeat(Tokens[random.Next(Tokens.Length)], random.Next(1, 200)))));
                    break;
            }
        }

        return [.. bytes];
    }

    // Two pieces between quotes change places: names and values that are all well-formed, where they do not belong.
    private static void SwapTokens(List<byte> bytes, Random random)
    {
        var text = Encoding.Latin1.GetString([.. bytes]).Split('"');
        if (text.Length > 4)
        {
            var (a, b) = (1 + (2 * random.Next((text.Length - 1) / 2)), 1 + (2 * random.Next((text.Length - 1) / 2)));
            (text[a], text[b]) = (text[b], text[a]);
            bytes.Clear();
            bytes.AddRange(Encoding.Latin1.GetBytes(string.Join('"', text)));
        }
    }

    // Damage within a container, so that it gets past the container's own checksum.
    private static byte[] Wrapped(byte[] bytes, Random random) => random.Next(8) switch
    {
        0 => Samples.Gzip(bytes),
        1 => Sample.Zip("mail.alpha-mail.example!example.com!1773360000!1773446399.json", bytes),
        2 => Samples.Mail(("application/tlsrpt+gzip", "report.json.gz", Samples.Gzip(bytes))),
        3 => Samples.Gzip(Samples.Mail(("message/rfc822", null, bytes), ("application/zip", "a.zip", Sample.Zip("a.json.gz", Samples.Gzip(bytes))))),
        _ => bytes,
    };
}
