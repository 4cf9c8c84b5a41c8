using Azure;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;

namespace StsFunctions.Storage.Domains;

/// <summary>The stored state of one domain without its audit trail, from one read.</summary>
/// <param name="Key">The partition key.</param>
/// <param name="Record">The record; null before the domain's first commit.</param>
/// <param name="ETag">The record's version: a commit succeeds only if it is unchanged.</param>
/// <param name="Policies">Every policy ever published, oldest first.</param>
/// <param name="Findings">The open findings.</param>
/// <param name="Outbox">The pending notifications.</param>
internal sealed record DomainPartition(
    string Key,
    DomainRecord? Record,
    ETag ETag,
    IReadOnlyList<PolicyVersion> Policies,
    IReadOnlyList<OpenFinding> Findings,
    IReadOnlyList<OutboxNotification> Outbox)
{
    /// <summary>The number of times that the record was written: of two states of one domain, the one with the higher number is newer.</summary>
    public long Revision { get; init; }

    /// <summary>The version of the blob that serves the record's policy, if it was stored; otherwise the default.</summary>
    public ETag ServedBlob { get; init; }

    /// <summary>A partition that was not read: only new rows can be written to it.</summary>
    public static DomainPartition Empty(string key) => new(key, null, default, [], [], []);

    /// <summary>The policy that is served or about to be served; null if none was ever published.</summary>
    public PolicyVersion? Newest => Policies is [.., var last] ? last : null;

    public bool IsActive => Record is { State: DomainState.Active };
}
