using System.Text;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>The kind of a content by its first bytes: labels are often wrong.</summary>
internal enum ContentKind
{
    /// <summary>Something else.</summary>
    Other,

    /// <summary>JSON, with an object or a list at its root.</summary>
    Json,

    /// <summary>Compressed by gzip (RFC 1952).</summary>
    Gzip,

    /// <summary>A zip file.</summary>
    Zip,

    /// <summary>A mail (RFC 5322).</summary>
    Mail,
}

/// <summary>Recognizes the kind of a content.</summary>
internal static class Content
{
    /// <summary>The number of first bytes that are needed.</summary>
    public const int HeadLength = 4_096;

    // A mail has one of these fields; a text that starts with a word and a colon has none.
    private static readonly string[] MailHeaders =
    [
        "From:", "To:", "Subject:", "Received:", "Return-Path:", "MIME-Version:", "Message-ID:", "DKIM-Signature:", "Delivered-To:",
        "Content-Type:", "Date:", "Sender:", "ARC-Seal:", "Authentication-Results:", "TLS-Report-Domain:",
    ];

    /// <summary>Recognizes the kind from the first bytes.</summary>
    public static ContentKind KindOf(ReadOnlySpan<byte> head)
    {
        if (head.StartsWith("\u001f"u8) && head.Length > 1 && head[1] == 0x8b)
        {
            return ContentKind.Gzip;
        }

        if (head.StartsWith("PK\u0003\u0004"u8) || head.StartsWith("PK\u0005\u0006"u8))
        {
            return ContentKind.Zip;
        }

        var text = Text(head);
        if (!text.IsEmpty && text[0] is (byte)'{' or (byte)'[')
        {
            return ContentKind.Json;
        }

        return IsMail(text) ? ContentKind.Mail : ContentKind.Other;
    }

    /// <summary>Describes a content that is not a report and holds none.</summary>
    public static string NameOf(ReadOnlySpan<byte> head)
    {
        var text = Text(head);
        return text switch
        {
            [] => head.IsEmpty ? "nothing at all" : "white space",
            _ when Has(text, "<feedback") => DmarcReport,
            _ when Starts(text, "<!doctype html") || Starts(text, "<html") => "a page of HTML",
            _ when Starts(text, "<") => "XML or HTML",
            _ when head.StartsWith("%PDF"u8) => "a PDF file",
            [0x89, (byte)'P', (byte)'N', (byte)'G', ..] or [0xFF, 0xD8, 0xFF, ..] or [(byte)'G', (byte)'I', (byte)'F', (byte)'8', ..] => "a picture",
            [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..] => "text in UTF-16, where a report is in UTF-8",
            _ when head.IndexOfAnyInRange((byte)0, (byte)8) < 0 => "a text",
            _ => "binary data of no known kind",
        };
    }

    /// <summary>The name of what comes to a wrong address most often.</summary>
    public const string DmarcReport = "a DMARC aggregate report (RFC 7489), which is XML and goes to the address in rua of the _dmarc record";

    private static ReadOnlySpan<byte> Text(ReadOnlySpan<byte> head) => (head.StartsWith("\uFEFF"u8) ? head[3..] : head).TrimStart(" \t\r\n"u8);

    // Field after field (RFC 5322 §2.2), up to the first empty line.
    private static bool IsMail(ReadOnlySpan<byte> text)
    {
        var known = false;
        var first = true;
        foreach (var range in text.Split((byte)'\n'))
        {
            var line = text[range].TrimEnd((byte)'\r');
            if (line.IsEmpty)
            {
                return known;
            }

            if (first && line.StartsWith("From "u8))
            {
                first = false;
                continue;
            }

            first = false;
            if (line[0] is (byte)' ' or (byte)'\t')
            {
                continue;
            }

            var colon = line.IndexOf((byte)':');
            if (colon <= 0 || line[..colon].TrimEnd((byte)' ').ContainsAnyExceptInRange((byte)'!', (byte)'~'))
            {
                // Only the head is available, and its last line may be truncated.
                return known && range.End.Value == text.Length;
            }

            foreach (var header in MailHeaders)
            {
                known |= Starts(line, header);
            }
        }

        return known;
    }

    private static bool Starts(ReadOnlySpan<byte> text, string word) =>
        text.Length >= word.Length && Ascii.EqualsIgnoreCase(text[..word.Length], word);

    private static bool Has(ReadOnlySpan<byte> text, string word)
    {
        for (var at = text.IndexOf((byte)word[0]); at >= 0;)
        {
            if (Starts(text[at..], word))
            {
                return true;
            }

            var next = text[(at + 1)..].IndexOf((byte)word[0]);
            at = next < 0 ? -1 : at + 1 + next;
        }

        return false;
    }
}
