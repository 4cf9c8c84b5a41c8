using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Time;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Core.Rules;

/// <summary>What the rules about TXT records share.</summary>
internal static class TxtRecords
{
    /// <summary>Whether a failed lookup concerns this record alone: where the MX lookup fails too, another rule reports it.</summary>
    public static bool CanTellFailure(RuleContext context, DnsAnswer answer) => context.Observation.Mx.IsKnown && answer.Outcome != DnsOutcome.NotAsked;

    /// <summary>The records at a name, as evidence.</summary>
    public static string Describe(DnsAnswer answer) => answer.Records is [] ? $"{answer.Outcome}" : $"TXT {string.Join(" | ", answer.Records)}";

    /// <summary>How a lookup failed, as evidence.</summary>
    public static string Failure(DnsAnswer answer) => $"{answer.Outcome}: {answer.Detail}";
}

/// <summary>The <c>_mta-sts</c> record cannot be looked up.</summary>
internal sealed class StsRecordLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.sts.lookup-failed", "warning, info without a policy", "the _mta-sts record cannot be looked up",
        "Senders that have no cached policy do not find one and deliver without its protection; the others do not learn of an update.",
        "Query each name server of the zone: dig TXT _mta-sts.<domain> @<server>. One that does not answer, or answers SERVFAIL, is at fault: fix it. If the name is a CNAME, check its target too.",
        "RFC 8461 §3.1", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => TxtRecords.CanTellFailure(context, context.Observation.StsRecords);

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var answer = context.Observation.StsRecords;
        if (!answer.IsKnown)
        {
            yield return Kind.Found(context.SeverityIfPolicyUnavailable, answer.Name, TxtRecords.Failure(answer));
        }
    }
}

/// <summary>There is no <c>_mta-sts</c> record.</summary>
internal sealed class StsRecordMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.sts.missing", "warning, info without a policy", "no _mta-sts record",
        "Senders that have no cached policy do not fetch one and deliver without its protection; those that have one apply it until it expires.",
        "Publish: _mta-sts.<domain>. TXT \"v=STSv1; id=<id of the policy>;\". If you want to stop using MTA-STS, do not only remove the record: publish a policy with mode: none first.",
        "RFC 8461 §3.1, §8.3");

    public bool IsApplicable(RuleContext context) => context.Observation.StsRecords.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        if (StsRecord.Select(context.Observation.StsRecords.Records).Outcome == TxtRecordStatus.None)
        {
            yield return Kind.Found(
                context.SeverityIfPolicyUnavailable, context.Observation.StsRecords.Name, TxtRecords.Describe(context.Observation.StsRecords),
                remedy: $"Publish: {context.StsRecordToPublish}. If you want to stop using MTA-STS, do not only remove the record: publish a policy with mode: none first.");
        }
    }
}

/// <summary>There is more than one <c>_mta-sts</c> record.</summary>
internal sealed class StsRecordMultiple : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.sts.multiple", "warning, info without a policy", "more than one _mta-sts record",
        "Senders must treat several records as no record: those that have no cached policy deliver without its protection, and the others do not learn of an update.",
        "Publish exactly one, and remove the others: _mta-sts.<domain>. TXT \"v=STSv1; id=<id of the policy>;\"",
        "RFC 8461 §3.1");

    public bool IsApplicable(RuleContext context) => context.Observation.StsRecords.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var selection = StsRecord.Select(context.Observation.StsRecords.Records);
        if (selection.Outcome == TxtRecordStatus.Multiple)
        {
            yield return Kind.Found(
                context.SeverityIfPolicyUnavailable, context.Observation.StsRecords.Name, $"{selection.Candidates.Length} records: {string.Join(" | ", selection.Candidates)}",
                remedy: $"Publish exactly this one, and remove the others: {context.StsRecordToPublish}");
        }
    }
}

/// <summary>The only <c>_mta-sts</c> record does not parse.</summary>
internal sealed class StsRecordMalformed : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.sts.malformed", "warning, info without a policy", "an _mta-sts record that does not parse",
        "Strict senders treat this as no record: those that have no cached policy deliver without its protection, and the others do not learn of an update.",
        "Replace it with: _mta-sts.<domain>. TXT \"v=STSv1; id=<id of the policy>;\"",
        "RFC 8461 §3.1");

    public bool IsApplicable(RuleContext context) => context.Observation.StsRecords.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var selection = StsRecord.Select(context.Observation.StsRecords.Records);
        if (selection.Outcome == TxtRecordStatus.Malformed)
        {
            yield return Kind.Found(
                context.SeverityIfPolicyUnavailable, context.Observation.StsRecords.Name, $"{TxtRecords.Describe(context.Observation.StsRecords)}: {selection.Fault?.Message}",
                remedy: $"Replace it with: {context.StsRecordToPublish}");
        }
    }
}

/// <summary>A record that the grammar allows but the selection of records does not: senders differ.</summary>
internal sealed class StsRecordAmbiguous : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.sts.ambiguous", "warning, info without a policy", "white space before the first semicolon of the _mta-sts record: some senders ignore the record",
        "Because of the white space between the version and the first semicolon, some senders accept this record and others ignore it.",
        "Publish it without the white space: _mta-sts.<domain>. TXT \"v=STSv1; id=<id of the policy>;\"",
        "RFC 8461 §3.1");

    public bool IsApplicable(RuleContext context) => context.Observation.StsRecords.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        if (StsRecord.Select(context.Observation.StsRecords.Records).IsAmbiguous)
        {
            yield return Kind.Found(
                context.SeverityIfPolicyUnavailable, context.Observation.StsRecords.Name, TxtRecords.Describe(context.Observation.StsRecords), remedy: $"Publish it without the white space: {context.StsRecordToPublish}");
        }
    }
}

/// <summary>The record's id is not that of the served policy, long after the policy was published.</summary>
internal sealed class StsRecordStale : IRule
{
    // A record may lag until the old one's time to live ends (RFC 8461 §8.1, OPS-6), and an operator has to publish it.
    private static readonly TimeSpan LeastGrace = TimeSpan.FromHours(1);

    // For a time to live that was never observed; few zones use more than a day.
    private static readonly TimeSpan UnknownGrace = TimeSpan.FromDays(1);

    public FindingKind Kind { get; } = new(
        "txt.sts.id-stale", "warning", "the _mta-sts record still has an older id than the served policy, although the record's time to live has ended",
        "Senders that cached the earlier policy apply it until it expires, because they do not learn of the new one.",
        "Publish: _mta-sts.<domain>. TXT \"v=STSv1; id=<id of the policy>;\"",
        "RFC 8461 §3.1, §8.1");

    public bool IsApplicable(RuleContext context) => context.Observation.StsRecords.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        if (context.HostedDomain is { } hosted
            && StsRecord.Select(context.Observation.StsRecords.Records).Record is { } record
            && record.Id != hosted.PolicyId
            && (context.Observation.At > hosted.PublishedAt + GraceOf(hosted) || ClockSkew.IsFuture(hosted.PublishedAt, context.Observation.At)))
        {
            yield return Kind.Found(
                Severity.Warning, context.Observation.StsRecords.Name,
                $"id={record.Id} in DNS; this app serves id={hosted.PolicyId} since {hosted.PublishedAt:u}",
                remedy: $"Publish: {context.StsRecordToPublish}");
        }
    }

    private static TimeSpan GraceOf(HostedDomain hosted)
    {
        var ttl = TimeSpan.FromSeconds(hosted.StsTtl);
        return ttl <= TimeSpan.Zero ? UnknownGrace : ttl < LeastGrace ? LeastGrace : ttl;
    }
}
