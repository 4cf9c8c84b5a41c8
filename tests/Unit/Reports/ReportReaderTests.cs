using System.IO.Compression;
using CsCheck;
using MimeKit;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Containers;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.Tests.Protocol;
using Xunit;

namespace StsFunctions.Tests.Reports;

public sealed class ReportReaderTests
{
    private static readonly byte[] Json = Samples.Json(Samples.Policy());
    private static readonly ReportReader Reader = new(new ReportLimitsOptions { MaxBytes = 256 * 1024, MaxExpandedBytes = 1024 * 1024 }, new Microsoft.Extensions.Time.Testing.FakeTimeProvider(TestStorage.Noon));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string, byte[], bool> Forms => new()
    {
        { "bare", Json, false },
        { "after a byte order mark", [0xEF, 0xBB, 0xBF, .. Json], false },
        { "gzip of gzip", Samples.Gzip(Samples.Gzip(Json)), false },
        { "a mail that calls it a picture", Samples.Mail(("image/png", "logo.png", Json)), true },
        { "after white space", [.. " \r\n\t"u8, .. Json], false },
        { "gzip", Samples.Gzip(Json), false },
        { "mail, the RFC's type, gzip", Samples.Mail(("application/tlsrpt+gzip", "a.json.gz", Samples.Gzip(Json))), true },
        { "mail, the RFC's type, JSON", Samples.Mail(("application/tlsrpt+json", null, Json)), true },
        { "mail, the type says gzip and it is not", Samples.Mail(("application/tlsrpt+gzip", null, Json)), true },
        { "mail, the type says JSON and it is gzip", Samples.Mail(("application/tlsrpt+json", null, Samples.Gzip(Json))), true },
        { "mail, application/gzip", Samples.Mail(("application/gzip", null, Samples.Gzip(Json))), true },
        { "mail, application/x-gzip", Samples.Mail(("application/x-gzip", null, Samples.Gzip(Json))), true },
        { "mail, application/json", Samples.Mail(("application/json", null, Json)), true },
        { "mail, octet-stream by its file name", Samples.Mail(("application/octet-stream", "company-x.example!example.com!1773446400!1773532799!001.json.gz", Samples.Gzip(Json))), true },
        { "mail, octet-stream by its file name in capitals", Samples.Mail(("application/octet-stream", "REPORT.JSON", Json)), true },
        { "mail, with another attachment first", Samples.Mail(("image/png", "logo.png", [1, 2, 3]), ("application/tlsrpt+gzip", null, Samples.Gzip(Json))), true },
        { "mail, with other JSON first", Samples.Mail(("application/json", "meta.json", Samples.Utf8("{\"kind\":\"meta\"}")), ("application/tlsrpt+gzip", null, Samples.Gzip(Json))), true },
    };

    [Theory]
    [MemberData(nameof(Forms))]
    [Trait("Conformance", "ARR-1")]
    [Trait("Conformance", "ARR-2")]
    public async Task A_report_is_read_in_every_format(string form, byte[] body, bool byMail)
    {
        var read = Assert.Single(await ReadAsync(body));

        Assert.Equal("5065427c-23d3-47ca-b6e0-946ea0e8c4be", read.Report.ReportId);
        Assert.Equal("example.com", Assert.Single(read.Report.Policies).PolicyDomain.Value);
        Assert.True(byMail == read.ByMail, form);
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task The_same_JSON_is_the_same_body_in_every_format()
    {
        var forms = new[] { Json, Samples.Gzip(Json), Samples.Mail(("application/tlsrpt+gzip", null, Samples.Gzip(Json))), Samples.Mail(("application/json", null, Json)) };
        var hashes = new HashSet<string>();
        foreach (var form in forms)
        {
            hashes.Add((await ReadAsync(form))[0].BodyHash);
        }

        Assert.Single(hashes);
        Assert.DoesNotContain((await ReadAsync(Samples.Json(Samples.Policy(sessions: 91))))[0].BodyHash, hashes);
    }

    [Fact]
    public async Task A_mail_may_carry_several_reports()
    {
        var mail = Samples.Mail(("application/tlsrpt+json", null, Json), ("application/tlsrpt+gzip", null, Samples.Gzip(Samples.Json(Samples.Policy("other.example")))));

        Assert.Equal(["example.com", "other.example"], (await ReadAsync(mail)).Select(read => read.Report.Policies[0].PolicyDomain.Value));
    }

    public static TheoryData<string, byte[]> Unreadable => new()
    {
        { "nothing", [] },
        { "white space", Samples.Utf8("  \n") },
        { "text", Samples.Utf8("hello") },
        { "HTML", Samples.Utf8("<html></html>") },
        { "other JSON", Samples.Utf8("{\"a\":1}") },
        { "a list", Samples.Utf8("[]") },
        { "half a report", Json[..(Json.Length / 2)] },
        { "a report and more", [.. Json, .. Json] },
        { "truncated gzip", Samples.Gzip(Json)[..^20] },
        { "gzip without a byte of data", Samples.Gzip([]) },
        { "the beginning of gzip", [0x1f, 0x8b] },
        { "broken gzip", [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8] },
        { "a mail without an attachment", Samples.Mail() },
        { "a mail with a picture", Samples.Mail(("image/png", "logo.png", [0x89, 0x50, 0x4e, 0x47, 1, 2, 3])) },
        { "a mail with other JSON", Samples.Mail(("application/json", null, Samples.Utf8("{}"))) },
        { "a mail with truncated gzip", Samples.Mail(("application/gzip", null, Samples.Gzip(Json)[..^20])) },
        { "a report of the year 1", TlsReportJson.Write(Samples.Report(Samples.Policy()) with { Start = DateTimeOffset.MinValue }) },
        { "a report of 1599, before which storage has no dates", TlsReportJson.Write(Samples.Report(Samples.Policy()) with { Start = new DateTimeOffset(1599, 1, 1, 0, 0, 0, TimeSpan.Zero) }) },
        { "a report of next week", TlsReportJson.Write(Samples.Report(Samples.Policy()) with { Start = TestStorage.Noon.AddDays(7), End = TestStorage.Noon.AddDays(8) }) },
    };

    [Theory]
    [MemberData(nameof(Unreadable))]
    public async Task Anything_but_a_report_is_refused_with_a_readable_reason(string what, byte[] body)
    {
        var unreadable = await Assert.ThrowsAsync<UnreadableReportException>(() => ReadAsync(body));

        Assert.False(unreadable.IsTooLarge, what);
        Assert.NotEmpty(unreadable.Message);
    }

    [Theory]
    [InlineData(CompressionLevel.Optimal)]
    [InlineData(CompressionLevel.SmallestSize)]
    [Trait("Conformance", "ARR-5")]
    public async Task A_bomb_is_refused_at_the_limit(CompressionLevel level)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, level, leaveOpen: true))
        {
            gzip.Write("{\"report-id\":\"r\",\"x\":["u8);
            for (var n = 0; n < 2_000; n++)
            {
                gzip.Write(new string('1', 1).PadRight(1_024, ' ').Select(c => (byte)c).ToArray());
                gzip.Write(","u8);
            }
        }

        Assert.True(compressed.Length < 100_000);
        var refused = await Assert.ThrowsAsync<UnreadableReportException>(() => ReadAsync(compressed.ToArray()));
        Assert.Contains("1048576", refused.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<UnreadableReportException>(() => ReadAsync(Samples.Mail(("application/gzip", null, compressed.ToArray()))));
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_body_larger_than_the_limit_is_not_read()
    {
        await using var endless = new Endless();

        var refused = await Assert.ThrowsAsync<UnreadableReportException>(() => Reader.BufferAsync(endless, Cancellation));

        Assert.True(refused.IsTooLarge);
        Assert.InRange(endless.Taken, 1, 256 * 1024 + 100_000);
    }

    [Fact]
    public async Task Deeply_nested_mails_are_not_a_report()
    {
        MimeEntity body = new MimePart("application/tlsrpt+json") { Content = new MimeContent(new MemoryStream(Json)) };
        for (var depth = 0; depth < 200; depth++)
        {
            body = new Multipart("mixed") { body };
        }

        using var written = new MemoryStream();
        await new MimeMessage { Body = body }.WriteToAsync(written, Cancellation);

        await Assert.ThrowsAsync<UnreadableReportException>(() => ReadAsync(written.ToArray()));
    }

    [Fact]
    public async Task No_damage_throws_any_other_exception()
    {
        byte[][] good = [.. Forms.Select(form => form.Data.Item2)];
        await Gens.Damaged(good).SampleAsync(
            async body =>
            {
                try
                {
                    Assert.NotEmpty(await ReadAsync(body));
                }
                catch (UnreadableReportException)
                {
                }
            },
            iter: 3_000);
    }

    private static async Task<IReadOnlyList<ReadReport>> ReadAsync(byte[] body)
    {
        using var raw = await Reader.BufferAsync(new MemoryStream(body), CancellationToken.None);
        return (await Reader.ReadAsync(raw, CancellationToken.None)).Reports;
    }

    private sealed class Endless : Stream
    {
        public long Taken { get; private set; }

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count)
        {
            buffer.AsSpan(offset, count).Fill((byte)' ');
            Taken += count;
            return count;
        }

        public override void Flush()
        {
        }

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
