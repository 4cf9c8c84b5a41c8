using System.Collections.Immutable;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>One policy that a sender applied, and what came of it (RFC 8460 §4.4, an entry of <c>policies</c>).</summary>
public sealed record ReportedPolicy
{
    /// <summary>One of <see cref="PolicyTypes"/>, or another type as it came; empty where there was none.</summary>
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

    /// <summary>
    /// The failures, aggregated as the sender chose; of more than <see cref="TlsReportLimits.MaxFailureKinds"/> those of one result
    /// type, MX host and address as one, and the largest of these. Their sum may differ from <see cref="FailedSessions"/>: both are from the sender.
    /// </summary>
    public ImmutableArray<FailureDetail> FailureDetails { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>The failed sessions of the details that are not stored.</summary>
    public long UnlistedFailures { get; init; }

    /// <summary>Whether both have the same content, in the same order.</summary>
    public bool Equals(ReportedPolicy? other) =>
        other is not null
        && (PolicyType, PolicyDomain, SuccessfulSessions, FailedSessions, UnlistedFailures)
            == (other.PolicyType, other.PolicyDomain, other.SuccessfulSessions, other.FailedSessions, other.UnlistedFailures)
        && PolicyString.SequenceEqual(other.PolicyString)
        && MxHosts.SequenceEqual(other.MxHosts)
        && FailureDetails.SequenceEqual(other.FailureDetails);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(PolicyType, PolicyDomain, SuccessfulSessions, FailedSessions, FailureDetails.Length);
}
