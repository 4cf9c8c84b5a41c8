using System.Globalization;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Text;
using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Core.Reports;

/// <summary>What the evaluation of reports results in.</summary>
/// <param name="Findings">The findings that are open by the reports, new or still.</param>
/// <param name="NoLongerReported">The open findings that end although no signer reports that the fault is gone, by code and subject.</param>
internal sealed record ReportRuleResults(IReadOnlyList<Finding> Findings, IReadOnlySet<(string Code, string Subject)> NoLongerReported);

/// <summary>
/// Evaluates one domain's reports of the last two weeks. Pure. Every signer is evaluated by its own figures: it neither opens nor closes
/// another signer's finding, and does not change its severity.
/// </summary>
/// <param name="today">The day of the evaluation, in UTC.</param>
/// <param name="reports">The domain's reports from <see cref="FirstDay"/> on.</param>
/// <param name="trusted">The signers that the operator trusts.</param>
internal sealed class ReportRules(DateOnly today, IReadOnlyList<Report> reports, TrustedReportSigners trusted)
{
    /// <summary>For how many days a finding stays open that its signers neither repeat nor withdraw.</summary>
    public const int DaysUntilNoLongerReported = 14;

    // The report on a day arrives within the next day: the window is the last two whole days, and today so far.
    private const int WindowDays = 2;

    // One day more than a late report needs.
    private const int SilentDays = 3;

    private const int BaselineDays = 14;

    // Weekends are quiet; a signer that reports on fewer of 14 days is no daily sender.
    private const int DailyDays = 10;

    // Result types of known signers, and signers, are names from outside.
    private const int MaxSubjects = 20;

    // Stored with a finding: enough for every large sender, and a limit for a forger who signs under many names.
    private const int MaxWitnesses = 20;
    private const int MaxNamed = 5;

    private readonly List<Report> _reports = [.. reports.Where(report => !report.Superseded && report.Day <= today.AddDays(1))];

    /// <summary>The first day whose reports are needed.</summary>
    public static DateOnly FirstDay(DateOnly today) => today.AddDays(-SilentDays - BaselineDays);

    /// <summary>
    /// The middle of the report with the most failed fetches, a trusted signer's first, so that this app's observation of that time can be compared with it; null if no
    /// authenticated report has any.
    /// </summary>
    public DateTimeOffset? TimeOfFetchErrors => Window
        .Where(report => report.IsCounted)
        .Select(report => (Report: report, Failures: report.Types.SelectMany(type => type.Kinds).Where(kind => kind.ResultType == ResultTypes.StsPolicyFetchError).Sum(kind => (double)kind.Sessions)))
        .Where(one => one.Failures > 0)
        .OrderByDescending(one => trusted.Contains(one.Report.SignedBy)).ThenByDescending(one => one.Failures)
        .Select(one => (DateTimeOffset?)(one.Report.Start + ((one.Report.End - one.Report.Start) / 2)))
        .FirstOrDefault();

    private DateOnly FirstOfWindow => today.AddDays(-WindowDays);

    private IEnumerable<Report> Window => _reports.Where(report => report.Day >= FirstOfWindow);

    private IEnumerable<Report> Counting => _reports.Where(report => report.IsCounted);

    /// <summary>The findings that are open by the reports, and those that no signer reports any more.</summary>
    /// <param name="own">This app's observation nearest to the failed fetches; null if there was none.</param>
    /// <param name="probe">The results of this app's checks of the domain.</param>
    /// <param name="open">The open findings of the domain's reports.</param>
    public ReportRuleResults Evaluate(OwnObservation? own, ProbeConfirmation probe, IReadOnlyList<Finding> open)
    {
        var noLongerReported = new HashSet<(string, string)>();
        List<Finding> found =
        [
            .. Failures(own, probe, [.. open.Where(finding => finding.Code == ReportFindings.FailuresCode)], noLongerReported),
            .. SilentSigners([.. open.Where(finding => finding.Code == ReportFindings.SilentCode)], noLongerReported),
            .. NewSigners([.. open.Where(finding => finding.Code == ReportFindings.NewSenderCode)], noLongerReported),
            .. Unauthenticated(),
        ];
        return new ReportRuleResults(found, noLongerReported);
    }

    // A result type that is not registered is text from outside: it names a finding only where a trusted signer reports it (RPT-4).
    private string SubjectOf(string signer, string resultType) =>
        ResultTypes.IsRegistered(resultType) || resultType == ResultTypeGuide.NoReason || trusted.Contains(signer) ? TextSanitizer.ToSingleLine(resultType) : ResultTypeGuide.Unregistered;

    private IEnumerable<Finding> Failures(OwnObservation? own, ProbeConfirmation probe, IReadOnlyList<Finding> open, HashSet<(string, string)> noLongerReported)
    {
        var shares = Window.Where(report => report.IsCounted)
            .GroupBy(report => report.SignedBy)
            .SelectMany(signer => SignerShare.Of([.. signer], resultType => SubjectOf(signer.Key, resultType)))
            .GroupBy(share => share.Subject)
            .ToDictionary(subject => subject.Key, subject => subject.ToList());
        var standing = open.ToDictionary(finding => finding.Subject);
        return
        [
            .. standing.Keys
                .Concat(shares.OrderByDescending(subject => subject.Value.Max(share => share.Part)).ThenBy(subject => subject.Key, StringComparer.Ordinal).Select(subject => subject.Key))
                .Distinct()
                .Take(MaxSubjects)
                .Select(subject => Failure(subject, shares.GetValueOrDefault(subject) ?? [], standing.GetValueOrDefault(subject), own, probe, noLongerReported))
                .OfType<Finding>(),
        ];
    }

    private Finding? Failure(string subject, List<SignerShare> shares, Finding? standing, OwnObservation? own, ProbeConfirmation probe, HashSet<(string, string)> noLongerReported)
    {
        var before = ReportBasis.FromText(standing?.Basis ?? "");
        var isNoLongerReported = false;
        var silent = new List<ReportWitness>();
        foreach (var witness in before.Witnesses.Where(witness => !shares.Exists(share => share.Signer == witness.Signer)))
        {
            if (HasReportedSince(witness.Signer, witness.LastDay))
            {
                // The signer itself reports that the fault is gone.
                continue;
            }

            if (today.DayNumber - witness.LastDay.DayNumber > DaysUntilNoLongerReported)
            {
                isNoLongerReported = true;
                continue;
            }

            silent.Add(witness);
        }

        var codes = probe.CodesOf(subject);
        var isConfirmed = codes.Count > 0 || (subject == ResultTypes.StsPolicyFetchError && own is { Fetch: not (null or "fetched") });
        if (shares.Count == 0 && before.IsConfirmed && silent.Count > 0 && probe.SeesNothingOf(subject, silent.Max(witness => witness.LastDay)))
        {
            // This app's check confirmed the fault, and now observes that it is gone.
            return null;
        }

        var current = shares.Select(share => new ReportWitness(share.Signer, share.LastFailing, Worst(share, before)));
        var basis = new ReportBasis(
            [.. current.Concat(silent)
                .OrderByDescending(witness => trusted.Contains(witness.Signer))
                .ThenByDescending(witness => before.Witnesses.Any(earlier => earlier.Signer == witness.Signer))
                .ThenByDescending(witness => witness.Severity)
                .ThenBy(witness => witness.Signer, StringComparer.Ordinal)
                .Take(MaxWitnesses)],
            before.IsConfirmed || isConfirmed);
        if (basis.Witnesses.IsEmpty)
        {
            if (isNoLongerReported)
            {
                noLongerReported.Add((ReportFindings.FailuresCode, subject));
            }

            return null;
        }

        var severity = basis.SeverityBy(trusted);
        return shares.Count == 0
            ? standing! with { Severity = severity, Basis = basis.ToText() }
            : ReportFindings.Failures(ResultTypeGuide.Of(subject), severity, EvidenceOf(subject, shares, silent, severity, codes, own)) with { Basis = basis.ToText() };
    }

    private static Severity Worst(SignerShare share, ReportBasis before) =>
        before.Witnesses.FirstOrDefault(witness => witness.Signer == share.Signer) is { } earlier && earlier.Severity > share.Severity ? earlier.Severity : share.Severity;

    // A report without a session says nothing about sessions. On a day of the window itself, a failure that no report contains any more was withdrawn: by a corrected report, or by processing it again.
    private bool HasReportedSince(string signer, DateOnly day) =>
        Counting.Any(report => report.SignedBy == signer && report.Types.Any(type => type.Sessions > 0) && (report.Day > day || (report.Day == day && day >= FirstOfWindow)));

    private string EvidenceOf(string subject, List<SignerShare> shares, List<ReportWitness> silent, Severity severity, IReadOnlyList<string> codes, OwnObservation? own)
    {
        var ordered = shares
            .OrderByDescending(share => trusted.Contains(share.Signer)).ThenByDescending(share => share.Severity).ThenByDescending(share => share.Failures)
            .ThenBy(share => share.Signer, StringComparer.Ordinal)
            .ToList();
        List<string> parts =
        [
            .. ordered.Take(MaxNamed).Select(share => share.Words),
            .. shares.Count > MaxNamed ? [string.Create(CultureInfo.InvariantCulture, $"{shares.Count - MaxNamed} more signer(s)")] : (string[])[],
            string.Create(CultureInfo.InvariantCulture, $"{shares.Min(share => share.First):yyyy-MM-dd} to {shares.Max(share => share.LastFailing):yyyy-MM-dd}"),
            $"hosts: {Named(ordered.Take(MaxNamed).SelectMany(share => share.Hosts))}",
        ];
        if (subject == ResultTypeGuide.Unregistered)
        {
            parts.Add($"types: {string.Join(", ", shares.SelectMany(share => share.ResultTypes).Distinct().Order(StringComparer.Ordinal).Take(MaxNamed).Select(TextSanitizer.Quoted))}");
        }

        if (silent.Count > 0)
        {
            parts.Add($"reported before by {string.Join(", ", silent.Take(MaxNamed).Select(witness => witness.Words))}");
        }

        if (codes.Count > 0)
        {
            parts.Add($"this app's own check found {string.Join(", ", codes.Take(MaxNamed))}");
        }

        if (severity < Severity.Critical && shares.Exists(share => share.Severity == Severity.Critical))
        {
            parts.Add("only one signer reports this, and no check of this app confirms it");
        }

        if (subject == ResultTypes.StsPolicyFetchError)
        {
            parts.Add(own?.Words ?? "this app made no check near that time");
        }

        return string.Join("; ", parts);
    }

    // What one signer alone reports is shown, and notified only if the operator trusts the signer: anybody can sign under any number of names.
    private List<Finding> SilentSigners(IReadOnlyList<Finding> open, HashSet<(string, string)> noLongerReported)
    {
        var (first, last) = (FirstDay(today), today.AddDays(-SilentDays - 1));
        List<Finding> silent =
        [
            .. BySigner(Counting)
                .Where(sent => sent.All(report => report.Day <= last))
                .Select(sent => (Signer: sent[0].SignedBy, Newest: sent.MaxBy(report => report.Day)!, Days: sent.Where(report => report.Day >= first).DistinctBy(report => report.Day).Count()))
                .Where(signer => signer.Days >= DailyDays)
                .OrderByDescending(signer => trusted.Contains(signer.Signer)).ThenByDescending(signer => signer.Days).ThenBy(signer => signer.Signer, StringComparer.Ordinal)
                .Take(MaxSubjects)
                .Select(signer => ReportFindings.SenderSilent(signer.Signer, signer.Newest.Submitter, signer.Newest.Day, signer.Days) with { Notifies = trusted.Contains(signer.Signer) }),
        ];
        noLongerReported.UnionWith(open
            .Where(finding => !silent.Exists(now => now.Subject == finding.Subject) && !Counting.Any(report => report.SignedBy == finding.Subject && report.Day > last))
            .Select(finding => (finding.Code, finding.Subject)));
        return silent;
    }

    private List<Finding> NewSigners(IReadOnlyList<Finding> open, HashSet<(string, string)> noLongerReported)
    {
        // A sender can backdate a report, but not its arrival.
        var before = Counting.Where(report => report.Day < FirstOfWindow).ToList();
        var isFirst = !before.Exists(report => DateOnly.FromDateTime(report.ArrivedAt.UtcDateTime) <= FirstOfWindow.AddDays(1));
        // In the first reports of a domain every sender is new.
        List<Finding> failing = isFirst ? [] :
        [
            .. BySigner(Window.Where(report => report.IsCounted))
                .Where(sent => !before.Exists(report => report.SignedBy == sent[0].SignedBy))
                .Select(sent => SignerShare.Of(sent, resultType => SubjectOf(sent[0].SignedBy, resultType)).OrderByDescending(share => share.Part).FirstOrDefault())
                .OfType<SignerShare>()
                .OrderByDescending(share => trusted.Contains(share.Signer)).ThenByDescending(share => share.Part).ThenBy(share => share.Signer, StringComparer.Ordinal)
                .Take(MaxSubjects)
                .Select(share => ReportFindings.NewSenderFailing(
                    share.Signer,
                    trusted.Contains(share.Signer) && share.Part >= SignerShare.WarningPart ? Severity.Warning : Severity.Info,
                    $"{(share.Subject == ResultTypeGuide.Unregistered ? TextSanitizer.Quoted(share.ResultTypes[0]) : share.Subject)}: {share.Words}") with
                {
                    Notifies = trusted.Contains(share.Signer),
                }),
        ];
        noLongerReported.UnionWith(open
            .Where(finding => !failing.Exists(now => now.Subject == finding.Subject) && !IsWell(finding.Subject))
            .Select(finding => (finding.Code, finding.Subject)));
        return failing;
    }

    private bool IsWell(string signer)
    {
        var own = Window.Where(report => report.IsCounted && report.SignedBy == signer).SelectMany(report => report.Types).ToList();
        return own.Exists(type => type.Sessions > 0) && own.TrueForAll(type => type.Failures == 0 && type.Kinds.All(kind => kind.Sessions == 0));
    }

    // Anybody may have written them: one finding for all of them, whatever names they contain, and no notification.
    private IEnumerable<Finding> Unauthenticated()
    {
        var apart = Window.Where(report => !report.IsCounted).ToList();
        var kinds = apart.SelectMany(report => report.Types, (report, type) => (report, type))
            .SelectMany(one => one.type.Kinds.Append(new FailureKind(ResultTypeGuide.NoReason, "", "", one.type.UnexplainedFailures)), (one, kind) => (Report: one.report, Kind: kind))
            .Where(one => one.Kind.Sessions > 0)
            .ToList();
        if (kinds.Count == 0)
        {
            return [];
        }

        var failing = kinds.Select(one => one.Report).Distinct().ToList();
        return
        [
            ReportFindings.Unauthenticated(string.Create(
                CultureInfo.InvariantCulture,
                $"{failing.Count} of {apart.Count} unauthenticated report(s) contain failed sessions, {failing.Min(report => report.Day):yyyy-MM-dd} to {failing.Max(report => report.Day):yyyy-MM-dd}; types: {Named(kinds.Select(one => (Name(one.Kind.ResultType), (double)one.Kind.Sessions)))}; organization names, as given: {Named(kinds.Select(one => (TextSanitizer.Quoted(one.Report.Submitter), (double)one.Kind.Sessions)))}")),
        ];

        static string Name(string resultType) => ResultTypes.IsRegistered(resultType) || resultType == ResultTypeGuide.NoReason ? resultType : TextSanitizer.Quoted(resultType);
    }

    private static IEnumerable<List<Report>> BySigner(IEnumerable<Report> reports) => reports.Where(report => report.SignedBy.Length > 0).GroupBy(report => report.SignedBy, (_, sent) => sent.ToList());

    private static string Named(IEnumerable<(string Name, double Failures)> counts)
    {
        var names = counts.GroupBy(one => one.Name)
            .Select(one => (Name: one.Key, Failures: one.Sum(each => each.Failures)))
            .OrderByDescending(one => one.Failures).ThenBy(one => one.Name, StringComparer.Ordinal)
            .ToList();
        var shown = string.Join(", ", names.Take(MaxNamed).Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Name} ({one.Failures:0})")));
        return names.Count <= MaxNamed ? shown : string.Create(CultureInfo.InvariantCulture, $"{shown} and {names.Count - MaxNamed} more");
    }
}
