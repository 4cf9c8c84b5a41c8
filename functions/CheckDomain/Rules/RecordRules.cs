using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>There is no <c>_mta-sts</c> record.</summary>
internal sealed class StsRecordMissing : IRule
{
    public string Code => "txt.sts.missing";

    public bool CanSee(Case given) => given.Seen.StsRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        if (StsRecord.Select(given.Seen.StsRecords.Records).Outcome == TxtOutcome.None)
        {
            yield return new Finding(
                Code, Severity.Warning, given.Seen.StsRecords.Name,
                given.Seen.StsRecords.Records is [] ? $"{given.Seen.StsRecords.Outcome}" : $"TXT {string.Join(" | ", given.Seen.StsRecords.Records)}",
                "Senders that do not know the policy yet will not look for it; those that cached it go on applying it until it expires.",
                $"Publish: {given.Seen.StsRecords.Name}. TXT \"v=STSv1; id={given.Hosted?.PolicyId};\". If the domain is to leave MTA-STS, do not just drop the record: publish a policy with mode: none first.",
                "RFC 8461 §3.1, §8.3");
        }
    }
}

/// <summary>There is not exactly one <c>_mta-sts</c> record that parses.</summary>
internal sealed class StsRecordInvalid : IRule
{
    public string Code => "txt.sts.invalid";

    public bool CanSee(Case given) => given.Seen.StsRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var selection = StsRecord.Select(given.Seen.StsRecords.Records);
        if (selection.Outcome is TxtOutcome.Several or TxtOutcome.Malformed)
        {
            yield return new Finding(
                Code, Severity.Warning, given.Seen.StsRecords.Name,
                selection.Fault?.Message ?? $"{given.Seen.StsRecords.Records.Count} records: {string.Join(" | ", given.Seen.StsRecords.Records)}",
                "Senders take this for no record at all: new ones do not learn of the policy, and an update does not reach the others.",
                $"Leave exactly this one: {given.Seen.StsRecords.Name}. TXT \"v=STSv1; id={given.Hosted?.PolicyId};\"",
                "RFC 8461 §3.1");
        }
    }
}

/// <summary>A record that the grammar allows and the choice among records does not: senders differ.</summary>
internal sealed class StsRecordAmbiguous : IRule
{
    public string Code => "txt.sts.senders-differ";

    public bool CanSee(Case given) => given.Seen.StsRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        if (StsRecord.Select(given.Seen.StsRecords.Records).SendersDiffer)
        {
            yield return new Finding(
                Code, Severity.Warning, given.Seen.StsRecords.Name,
                $"TXT {string.Join(" | ", given.Seen.StsRecords.Records)}",
                "White space between the version and the first semicolon: some senders take this for the record, others drop it.",
                $"Publish it without: {given.Seen.StsRecords.Name}. TXT \"v=STSv1; id={given.Hosted?.PolicyId};\"",
                "RFC 8461 §3.1");
        }
    }
}

/// <summary>The record's id is not that of the served policy, long after it was published.</summary>
internal sealed class StsRecordStale : IRule
{
    // A record may lag while the old one's time to live runs (RFC 8461 §8.1, OPS-6); few zones go beyond a day.
    private static readonly TimeSpan Grace = TimeSpan.FromDays(1);

    public string Code => "txt.sts.id-lags";

    public bool CanSee(Case given) => given.Seen.StsRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var selection = StsRecord.Select(given.Seen.StsRecords.Records);
        if (given.Hosted is { } hosted && selection.Record is { } record && record.Id != hosted.PolicyId && given.Seen.At > hosted.PublishedAt + Grace)
        {
            yield return new Finding(
                Code, Severity.Warning, given.Seen.StsRecords.Name,
                $"id={record.Id} in DNS; id={given.Hosted?.PolicyId} is served since {hosted.PublishedAt:u}",
                "Senders that cached the earlier policy do not learn of the new one until it expires.",
                $"Publish: {given.Seen.StsRecords.Name}. TXT \"v=STSv1; id={given.Hosted?.PolicyId};\"",
                "RFC 8461 §3.1, §8.1");
        }
    }
}

/// <summary>Nobody is asked for reports.</summary>
internal sealed class TlsRptRecordMissing : IRule
{
    public string Code => "txt.tlsrpt.missing";

    public bool CanSee(Case given) => given.Seen.TlsRptRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var selection = TlsRptRecord.Select(given.Seen.TlsRptRecords.Records);
        if (selection.Record is null)
        {
            yield return new Finding(
                Code, Severity.Info, given.Seen.TlsRptRecords.Name,
                selection.Fault?.Message ?? (given.Seen.TlsRptRecords.Records is [] ? $"{given.Seen.TlsRptRecords.Outcome}" : $"TXT {string.Join(" | ", given.Seen.TlsRptRecords.Records)}"),
                "Senders send no reports, so nobody learns what fails on their side.",
                $"Publish: {given.Seen.TlsRptRecords.Name}. TXT \"v=TLSRPTv1; rua=https://<this app>/v1/tlsrpt,mailto:<mailbox>\"",
                "RFC 8460 §3");
        }
    }
}
