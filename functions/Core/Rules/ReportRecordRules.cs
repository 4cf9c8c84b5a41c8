using StsFunctions.Core.Findings;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Core.Rules;

/// <summary>The <c>_smtp._tls</c> record cannot be looked up.</summary>
internal sealed class TlsRptRecordLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.tlsrpt.lookup-failed", "info", "the _smtp._tls record cannot be looked up",
        "Senders do not learn where to send reports, so you do not learn which deliveries fail on their side.",
        "Query each name server of the zone: dig TXT _smtp._tls.<domain> @<server>. One that does not answer, or answers SERVFAIL, is at fault: fix it. If the name is a CNAME, check its target too.",
        "RFC 8460 §3", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => TxtRecords.CanTellFailure(context, context.Observation.TlsRptRecords);

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var answer = context.Observation.TlsRptRecords;
        if (!answer.IsKnown)
        {
            yield return Kind.Found(Severity.Info, answer.Name, TxtRecords.Failure(answer));
        }
    }
}

/// <summary>There is no <c>_smtp._tls</c> record.</summary>
internal sealed class TlsRptRecordMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.tlsrpt.missing", "info", "no _smtp._tls record: senders send no reports",
        "Senders send no reports, so you do not learn which deliveries fail on their side.",
        "Publish: _smtp._tls.<domain>. TXT \"v=TLSRPTv1; rua=https://<host of this app>/v1/tlsrpt\"",
        "RFC 8460 §3");

    public bool IsApplicable(RuleContext context) => context.Observation.TlsRptRecords.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        if (TlsRptRecord.Select(context.Observation.TlsRptRecords.Records).Outcome == TxtRecordStatus.None)
        {
            yield return Kind.Found(
                Severity.Info, context.Observation.TlsRptRecords.Name, TxtRecords.Describe(context.Observation.TlsRptRecords), remedy: $"Publish: {context.TlsRptRecordToPublish}");
        }
    }
}

/// <summary>There is more than one <c>_smtp._tls</c> record.</summary>
internal sealed class TlsRptRecordMultiple : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.tlsrpt.multiple", "info", "more than one _smtp._tls record: senders treat them as none",
        "Senders must treat several records as no record and send no reports, so you do not learn which deliveries fail on their side.",
        "Publish exactly one, and remove the others. One record may name several addresses, separated by commas: _smtp._tls.<domain>. TXT \"v=TLSRPTv1; rua=https://<host of this app>/v1/tlsrpt,mailto:<mailbox>\"",
        "RFC 8460 §3");

    public bool IsApplicable(RuleContext context) => context.Observation.TlsRptRecords.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var selection = TlsRptRecord.Select(context.Observation.TlsRptRecords.Records);
        if (selection.Outcome == TxtRecordStatus.Multiple)
        {
            yield return Kind.Found(
                Severity.Info, context.Observation.TlsRptRecords.Name, $"{selection.Candidates.Length} records: {string.Join(" | ", selection.Candidates)}",
                remedy: $"Publish exactly one, and remove the others. One record may name several addresses, separated by commas: {context.TlsRptRecordToPublish}");
        }
    }
}

/// <summary>The only <c>_smtp._tls</c> record does not parse.</summary>
internal sealed class TlsRptRecordMalformed : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.tlsrpt.malformed", "info", "an _smtp._tls record that does not parse, such as one whose rua lacks mailto: or https:",
        "Strict senders treat this as no record and send no reports, so you do not learn which deliveries fail on their side.",
        "Replace it with: _smtp._tls.<domain>. TXT \"v=TLSRPTv1; rua=https://<host of this app>/v1/tlsrpt,mailto:<mailbox>\"",
        "RFC 8460 §3");

    public bool IsApplicable(RuleContext context) => context.Observation.TlsRptRecords.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var selection = TlsRptRecord.Select(context.Observation.TlsRptRecords.Records);
        if (selection.Outcome == TxtRecordStatus.Malformed)
        {
            yield return Kind.Found(
                Severity.Info, context.Observation.TlsRptRecords.Name, $"{TxtRecords.Describe(context.Observation.TlsRptRecords)}: {selection.Fault?.Message}",
                remedy: $"Replace it with: {context.TlsRptRecordToPublish}");
        }
    }
}

/// <summary>A record that the grammar allows but the selection of records does not: senders differ.</summary>
internal sealed class TlsRptRecordAmbiguous : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.tlsrpt.ambiguous", "info", "white space before the first semicolon of the _smtp._tls record: some senders ignore the record",
        "Because of the white space between the version and the first semicolon, some senders accept this record; others ignore it and send no reports.",
        "Publish it without the white space: _smtp._tls.<domain>. TXT \"v=TLSRPTv1; rua=<as it is>\"",
        "RFC 8460 §3");

    public bool IsApplicable(RuleContext context) => context.Observation.TlsRptRecords.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var selection = TlsRptRecord.Select(context.Observation.TlsRptRecords.Records);
        if (selection.IsAmbiguous)
        {
            yield return Kind.Found(
                Severity.Info, context.Observation.TlsRptRecords.Name, TxtRecords.Describe(context.Observation.TlsRptRecords),
                remedy: $"Publish it without the white space: {(selection.Record is { } record ? $"{context.Observation.TlsRptRecords.Name}. TXT \"{record}\"" : context.TlsRptRecordToPublish)}");
        }
    }
}

/// <summary>The record names other report addresses, and not this app.</summary>
internal sealed class TlsRptRecordForeign : IRule
{
    public FindingKind Kind { get; } = new(
        "txt.tlsrpt.foreign", "info", "an _smtp._tls record that does not name this app, so that it gets no reports",
        "Senders send their reports to other addresses, so this app cannot read and count them.",
        "Add this app to the record: _smtp._tls.<domain>. TXT \"v=TLSRPTv1; rua=<as it is>,https://<host of this app>/v1/tlsrpt\"",
        "RFC 8460 §3");

    public bool IsApplicable(RuleContext context) => context.HostedDomain is not null && context.ExpectedTargets.ReportUris is not [] && context.Observation.TlsRptRecords.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var record = TlsRptRecord.Select(context.Observation.TlsRptRecords.Records).Record;
        if (record is not null && !record.Rua.Any(uri => context.ExpectedTargets.ReportUris.Contains(uri, StringComparer.OrdinalIgnoreCase)))
        {
            var name = context.Observation.TlsRptRecords.Name;
            yield return Kind.Found(
                Severity.Info, name, $"rua={string.Join(',', record.Rua)}",
                remedy: $"Add this app to the record: {name}. TXT \"v=TLSRPTv1; rua={string.Join(',', record.Rua.Append(context.ExpectedTargets.ReportUris[0]))}\"");
        }
    }
}
