using MimeKit;

namespace StsFunctions.Reports.Containers;

/// <summary>
/// How large the structure of a mail may be, apart from what its parts hold. A parser makes objects of it, each many times as large as the bytes
/// that ask for it (an address of six bytes becomes 300), so the bytes are bounded first. One is made for each mail, and the mails in it are counted with it.
/// </summary>
internal sealed class MailLimits
{
    /// <summary>How many header fields there are, those of all parts together. A mail that went through many relays, each of which signed it, has a tenth of this.</summary>
    public const int MaxFields = 2_000;

    /// <summary>The longest header field, in bytes. The longest in use are of spam filters, with some 10 KiB; Postfix cuts a field at 100 KiB (header_size_limit).</summary>
    public const int MaxFieldBytes = 64 * 1024;

    /// <summary>All header fields together, those of all parts included, in bytes: as much as Exchange Online takes.</summary>
    public const int MaxHeaderBytes = 256 * 1024;

    /// <summary>The longest header field of those whose value is parsed here, in bytes. RFC 8460 §5.3 needs less than 1 KiB for each.</summary>
    public const int MaxParsedFieldBytes = 8 * 1024;

    /// <summary>How many encoded words (RFC 2047) such a field has. A Subject of the 998 characters that a line may have, none of them ASCII, has fewer than 60.</summary>
    public const int MaxEncodedWords = 100;

    /// <summary>How many commas, semicolons and colons such a field has, which are between addresses, parameters and groups. Senders have one address, and up to four parameters.</summary>
    public const int MaxSeparators = 200;

    /// <summary>How deep comments are nested in such a field (RFC 5322 §3.2.2).</summary>
    public const int MaxCommentDepth = 10;

    /// <summary>The longest boundary between parts. RFC 2046 §5.1.1 allows 70 characters.</summary>
    public const int MaxBoundaryLength = 200;

    /// <summary>The text before the first part and after the last, of all multiparts together, in bytes. Readers ignore it (RFC 2046 §5.1.1), and a parser holds it.</summary>
    public const int MaxBytesOutsideParts = 64 * 1024;

    // These are parsed while a mail is opened and its sender is found, and whatever begins with "Content-".
    private static readonly HeaderId[] s_parsed = [HeaderId.From, HeaderId.Subject, HeaderId.AutoSubmitted];
    private static readonly string[] s_parsedByName = ["TLS-Report-Domain", "TLS-Report-Submitter"];

    private bool _isInHeaders;
    private long _unfinished;
    private int _fields;
    private long _headerBytes;
    private long _outsideParts;

    /// <summary>A block of header fields begins.</summary>
    public void BeginHeaders() => (_isInHeaders, _unfinished) = (true, 0);

    /// <summary>A block of header fields has ended.</summary>
    public void EndHeaders() => _isInHeaders = false;

    /// <summary>Bytes are about to be parsed.</summary>
    /// <exception cref="UnreadableReportException">They are more of one header field than it may have, and the parser would hold them until its end.</exception>
    public void TakeBytes(int count)
    {
        if (_isInHeaders && (_unfinished += count) > MaxFieldBytes)
        {
            throw Allowance.Over($"The mail has a header field of more than the {MaxFieldBytes} bytes that are read.");
        }
    }

    /// <summary>A header field was read, and nothing made of it yet.</summary>
    /// <exception cref="UnreadableReportException">It is one too many, or more than is parsed.</exception>
    public void Take(Header header)
    {
        _unfinished = 0;
        _headerBytes += header.RawField.Length + header.RawValue.Length;
        if (++_fields > MaxFields || _headerBytes > MaxHeaderBytes)
        {
            throw Allowance.Over($"The mail has more than the {MaxFields} header fields, or more than the {MaxHeaderBytes} bytes of them, that are read.");
        }

        var isStructured = header.Id == HeaderId.From || header.Field.StartsWith("Content-", StringComparison.OrdinalIgnoreCase);
        if (isStructured || s_parsed.Contains(header.Id) || s_parsedByName.Contains(header.Field, StringComparer.OrdinalIgnoreCase))
        {
            CheckParsed(header, isStructured);
        }
    }

    /// <summary>Counts text that stands in a multipart and in none of its parts.</summary>
    /// <exception cref="UnreadableReportException">It is too much.</exception>
    public void TakeOutsideParts(int count)
    {
        if ((_outsideParts += count) > MaxBytesOutsideParts)
        {
            throw Allowance.Over($"The mail has more than {MaxBytesOutsideParts} bytes of text outside its parts.");
        }
    }

    /// <summary>Looks at the boundary between parts: each line of the mail is compared with it.</summary>
    /// <exception cref="UnreadableReportException">It is too long.</exception>
    public static void CheckBoundary(string? boundary)
    {
        if (boundary?.Length > MaxBoundaryLength)
        {
            throw Allowance.Over($"The mail has a boundary between its parts of more than {MaxBoundaryLength} characters (RFC 2046 §5.1.1 allows 70).");
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
            // Compared with known names, but for what follows "Content-".
            throw Allowance.Over($"The mail has a {(isStructured && header.Id != HeaderId.From ? "Content" : header.Field)} header field with more than {over}, which is not parsed.");
        }
    }

    private static int Separators(ReadOnlySpan<byte> value) => value.Count((byte)',') + value.Count((byte)';') + value.Count((byte)':');

    // Quotes are not looked at: nobody writes so many parentheses between them.
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
