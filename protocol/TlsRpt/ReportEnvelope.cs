namespace StsFunctions.Protocol.TlsRpt;

/// <summary>What was written on what the report came in. It is used where the report lacks the fact, and never over the report.</summary>
public sealed record ReportEnvelope
{
    /// <summary>Nothing is written on it.</summary>
    public static ReportEnvelope None { get; } = new();

    /// <summary>The file's name (RFC 8460 §5.1): <c>sender!policy-domain!begin!end[!unique-id].json[.gz]</c>; another says nothing.</summary>
    public string? FileName { get; init; }

    /// <summary>The mail's header <c>TLS-Report-Domain</c> (RFC 8460 §5.3).</summary>
    public string? Domain { get; init; }

    /// <summary>The mail's header <c>TLS-Report-Submitter</c> (RFC 8460 §5.3).</summary>
    public string? Submitter { get; init; }
}
