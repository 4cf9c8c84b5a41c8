namespace StsFunctions.Protocol.TlsRpt;

/// <summary>Sessions that failed alike (RFC 8460 §4.4, an entry of <c>failure-details</c>). All texts are as they came.</summary>
public sealed record FailureDetail
{
    /// <summary>Why they failed: one of <see cref="ResultTypes"/>, or a type that the registry does not have; empty where there was none.</summary>
    public required string ResultType { get; init; }

    /// <summary>The address that the sender called from.</summary>
    public string? SendingMtaIp { get; init; }

    /// <summary>The MX host that it called.</summary>
    public string? ReceivingMxHostname { get; init; }

    /// <summary>What that host called itself in its greeting.</summary>
    public string? ReceivingMxHelo { get; init; }

    /// <summary>The address that was called.</summary>
    public string? ReceivingIp { get; init; }

    /// <summary>How many sessions, 0 to 2^53 - 1.</summary>
    public required long FailedSessions { get; init; }

    /// <summary>A URI or text with more to say.</summary>
    public string? AdditionalInformation { get; init; }

    /// <summary>The sender's own code or error text.</summary>
    public string? FailureReasonCode { get; init; }
}
