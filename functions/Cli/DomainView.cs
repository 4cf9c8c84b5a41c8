using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Storage.Domains;

namespace StsFunctions.Cli;

/// <summary>A report with its failures.</summary>
internal sealed record ShownReport(Report Report, IReadOnlyList<ReportFailure> Failures);

/// <summary>The output of <c>domain show</c>.</summary>
internal sealed record ShownDomain(
    string Domain,
    DomainRecord Record,
    IReadOnlyList<PolicyVersion> Policies,
    IReadOnlyList<OpenFinding> Findings,
    int PendingNotifications,
    IReadOnlyList<DailySessions> Days,
    IReadOnlyList<ShownReport> Reports);

/// <summary>Writes a domain for a person.</summary>
internal static class DomainView
{
    public static void Write(ShownDomain shown)
    {
        var record = shown.Record;
        SafeConsole.WriteLine($"{shown.Domain}  ({record.Group}, {record.State.ToString().ToLowerInvariant()})");
        SafeConsole.WriteLine($"  policy      {record.PolicyId}, {record.Mode.ToToken()}, {shown.Policies.Count} published so far");
        SafeConsole.WriteLine($"  last check  {Tables.Minute(record.LastCheckAt)}{(record is { LastCheckAt: not null, Observed: false } ? " (no MX host could be observed from here)" : "")}");
        SafeConsole.WriteLine($"  next expiry {Tables.Day(record.NextExpiry)}");
        SafeConsole.WriteLine($"  findings    {shown.Findings.Count} open, {shown.PendingNotifications} notification(s) pending");
        foreach (var (finding, openedAt, _) in shown.Findings.OrderByDescending(f => f.Finding.Severity))
        {
            SafeConsole.WriteLine();
            SafeConsole.WriteLine($"  {finding.Severity.ToString().ToUpperInvariant()}  {finding.Code}  {finding.Subject}  since {Tables.Minute(openedAt)}");
            SafeConsole.WriteLine($"    observed {finding.Evidence}");
            SafeConsole.WriteLine($"    meaning  {finding.Meaning}");
            SafeConsole.WriteLine($"    remedy   {finding.Remedy}");
        }

        SafeConsole.WriteLine();
        WriteReports(shown);
    }

    private static void WriteReports(ShownDomain shown)
    {
        if (shown.Reports.Count == 0)
        {
            SafeConsole.WriteLine("  No reports in the last 30 days.");
            return;
        }

        if (shown.Days.Count == 0)
        {
            SafeConsole.WriteLine($"  None of {shown.Reports.Count} report(s) counts: their senders are not authenticated well enough (docs/REPORTS.md).");
        }

        var days = Tables.Of("day", "senders", "sessions", "failures");
        foreach (var day in shown.Days)
        {
            var senders = shown.Reports.Where(r => r.Report.Day == day.Day && r.Report.IsCounted).Select(r => r.Report.Submitter).Distinct().Count();
            days.AddCells(day.Day.ToString("yyyy-MM-dd", null), Tables.Number(senders), Tables.Number(day.Sessions), Tables.Number(day.Failures));
        }

        Tables.Write(days);
        var failures = shown.Reports.Where(r => !r.Report.Superseded).SelectMany(r => r.Failures.Select(f => (r.Report, Failure: f))).ToList();
        if (failures.Count == 0)
        {
            SafeConsole.WriteLine("  No sender reported a failure.");
            return;
        }

        var table = Tables.Of("day", "sender", "result type", "MX host", "address", "sessions", "sender's words");
        foreach (var (report, failure) in failures)
        {
            table.AddCells(report.Day.ToString("yyyy-MM-dd", null), report.Submitter, failure.ResultType, failure.MxHost, failure.Address, Tables.Number(failure.Sessions), failure.Information);
        }

        Tables.Write(table);
    }
}
