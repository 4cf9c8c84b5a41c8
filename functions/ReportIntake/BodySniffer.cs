namespace StsFunctions.ReportIntake;

/// <summary>Recognizes a posted body by its first bytes, not by its label (ARR-1).</summary>
internal static class BodySniffer
{
    /// <summary>Whether a report may be posted in this form: JSON or gzip (RFC 8460 §5.4), or zip, which some tools send. An empty body counts too: it is a truncated report.</summary>
    public static bool IsReports(ReadOnlySpan<byte> body)
    {
        if (body.StartsWith("\uFEFF"u8))
        {
            body = body[3..];
        }

        var text = body.TrimStart(" \t\r\n"u8);
        return text.IsEmpty || text[0] is (byte)'{' or (byte)'[' || body is [0x1f, 0x8b, ..] || body.StartsWith("PK\u0003\u0004"u8);
    }
}
