using MimeKit;
using StsFunctions.ReportIntake.Limits;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>
/// Limits the structure of a mail, apart from the content of its parts. A parser creates objects many times as large as the bytes
/// that they come from (an address of six bytes becomes 300), so the bytes are limited first. There is one for each mail, which also counts the mails inside it.
/// </summary>
internal sealed class MailLimits
{
    /// <summary>The most header fields of all parts together. A mail that passed many relays, each of which signed it, has a tenth of this.</summary>
    public const int MaxFields = 2_000;

    /// <summary>The longest header field, in bytes. The longest in practice come from spam filters, with some 10 KiB; Postfix truncates a field at 100 KiB (header_size_limit).</summary>
    public const int MaxFieldBytes = 64 * 1024;

    /// <summary>The most bytes of all header fields together, including those of all parts: as much as Exchange Online accepts.</summary>
    public const int MaxHeaderBytes = 256 * 1024;

    /// <summary>The longest header field with a parsed value, in bytes. RFC 8460 §5.3 needs less than 1 KiB for each.</summary>
    public const int MaxParsedFieldBytes = 8 * 1024;

    /// <summary>The most encoded words (RFC 2047) in such a field. A Subject of the 998 characters of a line, none of them ASCII, has fewer than 60.</summary>
    public const int MaxEncodedWords = 100;

    /// <summary>The most commas, semicolons and colons in such a field, which separate addresses, parameters and groups. Senders have one address and up to four parameters.</summary>
    public const int MaxSeparators = 200;

    /// <summary>The deepest nesting of comments in such a field (RFC 5322 §3.2.2).</summary>
    public const int MaxCommentDepth = 10;

    /// <summary>The longest boundary between parts. RFC 2046 §5.1.1 allows 70 characters.</summary>
    public const int MaxBoundaryLength = 200;

    /// <summary>The most bytes before the first part and after the last, of all multiparts together. Readers ignore them (RFC 2046 §5.1.1), but a parser stores them.</summary>
    public const int MaxBytesOutsideParts = 64 * 1024;

    // The fields that are parsed to open a mail and find its sender, besides those that start with "Content-".
    private static readonly HeaderId[] Parsed = [HeaderId.From, HeaderId.Subject, HeaderId.AutoSubmitted];
    private static readonly string[] ParsedByName = ["TLS-Report-Domain", "TLS-Report-Submitter"];

    private bool _isInHeaders;
    private long _unfinished;
    private int _fields;
    private long _headerBytes;
    private long _outsideParts;

    /// <summary>Starts a block of header fields.</summary>
    public void BeginHeaders() => (_isInHeaders, _unfinished) = (true, 0);

    /// <summary>Ends a block of header fields.</summary>
    public void EndHeaders() => _isInHeaders = false;

    /// <summary>Counts bytes before they are parsed.</summary>
    /// <exception cref="UnreadableReportException">They exceed the length of a header field, and the parser would store them until its end.</exception>
    public void TakeBytes(int count)
    {
        if (_isInHeaders && (_unfinished += count) > MaxFieldBytes)
        {
            throw UnpackBudget.Over($"The mail has a header field of more than the {MaxFieldBytes} bytes that are read.");
        }
    }

    /// <summary>Checks a header field before it is parsed.</summary>
    /// <exception cref="UnreadableReportException">There are too many fields, or this one exceeds a limit.</exception>
    public void Take(Header header)
    {
        _unfinished = 0;
        _headerBytes += header.RawField.Length + header.RawValue.Length;
        if (++_fields > MaxFields || _headerBytes > MaxHeaderBytes)
        {
            throw UnpackBudget.Over($"The mail has more than the {MaxFields} header fields, or more than the {MaxHeaderBytes} bytes of them, that are read.");
        }

        var isStructured = header.Id == HeaderId.From || header.Field.StartsWith("Content-", StringComparison.OrdinalIgnoreCase);
        if (isStructured || Parsed.Contains(header.Id) || ParsedByName.Contains(header.Field, StringComparer.OrdinalIgnoreCase))
        {
            CheckParsed(header, isStructured);
        }
    }

    /// <summary>Counts text in a multipart outside its parts.</summary>
    /// <exception cref="UnreadableReportException">There is too much of it.</exception>
    public void TakeOutsideParts(int count)
    {
        if ((_outsideParts += count) > MaxBytesOutsideParts)
        {
            throw UnpackBudget.Over($"The mail has more than {MaxBytesOutsideParts} bytes of text outside its parts.");
        }
    }

    /// <summary>Checks the boundary between parts, which is compared with each line of the mail.</summary>
    /// <exception cref="UnreadableReportException">It is too long.</exception>
    public static void CheckBoundary(string? boundary)
    {
        if (boundary?.Length > MaxBoundaryLength)
        {
            throw UnpackBudget.Over($"The mail has a boundary between its parts of more than {MaxBoundaryLength} characters (RFC 2046 §5.1.1 allows 70).");
        }
    }

    private static void CheckParsed(Header header, bool isStructured)
    {
        var value = header.RawValue.AsSpan();
        var over = value.Length > MaxParsedFieldBytes ? $"{MaxParsedFieldBytes} bytes"
            : value.Count("=?"u8) > MaxEncodedWords ? $"{MaxEncodedWords} encoded words"
            : isStructured && Separators(value) > MaxSeparators ? $"{MaxSeparators} separators between addresses or parameters"
            : isStructured && CommentDepth(value) > MaxCommentDepth ? $"{MaxCommentDepth} comments in one another"
            : null;
        if (over is not null)
        {
            // The field is one of the known names, except for the part after "Content-".
            throw UnpackBudget.Over($"The mail has a {(isStructured && header.Id != HeaderId.From ? "Content" : header.Field)} header field with more than {over}, which is not parsed.");
        }
    }

    private static int Separators(ReadOnlySpan<byte> value) => value.Count((byte)',') + value.Count((byte)';') + value.Count((byte)':');

    // Quotes are ignored: genuine fields do not have so many parentheses between them.
    private static int CommentDepth(ReadOnlySpan<byte> value)
    {
        var (depth, deepest) = (0, 0);
        foreach (var octet in value)
        {
            depth = octet switch
            {
                (byte)'(' => depth + 1,
                (byte)')' => Math.Max(0, depth - 1),
                _ => depth,
            };
            deepest = Math.Max(deepest, depth);
        }

        return deepest;
    }
}
