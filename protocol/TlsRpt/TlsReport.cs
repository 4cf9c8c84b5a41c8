using System.Collections.Immutable;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>An aggregate report on TLS with a domain's mail hosts (RFC 8460 §4.4). Everything in it is the submitter's word.</summary>
public sealed record TlsReport
{
    /// <summary>Who made the report, <c>organization-name</c>.</summary>
    public string? OrganizationName { get; init; }

    /// <summary>The start of the range, in UTC (offset zero).</summary>
    public required DateTimeOffset Start { get; init; }

    /// <summary>The end of the range, in UTC (offset zero); not before the start.</summary>
    public required DateTimeOffset End { get; init; }

    /// <summary>How to reach the submitter, <c>contact-info</c>.</summary>
    public string? ContactInfo { get; init; }

    /// <summary>The submitter's name for the report, <c>report-id</c>; not unique among submitters, and empty where there is none.</summary>
    public required string ReportId { get; init; }

    /// <summary>What the sender applied, one entry a policy.</summary>
    public required ImmutableArray<ReportedPolicy> Policies { get; init => field = value.IsDefault ? [] : value; }

    /// <summary>How it deviates from RFC 8460, each way once. They do not tell one report from another.</summary>
    public IReadOnlyList<ReportNote> Notes { get; init; } = [];

    /// <summary>Whether both have the same content, in the same order.</summary>
    public bool Equals(TlsReport? other) =>
        other is not null
        && (OrganizationName, Start, End, ContactInfo, ReportId) == (other.OrganizationName, other.Start, other.End, other.ContactInfo, other.ReportId)
        && Policies.SequenceEqual(other.Policies);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(OrganizationName, Start, End, ContactInfo, ReportId, Policies.Length);
}
