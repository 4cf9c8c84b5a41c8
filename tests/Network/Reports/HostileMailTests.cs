using System.Globalization;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using MimeKit;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Containers;
using StsFunctions.ReportIntake.Limits;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>A mail whose head or structure is without measure is refused before anything is made of it, with the limit in words.</summary>
[Collection(Alone.Name)]
public sealed class HostileMailTests
{
    private const int KiB = 1 << 10;
    private const int MiB = 1 << 20;

    private static readonly ReportLimitsOptions Defaults = new() { MaxBytes = 10 * MiB, MaxExpandedBytes = 100 * MiB };

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    // What is repeated, up to a size, and which limit it meets.
    public static TheoryData<string, string, string, int, string> Fields => new()
    {
        { "addresses", "From: ", "a@b.example,", 9 * MiB, "header field" },
        { "groups", "From: ", "g:a@b;", 9 * MiB, "header field" },
        { "a few addresses too many", "From: ", "a@b.example,", 6 * KiB, "separators" },
        { "comments", "From: ", "(", 9 * MiB, "header field" },
        { "comments in comments", "From: ", "(", 2 * KiB, "comments" },
        { "a long From", "From: ", "a", 9 * KiB, "From" },
        { "folded lines", "From: ", "\r\n a@b.example,", 9 * MiB, "header field" },
        { "encoded words in an address", "From: ", "=?utf-8?Q?a?= ", 4 * KiB, "encoded words" },
        { "encoded words", "Subject: ", "=?utf-8?Q?a?= ", 9 * MiB, "header field" },
        { "a few encoded words too many", "Subject: ", "=?utf-8?Q?a?= ", 4 * KiB, "encoded words" },
        { "encoded words of the domain's header", "TLS-Report-Domain: ", "=?x?Q?a?= ", 4 * KiB, "encoded words" },
        { "encoded words of the submitter's header", "TLS-Report-Submitter: ", "=?x?Q?a?= ", 4 * KiB, "encoded words" },
        { "parameters", "Content-Type: multipart/report; ", "a=b;", 9 * MiB, "header field" },
        { "a few parameters too many", "Content-Type: multipart/report; ", "a=b;", 4 * KiB, "separators" },
        { "a name in pieces", "Content-Disposition: attachment; ", "n*1*=x''a;", 4 * KiB, "separators" },
        { "a field of no name", "", "x", 9 * MiB, "header field" },
        { "a field that nobody reads", "X-Spam: ", "x", 9 * MiB, "header field" },
        { "a boundary", "Content-Type: multipart/mixed; boundary=", "x", 1 * KiB, "boundary" },
    };

    [Theory]
    [MemberData(nameof(Fields))]
    [Trait("Conformance", "ARR-5")]
    public async Task A_very_large_header_field_is_refused(string what, string field, string piece, int length, string limit)
    {
        Assert.NotEmpty(what);
        var mail = Head + field + string.Concat(Enumerable.Repeat(piece, length / piece.Length)) + "\r\n\r\n{}\r\n";

        await AssertRefusedAsync(mail, limit);
    }

    [Theory]
    [MemberData(nameof(Fields))]
    [Trait("Conformance", "ARR-5")]
    public async Task A_very_large_header_field_of_a_part_or_of_a_nested_mail_is_refused(string what, string field, string piece, int length, string limit)
    {
        Assert.NotEmpty(what);
        var hostile = field + string.Concat(Enumerable.Repeat(piece, length / piece.Length)) + "\r\n\r\n{}\r\n--b--\r\n";

        await AssertRefusedAsync(Head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + hostile, limit);
        await AssertRefusedAsync(Head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\nSubject: x\r\n" + hostile, limit);
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public Task All_header_fields_of_a_mail_together_have_a_limit() =>
        AssertRefusedAsync(Head + string.Concat(Enumerable.Repeat($"X-A: {new string('x', 10_000)}\r\n", 900)) + "\r\n{}", "header fields");

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task The_preamble_and_epilogue_of_a_mail_have_a_limit()
    {
        var text = string.Concat(Enumerable.Repeat("nothing to see here\r\n", 400_000));
        await AssertRefusedAsync(Head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + text + "--b\r\n\r\n{}\r\n--b--\r\n", "outside its parts");
        await AssertRefusedAsync(Head + "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n{}\r\n--b--\r\n" + text, "outside its parts");
        await AssertRefusedAsync(Head + "Content-Type: multipart/mixed\r\n\r\n" + text, "outside its parts");
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task Deeply_nested_multiparts_are_refused_or_left_unread()
    {
        var mail = new StringBuilder(Head + "Content-Type: multipart/mixed; boundary=b0\r\n\r\n");
        for (var n = 0; n < 45; n++)
        {
            mail.Append(CultureInfo.InvariantCulture, $"--b{n}\r\nContent-Type: multipart/mixed; boundary=b{n + 1}\r\n\r\n");
        }

        await AssertRefusedAsync(mail.ToString(), "holds no report");
    }

    [Fact]
    [Trait("Conformance", "ARR-2")]
    public async Task A_mail_at_the_limits_of_real_senders_is_read()
    {
        var mail = SignedMailFactory.Mail();
        foreach (var n in Enumerable.Range(0, 40))
        {
            mail.Headers.Add("Received", $"from relay{n}.example by relay{n + 1}.example (a comment (in a comment)); Sat, 14 Mar 2026 10:00:00 +0000");
            mail.Headers.Add($"X-Antispam-{n}", new string('x', 3_000));
        }

        mail.Subject = string.Concat(Enumerable.Repeat("Отчёт о TLS ", 60));
        mail.From.Clear();
        mail.From.AddRange(Enumerable.Range(0, 10).Select(n => new MailboxAddress($"Отчёты {n} \"(TLS)\"", "tlsrpt@company-x.example")));

        Assert.Single((await ReadAsync(SignedMailFactory.Raw(mail))).Reports);
    }

    private const string Head = "To: reports@example.com\r\nMIME-Version: 1.0\r\n";

    private static async Task AssertRefusedAsync(string mail, string limit)
    {
        var raw = Encoding.Latin1.GetBytes(mail);
        Assert.InRange(raw.Length, 1, Defaults.MaxBytes);
        using var body = await new ReportReader(Defaults, new FakeTimeProvider(TestStorage.Noon)).BufferAsync(new MemoryStream(raw), Cancellation);
        await Assert.ThrowsAsync<UnreadableReportException>(() => ReadAsync(body));
        var before = GC.GetTotalAllocatedBytes(precise: true);
        var refused = await Assert.ThrowsAsync<UnreadableReportException>(() => ReadAsync(body));
        Assert.InRange(GC.GetTotalAllocatedBytes(precise: true) - before, 0, 2 * MiB);
        Assert.Contains(limit, refused.Message, StringComparison.Ordinal);
    }

    private static async Task<UnpackedReports> ReadAsync(byte[] mail)
    {
        var reader = new ReportReader(Defaults, new FakeTimeProvider(TestStorage.Noon));
        using var raw = await reader.BufferAsync(new MemoryStream(mail), Cancellation);
        return await reader.ReadAsync(raw, Cancellation);
    }

    private static Task<UnpackedReports> ReadAsync(MemoryStream body) => new ReportReader(Defaults, new FakeTimeProvider(TestStorage.Noon)).ReadAsync(body, Cancellation);
}
