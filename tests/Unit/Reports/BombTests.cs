using System.IO.Compression;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using MimeKit;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Containers;
using StsFunctions.ReportIntake.Limits;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>Small input that expands is refused at a limit that an operator can set, and memory does not grow with a report.</summary>
[Collection(Alone.Name)]
public sealed class BombTests
{
    private const int MiB = 1 << 20;

    private static readonly ReportLimitsOptions Defaults = new();

    private static readonly byte[] Json = Samples.Json(Samples.Policy());

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public Task A_gzip_bomb_is_refused_at_the_ratio() => AssertRefusedAsync(GzipOf(Spaces(60)), "Sts__ReportMaxRatio", 8 * MiB);

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public Task A_gzip_bomb_is_refused_at_the_expanded_size() =>
        AssertRefusedAsync(GzipOf(Spaces(60)), "Sts__ReportMaxExpandedBytes", 8 * MiB, Defaults with { MaxExpandedBytes = 20 * MiB, MaxRatio = 1_100 });

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public Task A_gzip_bomb_in_gzip_is_refused() => AssertRefusedAsync(Samples.Gzip(GzipOf(Spaces(60))), "Sts__ReportMax", 8 * MiB);

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public Task A_zip_bomb_is_refused_at_the_ratio() => AssertRefusedAsync(Sample.Zip("a.json", BytesOf(Spaces(60))), "Sts__ReportMaxRatio", 8 * MiB);

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public Task A_zip_file_of_many_files_is_refused_before_they_are_read() => AssertRefusedAsync(ZipOf(20_000, [1]), "Sts__ReportMaxParts", 2 * MiB);

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public Task Small_files_that_are_too_large_together_are_refused() =>
        AssertRefusedAsync(ZipOf(40, BytesOf(Spaces(1))), "Sts__ReportMaxExpandedBytes", 40 * MiB, Defaults with { MaxExpandedBytes = 20 * MiB, MaxRatio = 1_100 });

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public Task Deeply_nested_zip_files_are_refused_at_the_depth_limit() =>
        AssertRefusedAsync(Enumerable.Range(0, 30).Aggregate(Json, (inner, n) => Sample.Zip($"{n}.zip", inner)), "Sts__ReportMaxDepth", 8 * MiB);

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public Task A_mail_of_many_parts_is_refused_before_it_is_parsed() =>
        AssertRefusedAsync(Samples.Utf8(Head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + string.Concat(Enumerable.Repeat("--b\r\n\r\nx\r\n", 500_000))), "Sts__ReportMaxParts", 8 * MiB);

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public Task A_mail_of_many_headers_is_refused_before_it_is_parsed() =>
        AssertRefusedAsync(Samples.Utf8(Head + string.Concat(Enumerable.Repeat("a: b\r\n", 1_000_000)) + "\r\nx"), "header fields", 8 * MiB);

    [Theory]
    [InlineData(4, true)]
    [InlineData(5, false)]
    [Trait("Conformance", "ARR-5")]
    public async Task Nested_mails_are_read_down_to_the_depth_limit(int mails, bool isRead)
    {
        var mail = new MimeMessage { Body = new MimePart("application/tlsrpt+gzip") { Content = new MimeContent(new MemoryStream(Samples.Gzip(Json))), ContentTransferEncoding = ContentEncoding.Base64 } };
        for (var n = 1; n < mails; n++)
        {
            mail = new MimeMessage { Body = new Multipart("mixed") { new MessagePart("rfc822") { Message = mail } } };
        }

        using var written = new MemoryStream();
        await mail.WriteToAsync(written, Cancellation);
        if (isRead)
        {
            Assert.Single(await ReadAsync(written.ToArray(), Defaults));
        }
        else
        {
            await AssertRefusedAsync(written.ToArray(), "Sts__ReportMaxDepth", 8 * MiB);
        }
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_bomb_beside_a_report_does_not_raise_the_limits_of_the_rest() =>
        await AssertRefusedAsync(Samples.Mail(("application/gzip", "a.gz", GzipOf(Spaces(60))), ("application/tlsrpt+gzip", "b.gz", Samples.Gzip(Json))), "Sts__ReportMaxRatio", 8 * MiB);

    [Theory]
    [InlineData("{\"policies\":[")]
    [InlineData("[")]
    [InlineData("{\"a\":")]
    [Trait("Conformance", "ARR-5")]
    public Task Deeply_nested_JSON_is_refused(string piece) =>
        AssertRefusedAsync(Samples.Utf8(string.Concat(Enumerable.Repeat(piece, 500_000))), "RFC 8460 §4.4", 16 * MiB);

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_gzip_body_of_one_octet_members_takes_no_more_memory_than_one_of_a_single_member()
    {
        var padded = Json.Concat(Samples.Utf8(new string(' ', 66_000))).ToArray();
        var body = padded.SelectMany(octet => Samples.Gzip([octet])).ToArray();
        await ReadAsync(Samples.Gzip(padded), Defaults);
        var before = GC.GetTotalAllocatedBytes(precise: true);

        Assert.Single(await ReadAsync(body, Defaults));

        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before - (4L * body.Length), long.MinValue, 24 * MiB);
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task Small_reports_that_are_too_large_together_are_cut()
    {
        // Each of fifty may be held in 16 MiB: all of them have what one may have beside its containers.
        var details = string.Join(',', Enumerable.Range(0, 9_000).Select(n => $"{{\"result-type\":\"validation-failure\",\"receiving-mx-hostname\":\"mx{n}.{new string('x', 200)}.example\",\"failed-session-count\":1}}"));
        var json = Samples.Utf8(Encoding.UTF8.GetString(Json).Replace("\"failure-details\":[", $"\"failure-details\":[{details}", StringComparison.Ordinal));
        var zip = ZipOf(20, json);

        var read = await ReadAsync(zip, Defaults with { MaxRatio = 1_100 });

        Assert.Equal(20, read.Count);
        Assert.All(read, one => Assert.Equal(9_000, one.Report.Policies.Sum(policy => policy.FailureDetails.Sum(detail => detail.FailedSessions) + policy.UnlistedFailures)));
        Assert.InRange(read.Sum(one => ReportSize.Of(one.Report)), MiB, IntakeMemory.HeldBytes(Defaults, int.MaxValue / 2_000));
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public Task Nested_containers_that_are_too_large_together_are_refused()
    {
        // Each is a zip file, which must be held to be opened; packed again, so that next to nothing arrives.
        var inner = Sample.Zip("a.json", Json).Concat(new byte[3 * MiB]).ToArray();
        return AssertRefusedAsync(ZipOf(6, inner), "Reading it takes more than", 40 * MiB, Defaults with { MaxRatio = 1_100 });
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_list_in_a_string_has_the_same_limit_as_any_list()
    {
        var list = "[" + string.Join(',', Enumerable.Repeat("\\\"a\\\"", 2_600)) + "]";
        var policy = $"{{\"policy\":{{\"policy-type\":\"sts\",\"policy-domain\":\"example.com\",\"policy-string\":\"{list}\",\"mx-host\":\"{list}\"}},\"summary\":{{}}}}";
        var json = "{\"date-range\":{\"start-datetime\":\"2026-03-13T00:00:00Z\",\"end-datetime\":\"2026-03-13T23:59:59Z\"},\"report-id\":\"r\",\"policies\":[" + string.Join(',', Enumerable.Repeat(policy, 300)) + "]}";

        var report = await TlsReportReader.ReadAsync(new MemoryStream(Samples.Utf8(json)), new TlsReportLimits { MaxHeldBytes = 4 * MiB }, Cancellation);

        Assert.Equal(300, report.Policies.Length);
        Assert.Contains(report.Notes, note => note.Deviation.Code == "list-cut");
        Assert.InRange(ReportSize.Of(report), MiB, 5 * MiB);
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task Memory_does_not_grow_with_a_report_of_100_MB()
    {
        using var json = new EndlessDetails(100_000_000);
        var report = await TlsReportReader.ReadAsync(json, new TlsReportLimits { MaxBytes = 200_000_000 }, Cancellation);

        Assert.InRange(json.Taken, 100_000_000, 101_000_000);
        Assert.Equal(json.Sessions, report.Policies.Sum(policy => policy.FailedSessions));
        Assert.Equal(json.Sessions, report.Policies.Sum(policy => policy.FailureDetails.Sum(detail => detail.FailedSessions) + policy.UnlistedFailures));
        Assert.All(report.Policies, policy => Assert.InRange(policy.FailureDetails.Length, 1, 1_000));
        Assert.InRange(json.MostHeld, 0, 64 * MiB);
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task Memory_does_not_grow_with_a_hostile_report_of_maximum_length_strings()
    {
        using var json = new EndlessDetails(60_000_000, policies: 900, text: new string('x', 15_000));
        var report = await TlsReportReader.ReadAsync(json, new TlsReportLimits { MaxBytes = 200_000_000 }, Cancellation);

        Assert.Equal(json.Sessions, report.Policies.Sum(policy => policy.FailureDetails.Sum(detail => detail.FailedSessions) + policy.UnlistedFailures));
        Assert.InRange(json.MostHeld, 0, 64 * MiB);
    }

    private const string Head = "From: a@alpha-mail.example\r\nMIME-Version: 1.0\r\n";

    private static async Task AssertRefusedAsync(byte[] body, string limit, long mostAllocated, ReportLimitsOptions? limits = null)
    {
        Assert.InRange(body.Length, 1, Defaults.MaxBytes);
        await Assert.ThrowsAsync<UnreadableReportException>(() => ReadAsync(body, limits ?? Defaults));
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var refused = await Assert.ThrowsAsync<UnreadableReportException>(() => ReadAsync(body, limits ?? Defaults));
        var allocated = GC.GetTotalAllocatedBytes(precise: true) - before;
        Assert.Contains(limit, refused.Message, StringComparison.Ordinal);
        // The body itself is taken into a buffer that doubles.
        Assert.InRange(allocated - (4L * body.Length), long.MinValue, mostAllocated);
    }

    private static async Task<IReadOnlyList<ReadReport>> ReadAsync(byte[] body, ReportLimitsOptions limits)
    {
        var reader = new ReportReader(limits, new FakeTimeProvider(TestStorage.Noon));
        using var raw = await reader.BufferAsync(new MemoryStream(body), Cancellation);
        return (await reader.ReadAsync(raw, Cancellation)).Reports;
    }

    private static IEnumerable<byte[]> Spaces(int mebibytes)
    {
        yield return "{\"policies\":["u8.ToArray();
        var spaces = Enumerable.Repeat((byte)' ', MiB).ToArray();
        for (var n = 0; n < mebibytes; n++)
        {
            yield return spaces;
        }
    }

    private static byte[] GzipOf(IEnumerable<byte[]> pieces)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            foreach (var piece in pieces)
            {
                gzip.Write(piece);
            }
        }

        return compressed.ToArray();
    }

    private static byte[] BytesOf(IEnumerable<byte[]> pieces) => [.. pieces.SelectMany(piece => piece)];

    private static byte[] ZipOf(int files, byte[] content)
    {
        using var file = new MemoryStream();
        using (var zip = new ZipArchive(file, ZipArchiveMode.Create, leaveOpen: true))
        {
            for (var n = 0; n < files; n++)
            {
                using var entry = zip.CreateEntry($"{n}.json").Open();
                entry.Write(content);
            }
        }

        return file.ToArray();
    }

    // A report that is generated as it is read, with a measurement of the held memory every few megabytes.
    private sealed class EndlessDetails(long length, int policies = 1, string text = "") : MemoryStream
    {
        private const int SampleEvery = 10_000_000;

        private readonly long _before = GC.GetTotalMemory(forceFullCollection: true);
        private readonly IEnumerator<string> _pieces = Pieces(length, policies, text).GetEnumerator();
        private byte[] _piece = [];
        private int _given;
        private long _nextSample = SampleEvery;

        public long Taken { get; private set; }

        public long Sessions { get; private set; }

        public long MostHeld { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var filled = 0;
            while (filled < buffer.Length)
            {
                if (_given == _piece.Length)
                {
                    if (!_pieces.MoveNext())
                    {
                        break;
                    }

                    (_piece, _given) = (Encoding.UTF8.GetBytes(_pieces.Current), 0);
                    Sessions += _pieces.Current.Contains("\"failed-session-count\":7}", StringComparison.Ordinal) ? 7 : 0;
                }

                var count = Math.Min(buffer.Length - filled, _piece.Length - _given);
                _piece.AsMemory(_given, count).CopyTo(buffer[filled..]);
                (filled, _given) = (filled + count, _given + count);
            }

            Taken += filled;
            if (Taken > _nextSample)
            {
                _nextSample += SampleEvery;
                MostHeld = Math.Max(MostHeld, GC.GetTotalMemory(forceFullCollection: true) - _before);
            }

            return ValueTask.FromResult(filled);
        }

        private static IEnumerable<string> Pieces(long length, int policies, string text)
        {
            yield return "{\"date-range\":{\"start-datetime\":\"2026-03-13T00:00:00Z\",\"end-datetime\":\"2026-03-13T23:59:59Z\"},\"report-id\":\"r\",\"policies\":[";
            var n = 0L;
            for (var policy = 0; policy < policies; policy++)
            {
                yield return $"{(policy > 0 ? "," : "")}{{\"policy\":{{\"policy-type\":\"sts\",\"policy-domain\":\"example.com\",\"policy-string\":[\"{text}\",\"{text}{policy}\"]}},\"failure-details\":[";
                var separator = "";
                for (var given = 0L; given < length / policies;)
                {
                    n++;
                    var detail = $"{separator}{{\"result-type\":\"certificate-expired\",\"sending-mta-ip\":\"2001:db8::{n % 65536:x}\",\"receiving-mx-hostname\":\"mx{n}.{text}mail.example.com\",\"receiving-mx-helo\":\"mx{n}\",\"receiving-ip\":\"2001:db8:1::{n % 50000:x}\",\"failure-reason-code\":\"{n}{text}\",\"failed-session-count\":7}}";
                    given += detail.Length;
                    separator = ",";
                    yield return detail;
                }

                yield return "]}";
            }

            yield return "]}";
        }
    }
}
