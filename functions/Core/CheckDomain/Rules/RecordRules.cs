using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>What the rules about TXT records share.</summary>
internal static class TxtRecords
{
    /// <summary>Whether a failed lookup is the record's own fault: where the MX records fail too, that has been told.</summary>
    public static bool CanTellFailure(Case given, DnsAnswer answer) => given.Seen.Mx.IsKnown && answer.Outcome != DnsOutcome.NotAsked;

    /// <summary>What stands at a name, as evidence.</summary>
    public static string Shown(DnsAnswer answer) => answer.Records is [] ? $"{answer.Outcome}" : $"TXT {string.Join(" | ", answer.Records)}";

    /// <summary>How a lookup failed, as evidence.</summary>
    public static string Failure(DnsAnswer answer) => $"{answer.Outcome}: {answer.Detail}";
}

/// <summary>The <c>_mta-sts</c> record cannot be looked up.</summary>
internal sealed class StsRecordLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.sts.lookup.failed", "warning, info without a policy", "the _mta-sts record cannot be looked up",
        "Senders that do not know the policy yet see none, and an update does not reach the others.",
        "Ask each name server of the zone: dig TXT _mta-sts.<domain> @<server>. One that does not answer, or answers SERVFAIL, needs mending; where the name is a CNAME, look at its target too.",
        "RFC 8461 §3.1", TakesThreeLooks: true);

    public bool CanSee(Case given) => TxtRecords.CanTellFailure(given, given.Seen.StsRecords);

    public IEnumerable<Finding> Judge(Case given)
    {
        var answer = given.Seen.StsRecords;
        if (!answer.IsKnown)
        {
            yield return Kind.Found(given.WhenNotLearnt, answer.Name, TxtRecords.Failure(answer));
        }
    }
}

/// <summary>There is no <c>_mta-sts</c> record.</summary>
internal sealed class StsRecordMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.sts.missing", "warning, info without a policy", "no _mta-sts record",
        "Senders that do not know the policy yet will not look for it; those that cached it go on applying it until it expires.",
        "Publish: _mta-sts.<domain>. TXT \"v=STSv1; id=<id of the policy>;\". If the domain is to leave MTA-STS, do not just drop the record: publish a policy with mode: none first.",
        "RFC 8461 §3.1, §8.3");

    public bool CanSee(Case given) => given.Seen.StsRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        if (StsRecord.Select(given.Seen.StsRecords.Records).Outcome == TxtOutcome.None)
        {
            yield return Kind.Found(
                given.WhenNotLearnt, given.Seen.StsRecords.Name, TxtRecords.Shown(given.Seen.StsRecords),
                remedy: $"Publish: {given.StsRecordToPublish}. If the domain is to leave MTA-STS, do not just drop the record: publish a policy with mode: none first.");
        }
    }
}

/// <summary>There is more than one <c>_mta-sts</c> record.</summary>
internal sealed class StsRecordSeveral : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.sts.several", "warning, info without a policy", "more than one _mta-sts record",
        "Senders take several records for none at all: new ones do not learn of the policy, and an update does not reach the others.",
        "Leave exactly one: _mta-sts.<domain>. TXT \"v=STSv1; id=<id of the policy>;\"",
        "RFC 8461 §3.1");

    public bool CanSee(Case given) => given.Seen.StsRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var selection = StsRecord.Select(given.Seen.StsRecords.Records);
        if (selection.Outcome == TxtOutcome.Several)
        {
            yield return Kind.Found(
                given.WhenNotLearnt, given.Seen.StsRecords.Name, $"{selection.Candidates.Length} records: {string.Join(" | ", selection.Candidates)}",
                remedy: $"Leave exactly this one: {given.StsRecordToPublish}");
        }
    }
}

/// <summary>The only <c>_mta-sts</c> record does not parse.</summary>
internal sealed class StsRecordMalformed : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.sts.malformed", "warning, info without a policy", "an _mta-sts record that does not parse",
        "Senders take this for no record at all: new ones do not learn of the policy, and an update does not reach the others.",
        "Write it so: _mta-sts.<domain>. TXT \"v=STSv1; id=<id of the policy>;\"",
        "RFC 8461 §3.1");

    public bool CanSee(Case given) => given.Seen.StsRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var selection = StsRecord.Select(given.Seen.StsRecords.Records);
        if (selection.Outcome == TxtOutcome.Malformed)
        {
            yield return Kind.Found(
                given.WhenNotLearnt, given.Seen.StsRecords.Name, $"{TxtRecords.Shown(given.Seen.StsRecords)}: {selection.Fault?.Message}",
                remedy: $"Write it so: {given.StsRecordToPublish}");
        }
    }
}

/// <summary>A record that the grammar allows and the choice among records does not: senders differ.</summary>
internal sealed class StsRecordAmbiguous : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.sts.senders-differ", "warning, info without a policy", "white space before the first semicolon of the _mta-sts record: some senders drop it",
        "White space between the version and the first semicolon: some senders take this for the record, others drop it.",
        "Publish it without: _mta-sts.<domain>. TXT \"v=STSv1; id=<id of the policy>;\"",
        "RFC 8461 §3.1");

    public bool CanSee(Case given) => given.Seen.StsRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        if (StsRecord.Select(given.Seen.StsRecords.Records).SendersDiffer)
        {
            yield return Kind.Found(
                given.WhenNotLearnt, given.Seen.StsRecords.Name, TxtRecords.Shown(given.Seen.StsRecords), remedy: $"Publish it without: {given.StsRecordToPublish}");
        }
    }
}

/// <summary>The record's id is not that of the served policy, long after it was published.</summary>
internal sealed class StsRecordStale : IRule
{
    // A record may lag while the old one's time to live runs (RFC 8461 §8.1, OPS-6), and somebody has to write it.
    private static readonly TimeSpan LeastGrace = TimeSpan.FromHours(1);

    // Where nobody saw how long resolvers may keep the old one; few zones go beyond a day.
    private static readonly TimeSpan UnknownGrace = TimeSpan.FromDays(1);

    public FindingKind Kind { get; } = new(
        "txt.sts.id-lags", "warning", "the record's id is not the served policy's, although the old record's time to live is over",
        "Senders that cached the earlier policy do not learn of the new one until it expires.",
        "Publish: _mta-sts.<domain>. TXT \"v=STSv1; id=<id of the policy>;\"",
        "RFC 8461 §3.1, §8.1");

    public bool CanSee(Case given) => given.Seen.StsRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        if (given.Hosted is { } hosted
            && StsRecord.Select(given.Seen.StsRecords.Records).Record is { } record
            && record.Id != hosted.PolicyId
            && (given.Seen.At > hosted.PublishedAt + GraceOf(hosted) || ClockSkew.IsFuture(hosted.PublishedAt, given.Seen.At)))
        {
            yield return Kind.Found(
                Severity.Warning, given.Seen.StsRecords.Name,
                $"id={record.Id} in DNS; id={hosted.PolicyId} is served since {hosted.PublishedAt:u}",
                remedy: $"Publish: {given.StsRecordToPublish}");
        }
    }

    private static TimeSpan GraceOf(Hosted hosted)
    {
        var ttl = TimeSpan.FromSeconds(hosted.StsTtl);
        return ttl <= TimeSpan.Zero ? UnknownGrace : ttl < LeastGrace ? LeastGrace : ttl;
    }
}
