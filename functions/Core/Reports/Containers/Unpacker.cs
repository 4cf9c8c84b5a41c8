using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using MimeKit;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Reports.Containers;

/// <summary>
/// Opens what arrived, container in container, down to each JSON body, and has that read. The content decides what a thing is, not its label
/// (RFC 8460 §5, ARR-1, ARR-2). One is made for each arrival.
/// </summary>
/// <param name="limits">How much is opened.</param>
/// <param name="length">How large it is, as it arrived.</param>
/// <param name="read">Reads a JSON body, of which so many bytes may be held.</param>
internal sealed class Unpacker(ReportLimitsOptions limits, int length, Func<Stream, Origin, long, CancellationToken, Task<ReadReport>> read)
{
    // MimeKit reads nested multiparts by recursion.
    private const int MaxMimeDepth = 16;

    private static readonly byte[] CentralHeader = "PK\u0001\u0002"u8.ToArray();

    private readonly Allowance _allowance = new(limits, length);
    private readonly List<ReadReport> _reports = [];
    private readonly List<string> _others = [];
    private UnreadableReportException? _fault;
    private UnreadableReportException? _leftOut;
    private MimeMessage? _mail;
    private bool _isMail;

    /// <summary>How much is held of what was opened, in bytes.</summary>
    public long HeldBytes => _allowance.Held;

    /// <summary>Opens what arrived, and reads every report in it; at least one.</summary>
    /// <exception cref="UnreadableReportException">No body could be read, or a limit was exceeded.</exception>
    public async Task<OpenedArrival> OpenAllAsync(ReadOnlyMemory<byte> arrived, CancellationToken cancellation)
    {
        try
        {
            await OpenAsync(arrived, Origin.Arrival, cancellation);
            return _reports.Count > 0 ? new OpenedArrival(_reports, _leftOut?.Message) : throw _fault ?? NothingFound();
        }
        catch (UnreadableReportException e)
        {
            e.Mail = _isMail ? _mail : null;
            throw;
        }
    }

    private UnreadableReportException NothingFound()
    {
        var what = _others.Find(other => other == Content.DmarcReport) ?? _others.FirstOrDefault() ?? "nothing at all";
        return new UnreadableReportException(_isMail
            ? $"The mail holds no report (RFC 8460 §5.3: application/tlsrpt+gzip or application/tlsrpt+json), but {what}."
            : $"Neither JSON, nor gzip, nor a mail, nor a zip file with a report (RFC 8460 §5), but {what}.");
    }

    private Task OpenAsync(ReadOnlyMemory<byte> content, Origin origin, CancellationToken cancellation)
    {
        switch (Content.KindOf(content.Span[..Math.Min(content.Length, Content.HeadLength)]))
        {
            case ContentKind.Json:
                return TakeBodyAsync(StreamOf(content), origin, cancellation);
            case ContentKind.Gzip:
                return OpenGzipAsync(content, origin, cancellation);
            case ContentKind.Zip:
                return OpenZipAsync(content, origin, cancellation);
            case ContentKind.Mail:
                return OpenMailAsync(content, origin, cancellation);
            default:
                _others.Add(Content.NameOf(content.Span[..Math.Min(content.Length, Content.HeadLength)]));
                return Task.CompletedTask;
        }
    }

    // A body that cannot be read does not keep others from being read.
    private async Task TakeBodyAsync(Stream json, Origin origin, CancellationToken cancellation)
    {
        try
        {
            // Not all of the room: what a report says of each policy is held however little there is.
            var report = await read(json, origin, _allowance.Room * 3 / 4, cancellation);
            _allowance.TakeHeld(ReportSize.Of(report.Report));
            _reports.Add(report);
        }
        catch (UnreadableReportException e) when (e.Why != Unreadable.OverLimit)
        {
            Skip(e);
        }
        catch (InvalidDataException e)
        {
            Skip(Broken(e));
        }
    }

    // Other JSON beside a report, as some senders put it, is nothing to be missed.
    private void Skip(UnreadableReportException fault)
    {
        _fault ??= fault;
        _leftOut ??= fault.Why == Unreadable.NoReport ? null : fault;
    }

    private async Task OpenGzipAsync(ReadOnlyMemory<byte> content, Origin origin, CancellationToken cancellation)
    {
        var inside = origin.Within(origin.FileName ?? GzipHeader.FileNameIn(content.Span));
        _allowance.CheckDepth(inside.Depth);
        using var compressed = StreamOf(content);
        using var gzip = new GZipStream(compressed, CompressionMode.Decompress);
        using var expanded = new ExpandedStream(gzip, content.Length, _allowance);
        var before = _reports.Count;
        await OpenExpandedAsync(expanded, inside, Deviation(gzip: true), cancellation);
        // The last bytes of a single member tell its expanded size (RFC 1952 §2.3.1).
        if (content.Length >= sizeof(uint) && BinaryPrimitives.ReadUInt32LittleEndian(content.Span[^sizeof(uint)..]) != (uint)expanded.Taken)
        {
            for (var i = before; i < _reports.Count; i++)
            {
                _reports[i] = _reports[i] with { Notes = [new ReportNote(ContainerDeviation.SeveralMembers, "the container"), .. _reports[i].Notes] };
            }
        }
    }

    private async Task OpenZipAsync(ReadOnlyMemory<byte> content, Origin origin, CancellationToken cancellation)
    {
        var inside = origin.Noting(ContainerDeviation.Zip, "the container").Within();
        _allowance.CheckDepth(inside.Depth);
        // Before they are read, since each costs memory, whatever count the end of the file tells.
        if (content.Span.Count(CentralHeader) > limits.MaxParts)
        {
            throw Allowance.Over($"The zip file has more than the {limits.MaxParts} files that are looked at (Sts__ReportMaxParts).");
        }

        try
        {
            using var stream = StreamOf(content);
            using var zip = new ZipArchive(stream, ZipArchiveMode.Read);
            foreach (var entry in zip.Entries.Where(entry => entry.Name.Length > 0))
            {
                _allowance.TakePart();
                if (entry.IsEncrypted)
                {
                    Skip(new UnreadableReportException("The zip file is encrypted: send it without a password.", why: Unreadable.Broken));
                    continue;
                }

                using var file = entry.Open();
                using var whole = new ChecksummedStream(file, entry.Crc32);
                using var expanded = new ExpandedStream(whole, entry.CompressedLength, _allowance);
                await OpenExpandedAsync(expanded, inside with { FileName = entry.Name }, Deviation(gzip: false), cancellation);
            }
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or IOException)
        {
            Skip(Broken(e));
        }
    }

    // A body is read as it comes out; what is a container again is small, and is held.
    private async Task OpenExpandedAsync(ExpandedStream expanded, Origin inside, Func<ContentKind, Deviation?> deviation, CancellationToken cancellation)
    {
        try
        {
            using var peeked = await PeekedStream.OpenAsync(expanded, cancellation);
            var kind = Content.KindOf(peeked.Head);
            var noted = deviation(kind) is { } known ? inside.Noting(known, "the container") : inside;
            if (kind == ContentKind.Json)
            {
                await TakeBodyAsync(peeked, noted, cancellation);
            }
            else if (kind == ContentKind.Other)
            {
                _others.Add(Content.NameOf(peeked.Head));
            }
            else
            {
                await OpenAsync(await HoldAsync(peeked, cancellation), noted, cancellation);
            }
        }
        catch (InvalidDataException e)
        {
            Skip(Broken(e));
        }
    }

    private static Func<ContentKind, Deviation?> Deviation(bool gzip) => kind => kind switch
    {
        ContentKind.Mail => ContainerDeviation.CompressedMail,
        ContentKind.Gzip or ContentKind.Zip when gzip => ContainerDeviation.CompressedTwice,
        _ => null,
    };

    private async Task<ReadOnlyMemory<byte>> HoldAsync(Stream stream, CancellationToken cancellation)
    {
        var held = new SegmentedBuffer(_allowance.TakeHeld);
        while (await held.ReadFromAsync(stream, cancellation) > 0)
        {
            if (held.Length > limits.MaxBytes)
            {
                throw Allowance.Over($"A container within it is larger than the {limits.MaxBytes} bytes that are read (Sts__ReportMaxBytes).");
            }
        }

        _allowance.TakeHeld(held.Length);
        var whole = held.ToArray();
        _allowance.ReturnHeld(held.Capacity);
        return whole;
    }

    private async Task OpenMailAsync(ReadOnlyMemory<byte> content, Origin origin, CancellationToken cancellation)
    {
        _isMail |= origin.Depth == 0;
        _allowance.CheckDepth(origin.Depth + 1);
        if (await LoadAsync(WithoutMboxLine(content), cancellation) is { } mail)
        {
            await WalkAsync(mail, origin, cancellation);
        }
    }

    // One line that mail boxes put before each mail, and that is not of the mail.
    private static ReadOnlyMemory<byte> WithoutMboxLine(ReadOnlyMemory<byte> content)
    {
        var start = content.Length - content.Span.TrimStart(" \t\r\n"u8).Length;
        return content.Span[start..].StartsWith("From "u8) && content.Span.IndexOf((byte)'\n') is >= 0 and var end ? content[(end + 1)..] : content[start..];
    }

    private async Task<MimeMessage?> LoadAsync(ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var options = ParserOptions.Default.Clone();
        options.MaxMimeDepth = MaxMimeDepth;
        try
        {
            using (var counted = StreamOf(content))
            {
                new MailCensus(options, counted, limits).ReadMessage(cancellation);
            }

            // What is persistent stays in the bytes that are held anyway.
            return await MimeMessage.LoadAsync(options, StreamOf(content), persistent: true, cancellation);
        }
        catch (FormatException)
        {
            _others.Add(Content.NameOf(content.Span[..Math.Min(content.Length, Content.HeadLength)]));
            return null;
        }
    }

    private async Task WalkAsync(MimeMessage mail, Origin origin, CancellationToken cancellation)
    {
        _mail ??= mail;
        var inside = origin.Within() with
        {
            Mail = origin.Mail ?? mail,
            HeaderDomain = mail.Headers["TLS-Report-Domain"] ?? origin.HeaderDomain,
            HeaderSubmitter = mail.Headers["TLS-Report-Submitter"] ?? origin.HeaderSubmitter,
        };
        _allowance.CheckDepth(inside.Depth);
        if (MailNames.Of(mail) is { } name)
        {
            _others.Add(name);
        }

        foreach (var entity in mail.BodyParts)
        {
            _allowance.TakePart();
            switch (entity)
            {
                case MessagePart { Message: { } nested }:
                    await WalkAsync(nested, inside.Noting(ContainerDeviation.Forwarded, "the mail"), cancellation);
                    break;
                case MimePart { Content: not null } part:
                    await OpenPartAsync(part, mail.Body!.ContentType, inside, cancellation);
                    break;
            }
        }
    }

    private async Task OpenPartAsync(MimePart part, ContentType top, Origin origin, CancellationToken cancellation)
    {
        // No encoding makes anything longer than its text.
        var most = part.Content!.Stream!.Length;
        _allowance.TakeHeld(most);
        using var decoded = new MemoryStream((int)most);
        await part.Content!.DecodeToAsync(decoded, cancellation);
        ReadOnlyMemory<byte> content = decoded.GetBuffer().AsMemory(0, (int)decoded.Length);
        var kind = Content.KindOf(content.Span[..Math.Min(content.Length, Content.HeadLength)]);
        // What people write to each other may begin as a mail does.
        if (kind == ContentKind.Other || (kind == ContentKind.Mail && part is TextPart && part.FileName is null))
        {
            _others.Add(Content.NameOf(content.Span[..Math.Min(content.Length, Content.HeadLength)]));
            return;
        }

        var inside = IsLabelled(part.ContentType, kind) ? origin : origin.Noting(ContainerDeviation.WrongMediaType, "the attachment", part.ContentType.MimeType);
        inside = IsTlsReport(top) || kind == ContentKind.Mail ? inside : inside.Noting(ContainerDeviation.NotMultipartReport, "the mail", top.MimeType);
        inside = kind == ContentKind.Mail ? inside.Noting(ContainerDeviation.Forwarded, "the mail") : inside;
        await OpenAsync(content, inside with { FileName = part.FileName ?? origin.FileName }, cancellation);
    }

    private static bool IsTlsReport(ContentType type) =>
        type.IsMimeType("multipart", "report") && string.Equals(type.Parameters["report-type"], "tlsrpt", StringComparison.OrdinalIgnoreCase);

    private static bool IsLabelled(ContentType type, ContentKind kind) => kind switch
    {
        ContentKind.Gzip => type.IsMimeType("application", "tlsrpt+gzip"),
        ContentKind.Json => type.IsMimeType("application", "tlsrpt+json"),
        // A zip file has no right label, and is noted as one.
        _ => true,
    };

    private static UnreadableReportException Broken(Exception cause) =>
        new($"The compressed data is broken or cut short: {cause.Message}", cause: cause, why: Unreadable.Broken);

    private static MemoryStream StreamOf(ReadOnlyMemory<byte> content) =>
        MemoryMarshal.TryGetArray(content, out var array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(content.ToArray(), writable: false);
}
