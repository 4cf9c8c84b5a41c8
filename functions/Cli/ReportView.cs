using System.Globalization;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Cli;

/// <summary>Writes the reports of a file for a person.</summary>
internal static class ReportView
{
    // The most rows that are readable in a table.
    private const int MaxFailures = 50;

    public static void Write(IReadOnlyList<ShownReportFile> reports)
    {
        for (var i = 0; i < reports.Count; i++)
        {
            if (i > 0)
            {
                SafeConsole.WriteLine();
            }

            Write(reports[i]);
        }
    }

    private static void Write(ShownReportFile report)
    {
        SafeConsole.WriteLine($"{(report.Submitter.Length > 0 ? report.Submitter : "(no organization-name)")}  {report.ReportId}");
        SafeConsole.WriteLine($"  range    {Second(report.Start)} to {Second(report.End)} UTC");
        SafeConsole.WriteLine($"  contact  {report.ContactInfo ?? "-"}");
        SafeConsole.WriteLine($"  file     {report.FileName ?? "-"}");
        SafeConsole.WriteLine($"  verdict  {VerdictOf(report)}");
        WritePolicies(report.Policies);
        WriteFailures(report.Policies);
        if (report.Notes.Count > 0)
        {
            SafeConsole.WriteLine("  It was read although it deviates from RFC 8460:");
        }

        foreach (var note in report.Notes)
        {
            SafeConsole.WriteLine($"  {note.Code}  {note.Where}{(note.What.Length > 0 ? $" {note.What}" : "")}{(note.Times > 1 ? $" ({Tables.Number(note.Times)} times)" : "")}");
            SafeConsole.WriteLine($"    {note.Reason}.");
        }
    }

    private static string VerdictOf(ShownReportFile report) => report.Verdict switch
    {
        _ when !report.ByMail => "not verified: it is not in a mail, so it has no signature",
        AuthenticationResult.Unverified => "not verified: its mail has no DKIM signature",
        AuthenticationResult.Aligned => $"{report.Verdict}: signed by {report.SignedBy}, which is the sender's own",
        AuthenticationResult.Signed => $"{report.Verdict}: signed by {report.SignedBy}, which is not the sender's own",
        _ => $"{report.Verdict}: {string.Join("; ", report.Unsigned)}",
    };

    private static void WritePolicies(IReadOnlyList<ShownPolicy> policies)
    {
        if (policies.Count == 0)
        {
            SafeConsole.WriteLine("  It names no policy.");
            return;
        }

        var table = Tables.Of("domain", "policy type", "sessions", "failures", "in details");
        foreach (var policy in policies)
        {
            table.AddCells(
                policy.Domain,
                policy.Type,
                Tables.Number(policy.Sessions),
                Tables.Number(policy.Failures),
                Tables.Number(Report.Sum([.. policy.Details.Select(detail => detail.FailedSessions), policy.UnlistedFailures])));
        }

        Tables.Write(table);
    }

    private static void WriteFailures(IReadOnlyList<ShownPolicy> policies)
    {
        var failures = policies.SelectMany(policy => policy.Details.Select(detail => (policy.Domain, Detail: detail))).OrderByDescending(failure => failure.Detail.FailedSessions).ToList();
        if (failures.Count == 0)
        {
            return;
        }

        var table = Tables.Of("domain", "result type", "MX host", "address", "from", "sessions", "sender's words");
        foreach (var (domain, detail) in failures.Take(MaxFailures))
        {
            table.AddCells(
                domain,
                detail.ResultType,
                detail.ReceivingMxHostname ?? detail.ReceivingMxHelo ?? "-",
                detail.ReceivingIp ?? "-",
                detail.SendingMtaIp ?? "-",
                Tables.Number(detail.FailedSessions),
                WordsOf(detail));
        }

        Tables.Write(table);
        var unlisted = policies.Select(policy => policy.UnlistedFailures);
        if (failures.Count > MaxFailures || unlisted.Any(sessions => sessions > 0))
        {
            SafeConsole.WriteLine($"  And {Math.Max(0, failures.Count - MaxFailures)} more, which --json shows, and {Report.Sum(unlisted)} failed session(s) of other kinds than the {TlsReportLimits.Default.MaxFailureKinds} that are stored.");
        }
    }

    private static string WordsOf(FailureDetail detail) =>
        string.Join(", ", new[] { detail.FailureReasonCode, detail.AdditionalInformation }.Where(text => !string.IsNullOrEmpty(text)));

    private static string Second(DateTimeOffset time) => time.ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture);
}
