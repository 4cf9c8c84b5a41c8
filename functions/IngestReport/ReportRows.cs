using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.Reports;

namespace StsFunctions.IngestReport;

/// <summary>Turns what a report says of one domain into rows.</summary>
internal static class ReportRows
{
    /// <summary>How many failures are kept apart; the rest of a larger report is summed in one row.</summary>
    public const int MaxFailures = 1_000;

    // Longer than any host name, address or result type, and short enough for 100 rows in one transaction.
    private const int MaxName = 255;
    private const int MaxInformation = 1_000;

    // Several policy types tell of the same sessions: one type is counted, the one that is about this domain's policy first.
    private static readonly string[] Preference = [PolicyTypes.Sts, PolicyTypes.Tlsa, PolicyTypes.NoPolicyFound];

    /// <summary>The report's row, and a row for each result type, MX host and address that failed.</summary>
    public static (Report Report, IReadOnlyList<ReportFailure> Failures) Of(
        ReadReport read, DomainName domain, IReadOnlyList<ReportedPolicy> policies, Arrival arrival, string blob)
    {
        var type = policies.Select(p => p.PolicyType).MinBy(type => Array.IndexOf(Preference, type) is >= 0 and var at ? at : int.MaxValue)!;
        var counted = policies.Where(p => p.PolicyType == type).ToList();
        var report = new Report(
            domain.Value,
            read.Report.OrganizationName ?? "",
            read.Report.ReportId,
            read.Report.Start,
            read.Report.End,
            type,
            Report.Sum(counted.Select(p => p.SuccessfulSessions)),
            Report.Sum(counted.Select(p => p.FailedSessions)),
            arrival.Source ?? (read.ByMail ? ReportSource.Mail : ReportSource.Dropped),
            Verdict.Unverified,
            arrival.ArrivedAt,
            read.BodyHash,
            blob)
        {
            Notes = [.. read.Notes.Select(note => note.ToString())],
        };
        return (report, FailuresOf(counted));
    }

    private static List<ReportFailure> FailuresOf(IReadOnlyList<ReportedPolicy> policies)
    {
        var failures = policies
            .SelectMany(policy => policy.FailureDetails)
            .GroupBy(detail => (
                ResultType: Cut(detail.ResultType, MaxName),
                Host: Cut((detail.ReceivingMxHostname ?? "").ToLowerInvariant(), MaxName),
                Address: Cut(detail.ReceivingIp ?? "", MaxName)))
            .Select(same => new ReportFailure(
                same.Key.ResultType,
                same.Key.Host,
                same.Key.Address,
                Report.Sum(same.Select(detail => detail.FailedSessions)),
                Cut(same.Select(detail => detail.AdditionalInformation ?? detail.FailureReasonCode).FirstOrDefault(text => !string.IsNullOrEmpty(text)) ?? "", MaxInformation)))
            .OrderByDescending(failure => failure.Sessions)
            .ToList();
        // Of a large report the reader itself has kept the largest kinds alone.
        var unlisted = Report.Sum(policies.Select(policy => policy.UnlistedFailures));
        if (failures.Count + (unlisted > 0 ? 1 : 0) <= MaxFailures)
        {
            return unlisted > 0 ? [.. failures, Others(unlisted, "more kinds")] : failures;
        }

        var rest = failures.Skip(MaxFailures - 1).Select(failure => failure.Sessions);
        return [.. failures.Take(MaxFailures - 1), Others(Report.Sum([.. rest, unlisted]), $"{failures.Count - MaxFailures + 1}{(unlisted > 0 ? " and" : "")} more kinds")];
    }

    private static ReportFailure Others(long sessions, string information) => new("(others)", "", "", sessions, information);

    private static string Cut(string text, int most) => text.Length <= most ? text : text[..most];
}
