using System.Buffers.Binary;
using System.IO.Compression;
using System.Runtime.InteropServices;
using MimeKit;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.ReportIntake.Limits;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>
/// Opens an arrival, container by container, down to each JSON body, and passes that to the reader. The content decides its kind, not its label
/// (RFC 8460 §5, ARR-1, ARR-2). One is made for each arrival.
/// </summary>
/// <param name="limits">The limits.</param>
/// <param name="length">The size of the arrival.</param>
/// <param name="read">Reads a JSON body, with the number of bytes that it may use.</param>
internal sealed class Unpacker(ReportLimitsOptions limits, int length, Func<Stream, PartContext, long, CancellationToken, Task<ReadReport>> read)
{
    // MimeKit reads nested multiparts by recursion.
    private const int MaxMimeDepth = 16;

    private static readonly byte[] CentralHeader = "PK\u0001\u0002"u8.ToArray();

    private readonly UnpackBudget _allowance = new(limits, length);
    private readonly List<ReadReport> _reports = [];
    private readonly List<string> _others = [];
    private UnreadableReportException? _fault;
    private UnreadableReportException? _leftOut;
    private MimeMessage? _mail;
    private bool _isMail;

    /// <summary>The memory used by the opened content, in bytes.</summary>
    public long HeldBytes => _allowance.Held;

    /// <summary>Opens the arrival and reads every report in it; at least one.</summary>
    /// <exception cref="UnreadableReportException">No body could be read, or a limit was exceeded.</exception>
    public async Task<UnpackedReports> OpenAllAsync(ReadOnlyMemory<byte> arrived, CancellationToken cancellationToken)
    {
        try
        {
            await OpenAsync(arrived, PartContext.Arrival, cancellationToken);
            return _reports.Count > 0 ? new UnpackedReports(_reports, _leftOut?.Message) : throw _fault ?? NothingFound();
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

    private Task OpenAsync(ReadOnlyMemory<byte> content, PartContext origin, CancellationToken cancellationToken)
    {
        switch (Content.KindOf(content.Span[..Math.Min(content.Length, Content.HeadLength)]))
        {
            case ContentKind.Json:
                return TakeBodyAsync(StreamOf(content), origin, cancellationToken);
            case ContentKind.Gzip:
                return OpenGzipAsync(content, origin, cancellationToken);
            case ContentKind.Zip:
                return OpenZipAsync(content, origin, cancellationToken);
            case ContentKind.Mail:
                return OpenMailAsync(content, origin, cancellationToken);
            default:
                _others.Add(Content.NameOf(content.Span[..Math.Min(content.Length, Content.HeadLength)]));
                return Task.CompletedTask;
        }
    }

    // An unreadable body does not stop the others.
    private async Task TakeBodyAsync(Stream json, PartContext origin, CancellationToken cancellationToken)
    {
        try
        {
            // Leave some memory: the report always stores some text for each policy.
            var report = await read(json, origin, _allowance.Room * 3 / 4, cancellationToken);
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

    // Some senders put other JSON next to a report; it is ignored.
    private void Skip(UnreadableReportException fault)
    {
        _fault ??= fault;
        _leftOut ??= fault.Why == Unreadable.NoReport ? null : fault;
    }

    private async Task OpenGzipAsync(ReadOnlyMemory<byte> content, PartContext origin, CancellationToken cancellationToken)
    {
        var inside = origin.Within(origin.FileName ?? GzipHeader.FileNameIn(content.Span));
        _allowance.CheckDepth(inside.Depth);
        using var compressed = StreamOf(content);
        using var gzip = new GZipStream(compressed, CompressionMode.Decompress);
        using var expanded = new LimitedStream(gzip, content.Length, _allowance);
        var before = _reports.Count;
        await OpenExpandedAsync(expanded, inside, Deviation(gzip: true), cancellationToken);
        // The last bytes of a single member hold its expanded size (RFC 1952 §2.3.1).
        if (content.Length >= sizeof(uint) && BinaryPrimitives.ReadUInt32LittleEndian(content.Span[^sizeof(uint)..]) != (uint)expanded.Taken)
        {
            for (var i = before; i < _reports.Count; i++)
            {
                _reports[i] = _reports[i] with { Notes = [new ReportNote(ContainerDeviation.SeveralMembers, "the container"), .. _reports[i].Notes] };
            }
        }
    }

    private async Task OpenZipAsync(ReadOnlyMemory<byte> content, PartContext origin, CancellationToken cancellationToken)
    {
        var inside = origin.Noting(ContainerDeviation.Zip, "the container").Within();
        _allowance.CheckDepth(inside.Depth);
        // Check before reading them, because each costs memory; the count at the end of the file may be wrong.
        if (content.Span.Count(CentralHeader) > limits.MaxParts)
        {
            throw UnpackBudget.Over($"The zip file has more than the {limits.MaxParts} files that are read (Sts__ReportMaxParts).");
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
                using var whole = new Crc32Stream(file, entry.Crc32);
                using var expanded = new LimitedStream(whole, entry.CompressedLength, _allowance);
                await OpenExpandedAsync(expanded, inside with { FileName = entry.Name }, Deviation(gzip: false), cancellationToken);
            }
        }
        catch (Exception e) when (e is InvalidDataException or NotSupportedException or IOException)
        {
            Skip(Broken(e));
        }
    }

    // A body is read as a stream; a nested container is small and is held in memory.
    private async Task OpenExpandedAsync(LimitedStream expanded, PartContext inside, Func<ContentKind, Deviation?> deviation, CancellationToken cancellationToken)
    {
        try
        {
            using var peeked = await PeekableStream.OpenAsync(expanded, cancellationToken);
            var kind = Content.KindOf(peeked.Head);
            var noted = deviation(kind) is { } known ? inside.Noting(known, "the container") : inside;
            if (kind == ContentKind.Json)
            {
                await TakeBodyAsync(peeked, noted, cancellationToken);
            }
            else if (kind == ContentKind.Other)
            {
                _others.Add(Content.NameOf(peeked.Head));
            }
            else
            {
                await OpenAsync(await HoldAsync(peeked, cancellationToken), noted, cancellationToken);
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

    private async Task<ReadOnlyMemory<byte>> HoldAsync(Stream stream, CancellationToken cancellationToken)
    {
        var held = new SegmentedBuffer(_allowance.TakeHeld);
        while (await held.ReadFromAsync(stream, cancellationToken) > 0)
        {
            if (held.Length > limits.MaxBytes)
            {
                throw UnpackBudget.Over($"A container within it is larger than the {limits.MaxBytes} bytes that are read (Sts__ReportMaxBytes).");
            }
        }

        _allowance.TakeHeld(held.Length);
        var whole = held.ToArray();
        _allowance.ReturnHeld(held.Capacity);
        return whole;
    }

    private async Task OpenMailAsync(ReadOnlyMemory<byte> content, PartContext origin, CancellationToken cancellationToken)
    {
        _isMail |= origin.Depth == 0;
        _allowance.CheckDepth(origin.Depth + 1);
        if (await LoadAsync(WithoutMboxLine(content), cancellationToken) is { } mail)
        {
            await WalkAsync(mail, origin, cancellationToken);
        }
    }

    // A line that mailboxes put before each mail, and that is not part of the mail.
    private static ReadOnlyMemory<byte> WithoutMboxLine(ReadOnlyMemory<byte> content)
    {
        var start = content.Length - content.Span.TrimStart(" \t\r\n"u8).Length;
        return content.Span[start..].StartsWith("From "u8) && content.Span.IndexOf((byte)'\n') is >= 0 and var end ? content[(end + 1)..] : content[start..];
    }

    private async Task<MimeMessage?> LoadAsync(ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var options = ParserOptions.Default.Clone();
        options.MaxMimeDepth = MaxMimeDepth;
        try
        {
            using (var counted = StreamOf(content))
            {
                new MimePartCounter(options, counted, limits).ReadMessage(cancellationToken);
            }

            // A persistent parser refers to the bytes that are in memory anyway.
            return await MimeMessage.LoadAsync(options, StreamOf(content), persistent: true, cancellationToken);
        }
        catch (FormatException)
        {
            _others.Add(Content.NameOf(content.Span[..Math.Min(content.Length, Content.HeadLength)]));
            return null;
        }
    }

    private async Task WalkAsync(MimeMessage mail, PartContext origin, CancellationToken cancellationToken)
    {
        _mail ??= mail;
        var inside = origin.Within() with
        {
            Mail = origin.Mail ?? mail,
            HeaderDomain = mail.Headers["TLS-Report-Domain"] ?? origin.HeaderDomain,
            HeaderSubmitter = mail.Headers["TLS-Report-Submitter"] ?? origin.HeaderSubmitter,
        };
        _allowance.CheckDepth(inside.Depth);
        if (NonReportMail.Of(mail) is { } name)
        {
            _others.Add(name);
        }

        foreach (var entity in mail.BodyParts)
        {
            _allowance.TakePart();
            switch (entity)
            {
                case MessagePart { Message: { } nested }:
                    await WalkAsync(nested, inside.Noting(ContainerDeviation.Forwarded, "the mail"), cancellationToken);
                    break;
                case MimePart { Content: not null } part:
                    await OpenPartAsync(part, mail.Body!.ContentType, inside, cancellationToken);
                    break;
            }
        }
    }

    private async Task OpenPartAsync(MimePart part, ContentType top, PartContext origin, CancellationToken cancellationToken)
    {
        // No encoding is longer than the decoded text.
        var most = part.Content!.Stream!.Length;
        _allowance.TakeHeld(most);
        using var decoded = new MemoryStream((int)most);
        await part.Content!.DecodeToAsync(decoded, cancellationToken);
        ReadOnlyMemory<byte> content = decoded.GetBuffer().AsMemory(0, (int)decoded.Length);
        var kind = Content.KindOf(content.Span[..Math.Min(content.Length, Content.HeadLength)]);
        // A text may begin like a mail.
        if (kind == ContentKind.Other || (kind == ContentKind.Mail && part is TextPart && part.FileName is null))
        {
            _others.Add(Content.NameOf(content.Span[..Math.Min(content.Length, Content.HeadLength)]));
            return;
        }

        var inside = IsLabelled(part.ContentType, kind) ? origin : origin.Noting(ContainerDeviation.WrongMediaType, "the attachment", part.ContentType.MimeType);
        inside = IsTlsReport(top) || kind == ContentKind.Mail ? inside : inside.Noting(ContainerDeviation.NotMultipartReport, "the mail", top.MimeType);
        inside = kind == ContentKind.Mail ? inside.Noting(ContainerDeviation.Forwarded, "the mail") : inside;
        await OpenAsync(content, inside with { FileName = part.FileName ?? origin.FileName }, cancellationToken);
    }

    private static bool IsTlsReport(ContentType type) =>
        type.IsMimeType("multipart", "report") && string.Equals(type.Parameters["report-type"], "tlsrpt", StringComparison.OrdinalIgnoreCase);

    private static bool IsLabelled(ContentType type, ContentKind kind) => kind switch
    {
        ContentKind.Gzip => type.IsMimeType("application", "tlsrpt+gzip"),
        ContentKind.Json => type.IsMimeType("application", "tlsrpt+json"),
        // A zip file has no correct label and is noted as a zip file.
        _ => true,
    };

    private static UnreadableReportException Broken(Exception cause) =>
        new($"The compressed data is broken or cut short: {cause.Message}", cause: cause, why: Unreadable.Broken);

    private static MemoryStream StreamOf(ReadOnlyMemory<byte> content) =>
        MemoryMarshal.TryGetArray(content, out var array)
            ? new MemoryStream(array.Array!, array.Offset, array.Count, writable: false)
            : new MemoryStream(content.ToArray(), writable: false);
}
