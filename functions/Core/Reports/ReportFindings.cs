using System.Globalization;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;

namespace StsFunctions.Core.Reports;

/// <summary>Every finding that is made from reports.</summary>
internal static class ReportFindings
{
    /// <summary>The code of <see cref="Failures"/>.</summary>
    public const string FailuresCode = "report.session.failed";

    /// <summary>The code of <see cref="SenderSilent"/>.</summary>
    public const string SilentCode = "report.sender.silent";

    /// <summary>The code of <see cref="NewSenderFailing"/>.</summary>
    public const string NewSenderCode = "report.sender.new-failing";

    private const string UnauthenticatedCode = "report.sender.unauthenticated";
    private const string QuarantinedCode = "report.file.quarantined";
    private const string PoisonCode = "report.queue.poison";

    private static readonly FindingKind SilentKind = new(
        SilentCode,
        "info",
        "a signing domain that reported daily (on 10 of 14 days) has sent no report for three days; notified for trusted signers alone",
        "A sender that reported daily sends no reports any more, so you do not learn whether its deliveries fail.",
        "Check that the _smtp._tls record still names this app, and that the sender's reports arrive (quarantine, the mailbox, the log of ReceiveReport). The sender may also have stopped sending mail to this domain.",
        "RFC 8460 §5");

    private static readonly FindingKind NewSenderKind = new(
        NewSenderCode,
        "info, warning from 10 % on for a trusted signer",
        "a signing domain without a report in the two weeks before reports failures; notified for trusted signers alone",
        "A sender that did not report before reports failures: its mail may not arrive, perhaps for a reason that concerns this sender alone.",
        "Compare with report.session.failed and with the reports of other senders. If they report no failures, find out what this sender does differently (its address on a block list, an old TLS version, IPv6).",
        "RFC 8460 §4.4");

    private static readonly FindingKind QuarantinedKind = new(
        QuarantinedCode,
        "info, warning if this app failed to read them; to the operator",
        "reports of the last 7 days are in quarantine; notified if one of them was signed, or if this app failed to read them",
        "Reports are in quarantine: this app could not read them, or they are for a domain that it does not host. They are not counted.",
        "Read the reasons. After you fix the cause or add the domain, process the reports again: POST /api/reports/reprocess with {\"container\":\"reports-quarantine\",\"from\":\"…\",\"to\":\"…\"}.",
        "RFC 8460 §5");

    private static readonly FindingKind UnauthenticatedKind = new(
        UnauthenticatedCode,
        "info",
        "unauthenticated reports (every POST, and mail without a valid signature) contain failed sessions",
        "Reports whose sender is not authenticated contain failed sessions. Anybody may have written them, so no other finding uses them.",
        "Compare with report.session.failed and with the checks of this domain; the lists show these reports separately. The reports of a sender count once it sends them by mail with a valid DKIM signature.",
        "RFC 8460 §3")
    {
        Notifies = false,
    };

    private static readonly FindingKind PoisonKind = new(
        PoisonCode,
        "warning, to the operator",
        "messages are in the poison queue of report-arrivals",
        "Messages are in the poison queue, because this app failed five times to process the reports that they name. The reports are not lost.",
        "Find the failures of IngestReport in the log (docs/TROUBLESHOOTING.md, Functions fail), and fix the cause. RequeueStaleReports requeues what is still in reports-inbox; process the rest with POST /api/reports/reprocess. Then clear the queue: az storage message clear --queue-name report-arrivals-poison.",
        "RFC 8460 §5");

    /// <summary>All kinds, as the catalogue lists them.</summary>
    public static IReadOnlyList<FindingKind> Kinds { get; } =
    [
        new(
            FailuresCode,
            "info below 10 % of the sessions of one signer in two days, warning from 10 %, critical from 50 % if a trusted signer, two independent signers or a check of this app confirm it",
            "signed reports contain failed sessions; the subject is the result type",
            "It depends on the result type, which is the subject (docs/API.md lists them all).",
            "It depends on the result type (docs/API.md lists them all).",
            "RFC 8460 §4.3"),
        SilentKind,
        NewSenderKind,
        UnauthenticatedKind,
        QuarantinedKind,
        PoisonKind,
    ];

    public static Finding Failures(ResultTypeAdvice advice, Severity severity, string evidence) =>
        new(FailuresCode, severity, advice.ResultType, evidence, advice.Meaning, advice.Remedy, advice.Rfc);

    public static Finding SenderSilent(string signer, string organizationName, DateOnly last, int days) => SilentKind.Found(
        Severity.Info,
        signer,
        string.Create(CultureInfo.InvariantCulture, $"{SigningDomain.Describe(signer, organizationName)} reported on {days} of 14 days, last on {last:yyyy-MM-dd}"));

    public static Finding NewSenderFailing(string signer, Severity severity, string evidence) => NewSenderKind.Found(severity, signer, evidence);

    public static Finding Unauthenticated(string evidence) => UnauthenticatedKind.Found(Severity.Info, "reports that do not count", evidence);

    public static Finding Quarantined(QuarantineSummary lying, DateOnly since)
    {
        var isOurs = lying.Reasons.Any(reason => reason.Reason.StartsWith("IngestReport failed", StringComparison.Ordinal));
        var evidence = string.Create(
            CultureInfo.InvariantCulture,
            $"{(lying.IsMore ? "more than " : "")}{lying.Count} since {since:yyyy-MM-dd}, the newest is {lying.Newest}: {string.Join("; ", lying.Reasons.Take(3).Select(reason => $"{reason.Count} times \"{reason.Reason}\""))}");
        // Reports that anybody may have sent raise no notification.
        return QuarantinedKind.Found(isOurs ? Severity.Warning : Severity.Info, StorageNames.QuarantineContainer, evidence) with { Notifies = isOurs || lying.Signed > 0 };
    }

    public static Finding Poison(int messages) => PoisonKind.Found(
        Severity.Warning, StorageNames.ReportArrivalsQueue + "-poison", string.Create(CultureInfo.InvariantCulture, $"about {messages} message(s)"));
}
