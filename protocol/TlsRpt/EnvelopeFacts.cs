using System.Globalization;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>
/// The facts that a report and its envelope both may have: range, organization, report-id and policy domain. The report's own value counts;
/// the envelope replaces one that is missing, and this is noted.
/// </summary>
internal sealed class EnvelopeFacts(ReportEnvelope envelope)
{
    private readonly ReportFileName? _fileName = ReportFileName.Read(envelope.FileName);

    public (DateTimeOffset Start, DateTimeOffset End) Range(ReportValues values)
    {
        var start = values.Date(ReportMember.StartDatetime);
        var end = values.Date(ReportMember.EndDatetime);
        if (_fileName is not null && (start is null || end is null))
        {
            values.Note(Deviation.RangeByFileName, start is null ? ReportMember.StartDatetime : ReportMember.EndDatetime, envelope.FileName!);
            (start, end) = (start ?? _fileName.Begin, end ?? _fileName.End);
        }

        if (start is not { } first)
        {
            throw values.Missing(ReportMember.StartDatetime);
        }

        if (end is not { } last)
        {
            values.NoteMissing(Deviation.EndMissing, ReportMember.EndDatetime);
            return (first, LastSecondOfADay(first));
        }

        if (values.EndIsDay && last == new DateTimeOffset(first.Date, TimeSpan.Zero))
        {
            return (first, LastSecondOfADay(last));
        }

        if (first.TimeOfDay == TimeSpan.Zero && last.TimeOfDay == TimeSpan.Zero && last > first)
        {
            values.Note(Deviation.EndAtNextMidnight, ReportMember.EndDatetime, last.ToString("u", CultureInfo.InvariantCulture));
        }

        return last >= first ? (first, last) : throw values.Refused("The date-range ends before it starts.");
    }

    public string? Organization(ReportValues values)
    {
        var member = ReportMember.OrganizationName;
        var name = values.Text(member);
        if (!string.IsNullOrWhiteSpace(name))
        {
            return name;
        }

        // A header may be as long as its mail.
        if (envelope.Submitter?.Trim() is { Length: > 0 and <= ReportValues.MaxDetailText } submitter)
        {
            values.Note(Deviation.SubmitterByHeader, member, submitter);
            return submitter;
        }

        if (_fileName is { Sender.Length: > 0 })
        {
            values.Note(Deviation.SubmitterByFileName, member, envelope.FileName!);
            return _fileName.Sender;
        }

        values.NoteMissing(Deviation.OrganizationNameMissing, member);
        return name;
    }

    public string ReportId(ReportValues values)
    {
        var member = ReportMember.ReportId;
        var id = values.Text(member);
        if (!string.IsNullOrWhiteSpace(id))
        {
            return id;
        }

        if (_fileName?.UniqueId is { } unique)
        {
            values.Note(Deviation.ReportIdByFileName, member, envelope.FileName!);
            return unique;
        }

        values.NoteMissing(Deviation.ReportIdMissing, member);
        return id ?? "";
    }

    /// <summary>The domain that the envelope names, whose parts must not contradict each other.</summary>
    public DomainName? FindDomain(ReportValues values)
    {
        var byHeader = DomainName.TryParse(envelope.Domain?.Trim(), out var header) ? header : null;
        var byFile = DomainName.TryParse(_fileName?.PolicyDomain, out var file) ? file : null;
        if ((byHeader ?? byFile) is not { } domain || (byFile ?? domain) != domain)
        {
            return null;
        }

        values.Note(byHeader is null ? Deviation.DomainByFileName : Deviation.DomainByHeader, ReportMember.PolicyDomain, domain.Value);
        return domain;
    }

    private static DateTimeOffset LastSecondOfADay(DateTimeOffset start)
    {
        var length = TimeSpan.FromDays(1) - TimeSpan.FromSeconds(1);
        return start <= DateTimeOffset.MaxValue - length ? start + length : DateTimeOffset.MaxValue;
    }
}
