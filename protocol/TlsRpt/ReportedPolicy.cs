using System.Collections.Immutable;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>One policy that a sender applied, and what came of it (RFC 8460 §4.4, an entry of <c>policies</c>).</summary>
public sealed record ReportedPolicy
{
    /// <summary>One of <see cref="PolicyTypes"/>, or another type as it came.</summary>
    public required string PolicyType { get; init; }

    /// <summary>The policy as the sender saw it, line by line or record by record.</summary>
    public ImmutableArray<string> PolicyString { get; init; } = [];

    /// <summary>The domain that the policy is for.</summary>
    public required DomainName PolicyDomain { get; init; }

    /// <summary>The <c>mx</c> patterns of the policy, <c>mx-host</c>, as they came.</summary>
    public ImmutableArray<string> MxHosts { get; init; } = [];

    /// <summary>How many sessions succeeded, 0 to 2^53 - 1.</summary>
    public required long SuccessfulSessions { get; init; }

    /// <summary>How many sessions failed, 0 to 2^53 - 1.</summary>
    public required long FailedSessions { get; init; }

    /// <summary>The failures, aggregated as the sender chose.</summary>
    public ImmutableArray<FailureDetail> FailureDetails { get; init; } = [];
}
