using System.Globalization;
using StsFunctions.Domains;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.Reports;

namespace StsFunctions.JudgeReports;

/// <summary>Judges one domain's reports of the last two weeks. Pure: what it is given is all that it knows.</summary>
/// <param name="today">The day on which it judges, in UTC.</param>
/// <param name="reports">The domain's reports from <see cref="FirstDay"/> on.</param>
internal sealed class ReportJudge(DateOnly today, IReadOnlyList<Report> reports)
{
    private const double WarningShare = 0.10;
    private const double CriticalShare = 0.50;

    // A report on a day comes within the day after it: the last two whole days, and what there is of today.
    private const int WindowDays = 2;

    // One more day without a report, and it is no delay any more.
    private const int SilentDays = 3;

    private const int BaselineDays = 14;

    // Weekends are quiet; less than this of 14 days, and it is no daily sender.
    private const int DailyDays = 10;

    // Result types and senders are names from outside.
    private const int MaxSubjects = 20;

    // What does not count anybody may have written, each hour anew: enough to see that there is something.
    private const int MaxUncounted = 5;
    private const int MaxNamed = 5;

    private readonly List<Report> _reports = [.. reports.Where(report => !report.Superseded && report.Day <= today.AddDays(1))];

    /// <summary>From which day on reports are needed.</summary>
    public static DateOnly FirstDay(DateOnly today) => today.AddDays(-SilentDays - BaselineDays);

    /// <summary>The middle of the report that tells of the most fetches that failed, so that our own look of that time can be put beside it; null where none does.</summary>
    public DateTimeOffset? TimeOfFetchErrors => Window
        .Select(report => (Report: report, Failures: report.Types.SelectMany(type => type.Kinds).Where(kind => kind.ResultType == ResultTypes.StsPolicyFetchError).Sum(kind => (double)kind.Sessions)))
        .Where(one => one.Failures > 0)
        .OrderByDescending(one => one.Report.Counts).ThenByDescending(one => one.Failures)
        .Select(one => (DateTimeOffset?)(one.Report.Start + ((one.Report.End - one.Report.Start) / 2)))
        .FirstOrDefault();

    private IEnumerable<Report> Window => _reports.Where(report => report.Day >= today.AddDays(-WindowDays));

    /// <summary>What is wrong by the reports, or still is.</summary>
    /// <param name="own">What our own look nearest to the failed fetches saw; null where there was none.</param>
    /// <param name="open">What stands open of the domain.</param>
    public IReadOnlyList<Finding> Judge(OwnLook? own, IReadOnlyList<Finding> open)
    {
        // Where nobody reported who counts, nobody says that a failure is over which such reports showed: it stands, as it was seen.
        var standing = Window.Any(report => report.Counts) ? [] : open.Where(ReportFindings.RestsOnWhatCounts).ToList();
        var isStanding = standing.Select(finding => (finding.Code, finding.Subject)).ToHashSet();
        return [.. standing, .. Found(own).Where(finding => !isStanding.Contains((finding.Code, finding.Subject)))];
    }

    private IEnumerable<Finding> Found(OwnLook? own) => [.. Failures(own), .. SilentSenders(), .. NewSenders()];

    private IEnumerable<Finding> Failures(OwnLook? own)
    {
        var counted = SharesOf(Window.Where(report => report.Counts)).ToDictionary(share => share.ResultType);
        var apart = SharesOf(Window.Where(report => !report.Counts)).Where(share => !counted.ContainsKey(share.ResultType));
        return counted.Values
            .OrderByDescending(share => share.Part).ThenBy(share => share.ResultType, StringComparer.Ordinal)
            .Take(MaxSubjects)
            .Select(share => (Share: share, IsCounted: true))
            .Concat(apart
                .OrderByDescending(share => share.Failures).ThenBy(share => share.ResultType, StringComparer.Ordinal)
                .Take(MaxUncounted)
                .Select(share => (Share: share, IsCounted: false)))
            .Select(one => ReportFindings.Failures(
                ResultTypeGuide.Of(one.Share.ResultType),
                one.IsCounted ? SeverityOf(one.Share.Part) : Severity.Info,
                one.Share.Evidence
                + (one.IsCounted ? "" : ReportFindings.UncountedFailures)
                + (one.Share.ResultType != ResultTypes.StsPolicyFetchError ? "" : $"; {own?.Words ?? "no look of our own was near that time"}")));
    }

    private IEnumerable<Finding> SilentSenders()
    {
        var (first, last) = (FirstDay(today), today.AddDays(-SilentDays - 1));
        var silent = BySender(_reports)
            .Where(sent => sent.All(report => report.Day <= last))
            .Select(sent => (Sent: sent, Last: sent.Max(report => report.Day), Days: sent.Where(report => report.Day >= first).DistinctBy(report => report.Day).Count()))
            .Where(sender => sender.Days >= DailyDays)
            .ToList();
        return silent.Where(sender => sender.Sent[0].Counts)
            .OrderByDescending(sender => sender.Days).ThenBy(sender => sender.Sent[0].Submitter, StringComparer.Ordinal)
            .Take(MaxSubjects)
            .Concat(silent.Where(sender => !sender.Sent[0].Counts)
                .OrderByDescending(sender => sender.Sent.Sum(report => (double)report.Sessions + report.Failures)).ThenBy(sender => sender.Sent[0].Submitter, StringComparer.Ordinal)
                .Take(MaxUncounted))
            .Select(sender => ReportFindings.SenderSilent(sender.Sent[0].Submitter, sender.Last, sender.Days));
    }

    private IEnumerable<Finding> NewSenders()
    {
        var window = today.AddDays(-WindowDays);
        var before = _reports.Where(report => report.Day < window).ToList();
        if (!before.Exists(report => report.Counts))
        {
            // The first reports of a domain are all of new senders; what anybody can date back makes them no later ones.
            return [];
        }

        var failing = BySender(Window)
            .Where(sent => !before.Exists(report => report.Counts == sent[0].Counts && string.Equals(report.Submitter, sent[0].Submitter, StringComparison.OrdinalIgnoreCase)))
            .Select(sent => (Sent: sent, Worst: SharesOf(sent).OrderByDescending(share => share.Part).FirstOrDefault()))
            .Where(sender => sender.Worst is not null)
            .ToList();
        return failing.Where(sender => sender.Sent[0].Counts)
            .OrderByDescending(sender => sender.Worst!.Part).ThenBy(sender => sender.Sent[0].Submitter, StringComparer.Ordinal)
            .Take(MaxSubjects)
            .Concat(failing.Where(sender => !sender.Sent[0].Counts)
                .OrderByDescending(sender => sender.Worst!.Failures).ThenBy(sender => sender.Sent[0].Submitter, StringComparer.Ordinal)
                .Take(MaxUncounted))
            .Select(sender => ReportFindings.NewSenderFailing(
                sender.Sent[0].Submitter,
                sender.Sent[0].Counts && sender.Worst!.Part >= WarningShare ? Severity.Warning : Severity.Info,
                $"{Cut(sender.Worst!.ResultType)}: {sender.Worst.Evidence}{(sender.Sent[0].Counts ? "" : ReportFindings.UncountedSender)}"));
    }

    // Whoever posts in a sender's name neither speaks for it nor hides that it is silent: where reports of a name count, they alone are the sender's.
    private static IEnumerable<List<Report>> BySender(IEnumerable<Report> reports) => reports
        .GroupBy(report => report.Submitter, StringComparer.OrdinalIgnoreCase)
        .Select(sender => sender.Any(report => report.Counts) ? sender.Where(report => report.Counts).ToList() : [.. sender]);

    private static Severity SeverityOf(double share) => share < WarningShare ? Severity.Info : share < CriticalShare ? Severity.Warning : Severity.Critical;

    // Policy types tell of the same sessions: a share is one of each type's own sessions, and the worst of them stands for the result type.
    private static IEnumerable<Share> SharesOf(IEnumerable<Report> reports)
    {
        var counts = reports.SelectMany(report => report.Types, (report, type) => (Report: report, Type: type)).GroupBy(one => one.Type.PolicyType);
        return counts
            .SelectMany(type => SharesOf(type.Key, [.. type]))
            .GroupBy(share => share.ResultType)
            .Select(same => same.OrderByDescending(share => share.Part).ThenBy(share => share.PolicyType, StringComparer.Ordinal).First());
    }

    private static IEnumerable<Share> SharesOf(string policyType, List<(Report Report, TypeCounts Type)> counts)
    {
        var kinds = counts
            .SelectMany(one => one.Type.Kinds.Append(new FailureKind(ResultTypeGuide.NoReason, "", "", one.Type.UnexplainedFailures)), (one, kind) => (one.Report, Kind: kind))
            .Where(one => one.Kind.Sessions > 0)
            .ToList();
        // A sender's details may come to more than its totals do.
        var sessions = Math.Max(
            counts.Sum(one => (double)one.Type.Sessions + one.Type.Failures),
            kinds.Sum(one => (double)one.Kind.Sessions));
        var (first, last) = counts.Count == 0 ? default : (counts.Min(one => one.Report.Day), counts.Max(one => one.Report.Day));
        return kinds.GroupBy(one => one.Kind.ResultType).Select(same =>
        {
            // As doubles: counts come from outside, and their sums must not overflow.
            var failures = same.Sum(one => (double)one.Kind.Sessions);
            var part = failures / sessions;
            var evidence = string.Create(
                CultureInfo.InvariantCulture,
                $"{failures:0} of {sessions:0} sessions ({part * 100:0.##} %) under {Cut(policyType)}, {first:yyyy-MM-dd} to {last:yyyy-MM-dd}; senders: {Named(same, one => one.Report.Submitter)}; hosts: {Named(same, one => HostOf(one.Kind))}");
            return new Share(same.Key, policyType, part, failures, evidence);
        });
    }

    private static string HostOf(FailureKind kind) => (kind.MxHost, kind.Address) switch
    {
        ("", "") => "(not named)",
        (var host, "") => host,
        ("", var address) => $"[{address}]",
        var (host, address) => $"{host} [{address}]",
    };

    private static string Named(IEnumerable<(Report Report, FailureKind Kind)> same, Func<(Report Report, FailureKind Kind), string> nameOf)
    {
        var names = same.GroupBy(nameOf)
            .Select(one => (Name: one.Key, Failures: one.Sum(each => (double)each.Kind.Sessions)))
            .OrderByDescending(one => one.Failures).ThenBy(one => one.Name, StringComparer.Ordinal)
            .ToList();
        var shown = string.Join(", ", names.Take(MaxNamed).Select(one => string.Create(CultureInfo.InvariantCulture, $"{Cut(one.Name)} ({one.Failures:0})")));
        return names.Count <= MaxNamed ? shown : string.Create(CultureInfo.InvariantCulture, $"{shown} and {names.Count - MaxNamed} more");
    }

    private static string Cut(string name) => name.Length <= 100 ? name : name[..99] + "…";

    private sealed record Share(string ResultType, string PolicyType, double Part, double Failures, string Evidence);
}
