using System.Globalization;
using StsFunctions.Domains;
using StsFunctions.Reports;

namespace StsFunctions.JudgeReports;

/// <summary>Every finding that reports give rise to.</summary>
internal static class ReportFindings
{
    /// <summary>The code of <see cref="Failures"/>.</summary>
    public const string FailuresCode = "report.failures";

    /// <summary>The code of <see cref="SenderSilent"/>.</summary>
    public const string SilentCode = "report.sender-silent";

    /// <summary>The code of <see cref="NewSenderFailing"/>.</summary>
    public const string NewSenderCode = "report.new-sender-failing";

    private const string UnauthenticatedCode = "report.unauthenticated";
    private const string QuarantinedCode = "report.quarantined";
    private const string PoisonCode = "report.poison";

    private static readonly FindingKind s_silent = new(
        SilentCode,
        "info",
        "a signing domain that reported daily (10 of 14 days) has sent nothing for three; notified for trusted signers alone",
        "A sender that reported daily sends no reports any more: what it meets at your hosts is no longer seen.",
        "See that the _smtp._tls record still names this place, and that its mail or POSTs get here (quarantine, the mailbox, the log of ReceiveReport); it may also simply send you no mail any more.",
        "RFC 8460 §5");

    private static readonly FindingKind s_newSender = new(
        NewSenderCode,
        "info, warning from 10 % on for a trusted signer",
        "a signing domain never heard of in two weeks reports failures; notified for trusted signers alone",
        "A sender that was never heard of before reports failures: its mail may not arrive, and nobody else may see why.",
        "Compare with report.failures and with what other senders report: if they are well, look at what this one does differently (its address in a block list, an old TLS version, IPv6).",
        "RFC 8460 §4.4");

    private static readonly FindingKind s_quarantined = new(
        QuarantinedCode,
        "info, warning where the fault is ours; to the operator",
        "reports of the last 7 days lie in quarantine; notified where one of them was signed, or the fault is ours",
        "Reports lie in quarantine: they could not be read, or are for no domain here, and count for nothing.",
        "Read the reasons; after a fix, or once the domain is added, have them read again: POST /api/reports/reprocess with {\"container\":\"reports-quarantine\",\"from\":\"…\",\"to\":\"…\"}.",
        "RFC 8460 §5");

    private static readonly FindingKind s_unauthenticated = new(
        UnauthenticatedCode,
        "info",
        "reports that do not count (every POST, mail that its sender did not sign) tell of failed sessions",
        "Reports that anybody may have written tell of failed sessions: nothing rests on them.",
        "Compare with report.failures and with the checks of this domain; the reports themselves are listed apart. A sender that posts is heard once it also signs and mails its reports.",
        "RFC 8460 §3")
    {
        Notifies = false,
    };

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
            "info under 10 % of the sessions of one signer in two days, warning from there on, critical from 50 % on where a trusted signer says so, or two signers that are independent of each other, or a check of our own",
            "signed reports tell of sessions that failed; the subject is the result type",
            "As the subject, the result type, says (docs/API.md lists them all).",
            "As the subject says.",
            "RFC 8460 §4.3"),
        s_silent,
        s_newSender,
        s_unauthenticated,
        s_quarantined,
        s_poison,
    ];

    public static Finding Failures(ResultTypeAdvice advice, Severity severity, string evidence) =>
        new(FailuresCode, severity, advice.ResultType, evidence, advice.Meaning, advice.Remedy, advice.Rfc);

    public static Finding SenderSilent(string signer, string organizationName, DateOnly last, int days) => s_silent.Found(
        Severity.Info,
        signer,
        string.Create(CultureInfo.InvariantCulture, $"{SigningDomain.Shown(signer, organizationName)} reported on {days} of 14 days, the last of them {last:yyyy-MM-dd}, and nothing since"));

    public static Finding NewSenderFailing(string signer, Severity severity, string evidence) => s_newSender.Found(severity, signer, evidence);

    public static Finding Unauthenticated(string evidence) => s_unauthenticated.Found(Severity.Info, "reports that do not count", evidence);

    public static Finding Quarantined(Quarantined lying, DateOnly since)
    {
        var isOurs = lying.Reasons.Any(reason => reason.Reason.StartsWith("IngestReport failed", StringComparison.Ordinal));
        var evidence = string.Create(
            CultureInfo.InvariantCulture,
            $"{(lying.IsMore ? "more than " : "")}{lying.Count} since {since:yyyy-MM-dd}, the newest {lying.Newest}: {string.Join("; ", lying.Reasons.Take(3).Select(reason => $"{reason.Count} times \"{reason.Reason}\""))}");
        // What anybody may have sent notifies nobody.
        return s_quarantined.Found(isOurs ? Severity.Warning : Severity.Info, StorageLayout.QuarantineContainer, evidence) with { Notifies = isOurs || lying.Signed > 0 };
    }

    public static Finding Poison(int messages) => s_poison.Found(
        Severity.Warning, StorageLayout.ArrivalsQueue + "-poison", string.Create(CultureInfo.InvariantCulture, $"about {messages} message(s)"));
}
