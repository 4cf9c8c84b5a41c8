using StsFunctions.Core.Checks;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Core.Domains;

/// <summary>Where a domain is in its life.</summary>
internal enum DomainState
{
    /// <summary>Its policy is served and its servers are checked.</summary>
    Active,

    /// <summary>Removed: nothing is served; the history stays.</summary>
    Removed,
}

/// <summary>A domain's record.</summary>
/// <param name="Group">The customer or team it belongs to.</param>
/// <param name="State">Where it is in its life.</param>
/// <param name="PolicyId">The id of the policy that is served.</param>
/// <param name="Mode">That policy's mode.</param>
/// <param name="AddedAt">When it was first added.</param>
/// <param name="CheckRun">Its last check run.</param>
/// <param name="LastCheckAt">When that run's last attempt began.</param>
/// <param name="NextExpiry">The earliest end of a certificate observed then.</param>
/// <param name="StsTtl">The longest time to live that the <c>_mta-sts</c> record was ever observed with, in seconds; 0 before the first.</param>
internal sealed record DomainRecord(
    string Group,
    DomainState State,
    string PolicyId,
    PolicyMode Mode,
    DateTimeOffset AddedAt,
    CheckRunState CheckRun,
    DateTimeOffset? LastCheckAt = null,
    DateTimeOffset? NextExpiry = null,
    int StsTtl = 0)
{
    /// <summary>Whether the last check could reach port 25 at all.</summary>
    public bool Observed => CheckRun.MxObserved;
}

/// <summary>A policy that was published at some time, with the exact bytes served.</summary>
/// <param name="Id">The id of its <c>_mta-sts</c> record.</param>
/// <param name="Bytes">What is served.</param>
/// <param name="Mode">Its mode.</param>
/// <param name="MaxAge">For how long senders cache it.</param>
/// <param name="PublishedAt">When it was first served.</param>
/// <param name="ReplacedAt">When another took its place; null while it is served.</param>
/// <param name="Group">The group given when it was published, so that a new domain's record can be completed from it.</param>
internal sealed record PolicyVersion(
    string Id,
    byte[] Bytes,
    PolicyMode Mode,
    TimeSpan MaxAge,
    DateTimeOffset PublishedAt,
    DateTimeOffset? ReplacedAt,
    string Group);
