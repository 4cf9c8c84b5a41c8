using System.Globalization;
using StsFunctions.Domains;
using StsFunctions.Reports;

namespace StsFunctions.JudgeReports;

/// <summary>Every finding that reports give rise to.</summary>
internal static class ReportFindings
{
    private const string FailuresCode = "report.failures";
    private const string SilentCode = "report.sender-silent";
    private const string NewSenderCode = "report.new-sender-failing";
    private const string QuarantinedCode = "report.quarantined";
    private const string PoisonCode = "report.poison";

    /// <summary>Ends what is seen of failures that no report shows which counts.</summary>
    public const string UncountedFailures = "; no sender that is known well enough to count says so";

    /// <summary>Ends what is seen of a new sender whose reports do not count.</summary>
    public const string UncountedSender = "; it is not known well enough to count";

    private static readonly FindingKind s_silent = new(
        SilentCode,
        "info",
        "a sender that reported daily (10 of 14 days) has sent nothing for three",
        "A sender that reported daily sends no reports any more: what it meets at your hosts is no longer seen.",
        "See that the _smtp._tls record still names this place, and that its mail or POSTs get here (quarantine, the mailbox, the log of ReceiveReport); it may also simply send you no mail any more.",
        "RFC 8460 §5");

    private static readonly FindingKind s_newSender = new(
        NewSenderCode,
        "info, warning from 10 % on",
        "a sender never heard of in two weeks reports failures",
        "A sender that was never heard of before reports failures: its mail may not arrive, and nobody else may see why.",
        "Compare with report.failures and with what other senders report: if they are well, look at what this one does differently (its address in a block list, an old TLS version, IPv6).",
        "RFC 8460 §4.4");

    private static readonly FindingKind s_quarantined = new(
        QuarantinedCode,
        "info, warning where the fault is ours; to the operator",
        "reports of the last 7 days lie in quarantine",
        "Reports lie in quarantine: they could not be read, or are for no domain here, and count for nothing.",
        "Read the reasons; after a fix, or once the domain is added, have them read again: POST /api/reports/reprocess with {\"container\":\"reports-quarantine\",\"from\":\"…\",\"to\":\"…\"}.",
        "RFC 8460 §5");

    private static readonly FindingKind s_poison = new(
        PoisonCode,
        "warning, to the operator",
        "messages lie in the poison queue of report-arrivals",
        "Messages lie in the poison queue: reading what they name failed five times. The reports themselves are not lost.",
        "Look for \"IngestReport failed\" in the log. What still lies in reports-inbox is taken up by the sweep; the rest is asked for with POST /api/reports/reprocess. Then clear the queue: az storage message clear --queue-name report-arrivals-poison.",
        "RFC 8460 §5");

    /// <summary>All of them, as the catalogue lists them.</summary>
    public static IReadOnlyList<FindingKind> Kinds { get; } =
    [
        new(
            FailuresCode,
            "info under 10 % of two days' sessions, warning under 50 %, else critical; info alone where no sender that counts says so",
            "senders report sessions that failed; the subject is the result type",
            "As the subject, the result type, says (docs/API.md lists them all).",
            "As the subject says.",
            "RFC 8460 §4.3"),
        s_silent,
        s_newSender,
        s_quarantined,
        s_poison,
    ];

    /// <summary>
    /// Whether a finding says that mail fails, by reports that count. Its evidence tells: names from outside are cut in it, so that
    /// its end is always there, and where reports count it holds nobody else's.
    /// </summary>
    public static bool RestsOnWhatCounts(Finding finding) =>
        finding.Code is FailuresCode or NewSenderCode
        && !finding.Evidence.Contains(UncountedFailures, StringComparison.Ordinal) && !finding.Evidence.Contains(UncountedSender, StringComparison.Ordinal);

    public static Finding Failures(ResultTypeAdvice advice, Severity severity, string evidence) =>
        new(FailuresCode, severity, advice.ResultType, evidence, advice.Meaning, advice.Remedy, advice.Rfc);

    public static Finding SenderSilent(string sender, DateOnly last, int days) => s_silent.Found(
        Severity.Info, sender, string.Create(CultureInfo.InvariantCulture, $"it reported on {days} of 14 days, the last of them {last:yyyy-MM-dd}, and nothing since"));

    public static Finding NewSenderFailing(string sender, Severity severity, string evidence) => s_newSender.Found(severity, sender, evidence);

    public static Finding Quarantined(Quarantined lying, DateOnly since) => s_quarantined.Found(
        lying.Reasons.Any(reason => reason.Reason.StartsWith("IngestReport failed", StringComparison.Ordinal)) ? Severity.Warning : Severity.Info,
        StorageLayout.QuarantineContainer,
        string.Create(
            CultureInfo.InvariantCulture,
            $"{(lying.IsMore ? "more than " : "")}{lying.Count} since {since:yyyy-MM-dd}, the newest {lying.Newest}: {string.Join("; ", lying.Reasons.Take(3).Select(reason => $"{reason.Count} times \"{reason.Reason}\""))}"));

    public static Finding Poison(int messages) => s_poison.Found(
        Severity.Warning, StorageLayout.ArrivalsQueue + "-poison", string.Create(CultureInfo.InvariantCulture, $"about {messages} message(s)"));
}
