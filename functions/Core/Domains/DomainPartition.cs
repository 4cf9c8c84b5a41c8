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
    /// <summary>How often the record was written: of two states of one domain, the one with more is the later.</summary>
    public long Revision { get; init; }

    /// <summary>The version of the blob that the record's policy is served from, as far as it was noted; default where it was not.</summary>
    public ETag ServedBlob { get; init; }

    /// <summary>A partition of which nothing was read: only what is new can be written into it.</summary>
    public static DomainPartition Empty(string key) => new(key, null, default, [], [], []);

    /// <summary>The policy that is served, or is about to be; null where none was ever published.</summary>
    public PolicyVersion? Newest => Policies is [.., var last] ? last : null;

    public bool IsActive => Record is { State: DomainState.Active };
}
