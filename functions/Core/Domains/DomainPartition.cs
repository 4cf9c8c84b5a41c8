using Azure;

namespace StsFunctions.Domains;

/// <summary>All that is stored of one domain but its audit trail, as one read saw it.</summary>
/// <param name="Key">The partition key.</param>
/// <param name="Record">The record; null before the domain's first commit.</param>
/// <param name="ETag">The record's version: a commit goes through only while it stands.</param>
/// <param name="Policies">Every policy ever published, oldest first.</param>
/// <param name="Findings">What stands open.</param>
/// <param name="Outbox">What is still to be told.</param>
internal sealed record DomainPartition(
    string Key,
    DomainRecord? Record,
    ETag ETag,
    IReadOnlyList<PolicyVersion> Policies,
    IReadOnlyList<OpenFinding> Findings,
    IReadOnlyList<PendingWarning> Outbox)
{
    /// <summary>The policy that is served, or is about to be; null where none was ever published.</summary>
    public PolicyVersion? Newest => Policies is [.., var last] ? last : null;

    public bool IsActive => Record is { State: DomainState.Active };
}
