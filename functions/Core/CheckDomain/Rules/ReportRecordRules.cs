using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>The <c>_smtp._tls</c> record cannot be looked up.</summary>
internal sealed class TlsRptRecordLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.tlsrpt.lookup.failed", "info", "the _smtp._tls record cannot be looked up",
        "Senders do not learn where reports are to go, so nobody learns what fails on their side.",
        "Ask each name server of the zone: dig TXT _smtp._tls.<domain> @<server>. One that does not answer, or answers SERVFAIL, needs mending; where the name is a CNAME, look at its target too.",
        "RFC 8460 §3", TakesThreeLooks: true);

    public bool CanSee(Case given) => TxtRecords.CanTellFailure(given, given.Seen.TlsRptRecords);

    public IEnumerable<Finding> Judge(Case given)
    {
        var answer = given.Seen.TlsRptRecords;
        if (!answer.IsKnown)
        {
            yield return Kind.Found(Severity.Info, answer.Name, TxtRecords.Failure(answer));
        }
    }
}

/// <summary>Nobody is asked for reports.</summary>
internal sealed class TlsRptRecordMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.tlsrpt.missing", "info", "no _smtp._tls record: senders send no reports",
        "Senders send no reports, so nobody learns what fails on their side.",
        "Publish: _smtp._tls.<domain>. TXT \"v=TLSRPTv1; rua=https://<host of this app>/v1/tlsrpt\"",
        "RFC 8460 §3");

    public bool CanSee(Case given) => given.Seen.TlsRptRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        if (TlsRptRecord.Select(given.Seen.TlsRptRecords.Records).Outcome == TxtOutcome.None)
        {
            yield return Kind.Found(
                Severity.Info, given.Seen.TlsRptRecords.Name, TxtRecords.Shown(given.Seen.TlsRptRecords), remedy: $"Publish: {given.TlsRptRecordToPublish}");
        }
    }
}

/// <summary>There is more than one <c>_smtp._tls</c> record.</summary>
internal sealed class TlsRptRecordSeveral : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.tlsrpt.several", "info", "more than one _smtp._tls record: senders take them for none",
        "Senders take several records for none at all and send no reports, so nobody learns what fails on their side.",
        "Leave exactly one; it may name several addresses: _smtp._tls.<domain>. TXT \"v=TLSRPTv1; rua=https://<host of this app>/v1/tlsrpt,mailto:<mailbox>\"",
        "RFC 8460 §3");

    public bool CanSee(Case given) => given.Seen.TlsRptRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var selection = TlsRptRecord.Select(given.Seen.TlsRptRecords.Records);
        if (selection.Outcome == TxtOutcome.Several)
        {
            yield return Kind.Found(
                Severity.Info, given.Seen.TlsRptRecords.Name, $"{selection.Candidates.Length} records: {string.Join(" | ", selection.Candidates)}",
                remedy: $"Leave exactly one; it may name several addresses, separated by commas: {given.TlsRptRecordToPublish}");
        }
    }
}

/// <summary>The only <c>_smtp._tls</c> record does not parse.</summary>
internal sealed class TlsRptRecordMalformed : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.tlsrpt.malformed", "info", "an _smtp._tls record that does not parse, such as one whose rua lacks mailto: or https:",
        "Senders take this for no record at all and send no reports, so nobody learns what fails on their side.",
        "Write it so: _smtp._tls.<domain>. TXT \"v=TLSRPTv1; rua=https://<host of this app>/v1/tlsrpt,mailto:<mailbox>\"",
        "RFC 8460 §3");

    public bool CanSee(Case given) => given.Seen.TlsRptRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var selection = TlsRptRecord.Select(given.Seen.TlsRptRecords.Records);
        if (selection.Outcome == TxtOutcome.Malformed)
        {
            yield return Kind.Found(
                Severity.Info, given.Seen.TlsRptRecords.Name, $"{TxtRecords.Shown(given.Seen.TlsRptRecords)}: {selection.Fault?.Message}",
                remedy: $"Write it so: {given.TlsRptRecordToPublish}");
        }
    }
}

/// <summary>A record that the grammar allows and the choice among records does not: senders differ.</summary>
internal sealed class TlsRptRecordAmbiguous : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.tlsrpt.senders-differ", "info", "white space before the first semicolon of the _smtp._tls record: some senders drop it",
        "White space between the version and the first semicolon: some senders take this for the record, others drop it and send no reports.",
        "Publish it without: _smtp._tls.<domain>. TXT \"v=TLSRPTv1; rua=<as it is>\"",
        "RFC 8460 §3");

    public bool CanSee(Case given) => given.Seen.TlsRptRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var selection = TlsRptRecord.Select(given.Seen.TlsRptRecords.Records);
        if (selection.SendersDiffer)
        {
            yield return Kind.Found(
                Severity.Info, given.Seen.TlsRptRecords.Name, TxtRecords.Shown(given.Seen.TlsRptRecords),
                remedy: $"Publish it without: {(selection.Record is { } record ? $"{given.Seen.TlsRptRecords.Name}. TXT \"{record}\"" : given.TlsRptRecordToPublish)}");
        }
    }
}

/// <summary>Reports go elsewhere.</summary>
internal sealed class TlsRptRecordElsewhere : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.tlsrpt.elsewhere", "info", "an _smtp._tls record that does not name this app: it sees no reports",
        "Senders send their reports elsewhere, so that none is read and counted here.",
        "Add this app to the record: _smtp._tls.<domain>. TXT \"v=TLSRPTv1; rua=<as it is>,https://<host of this app>/v1/tlsrpt\"",
        "RFC 8460 §3");

    public bool CanSee(Case given) => given.Hosted is not null && given.Places.ReportUris is not [] && given.Seen.TlsRptRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var record = TlsRptRecord.Select(given.Seen.TlsRptRecords.Records).Record;
        if (record is not null && !record.Rua.Any(uri => given.Places.ReportUris.Contains(uri, StringComparer.OrdinalIgnoreCase)))
        {
            var name = given.Seen.TlsRptRecords.Name;
            yield return Kind.Found(
                Severity.Info, name, $"rua={string.Join(',', record.Rua)}",
                remedy: $"Add this app to the record: {name}. TXT \"v=TLSRPTv1; rua={string.Join(',', record.Rua.Append(given.Places.ReportUris[0]))}\"");
        }
    }
}
