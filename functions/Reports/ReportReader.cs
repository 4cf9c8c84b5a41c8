using System.IO.Compression;
using System.Security.Cryptography;
using MimeKit;
using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Reports;

/// <summary>A report that was read.</summary>
/// <param name="Report">What it says.</param>
/// <param name="BodyHash">Tells it from another: made of its JSON, whatever that came in.</param>
/// <param name="ByMail">Whether it came in a mail.</param>
internal sealed record ReadReport(TlsReport Report, string BodyHash, bool ByMail)
{
    /// <summary>The mail that it came in, the outermost where mails are in mails; null where there is none.</summary>
    public MimeMessage? Mail { get; init; }
}

/// <summary>Reads reports out of whatever they come in: bare JSON, gzip, or a mail. The content decides, not a label (RFC 8460 §5.3, ARR-1).</summary>
internal sealed class ReportReader(ReportSettings settings, TimeProvider time)
{
    // Storage takes no date before 1601, and nobody reported before there was a draft to report by.
    private const int FirstYear = 2015;

    // A sender's clock may be wrong, and its day begins before ours.
    private static readonly TimeSpan Ahead = TimeSpan.FromDays(2);

    // More parts than this, and a mail is no report.
    private const int MaxParts = 20;

    // Nested multiparts: MimeKit reads them by recursion.
    private const int MaxMimeDepth = 10;

    /// <summary>Reads every report in <paramref name="body"/>; at least one.</summary>
    /// <exception cref="UnreadableReportException">There is none, or it is too large.</exception>
    public async Task<IReadOnlyList<ReadReport>> ReadAsync(MemoryStream body, CancellationToken cancellation)
    {
        body.Position = 0;
        return IsGzip(body) || IsJson(body)
            ? [await ReadBodyAsync(body, byMail: false, cancellation)]
            : await ReadMailAsync(body, cancellation);
    }

    /// <summary>Takes in what has arrived, up to the size that is read.</summary>
    /// <exception cref="UnreadableReportException">It is larger.</exception>
    public async Task<MemoryStream> BufferAsync(Stream raw, CancellationToken cancellation)
    {
        var body = new MemoryStream();
        var buffer = new byte[81920];
        int read;
        while ((read = await raw.ReadAsync(buffer, cancellation)) > 0)
        {
            if (body.Length + read > settings.MaxBytes)
            {
                throw new UnreadableReportException($"The report is larger than {settings.MaxBytes} bytes.", isTooLarge: true);
            }

            body.Write(buffer, 0, read);
        }

        return body;
    }

    private async Task<ReadReport> ReadBodyAsync(MemoryStream body, bool byMail, CancellationToken cancellation)
    {
        try
        {
            // The buffer stays the caller's: it is stored as it came.
            using var json = IsGzip(body) ? new GZipStream(body, CompressionMode.Decompress, leaveOpen: true) : (Stream)new MemoryStream(body.GetBuffer(), 0, (int)body.Length, writable: false);
            using var sha256 = SHA256.Create();
            using var hashed = new CryptoStream(json, sha256, CryptoStreamMode.Read);
            var report = await TlsReportReader.ReadAsync(hashed, new TlsReportLimits { MaxBytes = settings.MaxExpandedBytes }, cancellation);
            return report.Start.Year >= FirstYear && report.Start <= time.GetUtcNow() + Ahead
                ? new ReadReport(report, Keys.OfDigest(sha256.Hash!), byMail)
                : throw new UnreadableReportException($"The report's range begins {report.Start:u}, which is not of this time.");
        }
        catch (ProtocolException e)
        {
            throw new UnreadableReportException($"Not a TLS report (RFC 8460 §4.4): {e.Message}", cause: e);
        }
        catch (InvalidDataException e)
        {
            throw new UnreadableReportException($"The gzip data is broken: {e.Message}", cause: e);
        }
    }

    private async Task<IReadOnlyList<ReadReport>> ReadMailAsync(MemoryStream body, CancellationToken cancellation)
    {
        MimeMessage mail;
        try
        {
            var options = ParserOptions.Default.Clone();
            options.MaxMimeDepth = MaxMimeDepth;
            mail = await MimeMessage.LoadAsync(options, body, persistent: true, cancellation);
        }
        catch (FormatException e)
        {
            throw new UnreadableReportException("Neither JSON, nor gzip, nor a mail.", cause: e);
        }

        var reports = new List<ReadReport>();
        UnreadableReportException? fault = null;
        foreach (var part in mail.BodyParts.OfType<MimePart>().Where(MayHoldReport).Take(MaxParts))
        {
            using var content = new MemoryStream();
            await part.Content!.DecodeToAsync(content, cancellation);
            content.Position = 0;
            if (IsGzip(content) || IsJson(content))
            {
                try
                {
                    reports.Add(await ReadBodyAsync(content, byMail: true, cancellation) with { Mail = mail });
                }
                catch (UnreadableReportException e)
                {
                    // Another attachment may be the report.
                    fault ??= e;
                }
            }
        }

        return reports is []
            ? throw fault ?? new UnreadableReportException("Neither JSON, nor gzip, nor a mail with a part that is either (RFC 8460 §5.3: application/tlsrpt+gzip or application/tlsrpt+json).")
            : reports;
    }

    // By type, or, as real senders do, by file name under a general type (ARR-2).
    private static bool MayHoldReport(MimePart part) =>
        part.Content is not null
        && (part.ContentType.IsMimeType("application", "tlsrpt+gzip")
            || part.ContentType.IsMimeType("application", "tlsrpt+json")
            || part.ContentType.IsMimeType("application", "gzip")
            || part.ContentType.IsMimeType("application", "x-gzip")
            || part.ContentType.IsMimeType("application", "json")
            || (part.FileName is { } name && (name.EndsWith(".json", StringComparison.OrdinalIgnoreCase) || name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase))));

    private static bool IsGzip(MemoryStream body) => body.TryGetBuffer(out var bytes) && bytes is [0x1f, 0x8b, ..];

    private static bool IsJson(MemoryStream body)
    {
        body.TryGetBuffer(out var buffer);
        var bytes = buffer.AsSpan();
        if (bytes.StartsWith("\uFEFF"u8))
        {
            bytes = bytes[3..];
        }

        bytes = bytes.TrimStart(" \t\r\n"u8);
        return !bytes.IsEmpty && bytes[0] is (byte)'{' or (byte)'[';
    }
}
