using StsFunctions.Core.Text;

namespace StsFunctions.Core.Findings;

/// <summary>What a finding does to mail.</summary>
internal enum Severity
{
    /// <summary>Worth knowing; no mail is at risk.</summary>
    Info,

    /// <summary>Senders will reject mail, or protection is lost.</summary>
    Warning,

    /// <summary>Mail is not delivered now, or will not be before the next check.</summary>
    Critical,
}

/// <summary>One fault, in words to act on. Findings are an API: a code is never used for anything else.</summary>
/// <param name="Code">Stable and dotted: <c>mx.certificate.expiring</c>.</param>
/// <param name="Severity">What it does to mail.</param>
/// <param name="Subject">The host, address or record.</param>
/// <param name="Evidence">What was observed, with values.</param>
/// <param name="Meaning">What it does to mail.</param>
/// <param name="Remedy">What to do, with the exact record or command.</param>
/// <param name="Rfc">The RFC section on which it is based.</param>
/// <param name="Stage">How far it has advanced, for a fault that gets worse with time alone, such as an expiry; a higher stage is notified.</param>
internal sealed record Finding(string Code, Severity Severity, string Subject, string Evidence, string Meaning, string Remedy, string Rfc, int Stage = 0)
{
    // A table property holds 64 KiB; the observation holds longer evidence in full.
    private const int MaxText = 8 * 1024;

    public string Subject { get; init => field = OneLine(value); } = OneLine(Subject);

    public string Evidence { get; init => field = OneLine(value); } = OneLine(Evidence);

    public string Remedy { get; init => field = OneLine(value); } = OneLine(Remedy);

    /// <summary>Whether its changes are notified. A finding from unauthenticated reports is stored and shown, and raises no notification.</summary>
    public bool Notifies { get; init; } = true;

    /// <summary>The basis of the finding, in the format of the source that owns it; empty for most.</summary>
    public string Basis { get; init; } = "";

    // Evidence comes from outside and goes into mails, logs and terminals.
    private static string OneLine(string text) => TextSanitizer.ToSingleLine(text.Length <= MaxText ? text : text[..(MaxText - 1)] + "…");
}

/// <summary>An open finding, since when, and the check run that opened it.</summary>
internal sealed record OpenFinding(Finding Finding, DateTimeOffset OpenedAt, string CheckRun);

/// <summary>What happened to a finding.</summary>
internal enum Change
{
    /// <summary>Observed for the first time.</summary>
    Opened,

    /// <summary>Observed before, and worse now.</summary>
    Escalated,

    /// <summary>Observed before, and gone now.</summary>
    Resolved,

    /// <summary>Reported before, and by no signer for long: it is not known whether the fault is gone.</summary>
    NoLongerReported,
}

/// <summary>Properties of changes.</summary>
internal static class ChangeExtensions
{
    /// <summary>Whether the finding is closed after this change.</summary>
    public static bool IsEnd(this Change change) => change is Change.Resolved or Change.NoLongerReported;
}

/// <summary>A change that is not notified yet; its row is in the outbox.</summary>
/// <param name="Key">The key of the outbox row: the identity of the notification.</param>
/// <param name="Change">What happened.</param>
/// <param name="Finding">The finding as it was then.</param>
/// <param name="At">When it was observed.</param>
/// <param name="SendId">The send that this notification was handed over to; null while none was tried.</param>
/// <param name="HandedOverAt">When it was handed over; null while no send was tried.</param>
/// <param name="Version">The version of the row: of two concurrent hand-overs only one succeeds.</param>
internal sealed record OutboxNotification(
    string Key, Change Change, Finding Finding, DateTimeOffset At, string? SendId, DateTimeOffset? HandedOverAt = null, string Version = "")
{
    /// <summary>The id of the change, which the audit trail contains too.</summary>
    public string Id => Key[(Key.IndexOf(':', StringComparison.Ordinal) + 1)..];
}
