using System.Collections.Immutable;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>One policy that a sender applied, and what came of it (RFC 8460 §4.4, an entry of <c>policies</c>).</summary>
public sealed record ReportedPolicy
{
    /// <summary>One of <see cref="PolicyTypes"/>, or another type as it came.</summary>
    public required string PolicyType { get; init; }

    /// <summary>The policy as the sender saw it, line by line or record by record.</summary>
    public ImmutableArray<string> PolicyString { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>The domain that the policy is for.</summary>
    public required DomainName PolicyDomain { get; init; }

    /// <summary>The <c>mx</c> patterns of the policy, <c>mx-host</c>, as they came.</summary>
    public ImmutableArray<string> MxHosts { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>How many sessions succeeded, 0 to 2^53 - 1.</summary>
    public required long SuccessfulSessions { get; init; }

    /// <summary>How many sessions failed, 0 to 2^53 - 1.</summary>
    public required long FailedSessions { get; init; }

    /// <summary>The failures, aggregated as the sender chose.</summary>
    public ImmutableArray<FailureDetail> FailureDetails { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>Whether both say the same, in the same order.</summary>
    public bool Equals(ReportedPolicy? other) =>
        other is not null
        && (PolicyType, PolicyDomain, SuccessfulSessions, FailedSessions) == (other.PolicyType, other.PolicyDomain, other.SuccessfulSessions, other.FailedSessions)
        && PolicyString.SequenceEqual(other.PolicyString)
        && MxHosts.SequenceEqual(other.MxHosts)
        && FailureDetails.SequenceEqual(other.FailureDetails);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(PolicyType, PolicyDomain, SuccessfulSessions, FailedSessions, FailureDetails.Length);
}
