using StsFunctions.Core.Reports;

namespace StsFunctions.App.Api;

/// <summary>A page of a domain's reports; the last one has no continuation.</summary>
internal sealed record ReportListJson(string Domain, IReadOnlyList<ReportLineJson> Reports, string? Continuation);

/// <summary>One report in a list.</summary>
internal sealed record ReportLineJson(
    string Id,
    DateOnly Day,
    string Sender,
    string SignedBy,
    string ReportId,
    DateTimeOffset Start,
    DateTimeOffset End,
    string Source,
    string Authentication,
    bool IsCounted,
    bool Superseded,
    DateTimeOffset ArrivedAt,
    IReadOnlyList<ReportTypeJson> PolicyTypes)
{
    public static ReportLineJson Of(Report report) => new(
        ReportIds.Of(report),
        report.Day,
        report.Submitter,
        report.SignedBy,
        report.ReportId,
        report.Start,
        report.End,
        report.Source.ToString().ToLowerInvariant(),
        report.Authentication.ToString().ToLowerInvariant(),
        report.IsCounted,
        report.Superseded,
        report.ArrivedAt,
        [.. report.Types.Select(type => new ReportTypeJson(type.PolicyType, type.Sessions, type.Failures))]);
}

/// <summary>The sessions under one policy type; several types count the same sessions.</summary>
internal sealed record ReportTypeJson(string PolicyType, long Sessions, long Failures);

/// <summary>One report with all details.</summary>
internal sealed record ReportJson(ReportLineJson Report, string SignedBy, IReadOnlyList<string> Notes, IReadOnlyList<FailureJson> Failures)
{
    public static ReportJson Of(Report report, IReadOnlyList<ReportFailure> failures) => new(
        ReportLineJson.Of(report),
        report.SignedBy,
        report.Notes,
        [.. failures.Select(failure =>
        {
            var advice = ResultTypeGuide.Of(failure.ResultType);
            return new FailureJson(
                failure.PolicyType, failure.ResultType, failure.MxHost, failure.Address, failure.Sessions, failure.Information, advice.Meaning, advice.Remedy, advice.Rfc);
        })]);
}

/// <summary>Sessions with the same failure, and what it means.</summary>
internal sealed record FailureJson(
    string PolicyType, string ResultType, string MxHost, string Address, long Sessions, string Information, string Meaning, string Remedy, string Rfc);

/// <summary>The summary of the reports in a range.</summary>
internal sealed record SummaryJson(string Domain, DateOnly From, DateOnly To, TotalsJson Counted, TotalsJson Apart, int Superseded)
{
    public static SummaryJson Of(string domain, DateOnly from, DateOnly to, ReportSummary summary) =>
        new(domain, from, to, TotalsJson.Of(summary.Counted), TotalsJson.Of(summary.Apart), summary.Superseded);
}

/// <summary>A part of the reports, by policy type.</summary>
internal sealed record TotalsJson(int Reports, IReadOnlyList<PolicyTypeTotalJson> PolicyTypes)
{
    public static TotalsJson Of(ReportTotals totals) => new(totals.Reports, [.. totals.PolicyTypes.Select(PolicyTypeTotalJson.Of)]);
}

/// <summary>The sessions reported under one policy type.</summary>
internal sealed record PolicyTypeTotalJson(
    string PolicyType,
    long Sessions,
    long Failures,
    long OtherFailures,
    IReadOnlyList<DayTotal> Days,
    IReadOnlyList<ResultTypeTotalJson> ResultTypes,
    IReadOnlyList<SenderTotal> Senders,
    IReadOnlyList<HostTotal> Hosts)
{
    public static PolicyTypeTotalJson Of(PolicyTypeTotal total) => new(
        total.PolicyType,
        total.Sessions,
        total.Failures,
        total.OtherFailures,
        total.Days,
        [.. total.ResultTypes.Select(one =>
        {
            var advice = ResultTypeGuide.Of(one.ResultType);
            return new ResultTypeTotalJson(one.ResultType, one.Failures, advice.Meaning, advice.Remedy, advice.Rfc);
        })],
        total.Senders,
        total.Hosts);
}

/// <summary>Sessions that failed for one reason, and what it means.</summary>
internal sealed record ResultTypeTotalJson(string ResultType, long Failures, string Meaning, string Remedy, string Rfc);

/// <summary>
/// The request of <c>POST api/reports/reprocess</c>: one report of a domain, by its id in the list; one raw report, by its day of arrival and its hash; or all that
/// arrived in a range of days.
/// </summary>
internal sealed record ReprocessJson(string? Container, string? Domain, string? Id, DateOnly? From, DateOnly? To);

/// <summary>Confirms the request.</summary>
internal sealed record ReprocessingJson(string Container, string? Id, DateOnly? From, DateOnly? To);

/// <summary>A report's key in a path: without colons.</summary>
internal static class ReportIds
{
    private const int Parts = 3;

    public static string Of(Report report) => report.Key.Replace(':', '-');

    /// <summary>The key; null if the text is not an id.</summary>
    public static string? KeyOf(string id)
    {
        var parts = id.Split('-', Parts);
        return parts.Length == Parts && id.Length <= 200 && id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-') ? string.Join(':', parts) : null;
    }
}
