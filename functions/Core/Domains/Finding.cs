using Azure;

namespace StsFunctions.Domains;

/// <summary>What a finding does to mail.</summary>
internal enum Severity
{
    /// <summary>Worth knowing; no mail is at risk.</summary>
    Info,

    /// <summary>Mail will be refused, or protection is lost.</summary>
    Warning,

    /// <summary>Mail is refused now, or will be before the next look.</summary>
    Critical,
}

/// <summary>One thing that is wrong, in words to act on. Findings are an API: a code is never used for anything else.</summary>
/// <param name="Code">Stable and dotted: <c>mx.certificate.expiring</c>.</param>
/// <param name="Severity">What it does to mail.</param>
/// <param name="Subject">The host, address or record.</param>
/// <param name="Evidence">What was seen, with values.</param>
/// <param name="Meaning">What it does to mail, in one sentence.</param>
/// <param name="Remedy">What to do, with the exact record or command.</param>
/// <param name="Rfc">The section it rests on.</param>
/// <param name="Stage">How far on it is, for what gets worse by time alone, as an expiry does; going up is told.</param>
internal sealed record Finding(string Code, Severity Severity, string Subject, string Evidence, string Meaning, string Remedy, string Rfc, int Stage = 0)
{
    // A property of a table holds 64 KiB; evidence that is longer lives whole in the observation.
    private const int MaxText = 8 * 1024;

    public string Subject { get; init => field = OneLine(value); } = OneLine(Subject);

    public string Evidence { get; init => field = OneLine(value); } = OneLine(Evidence);

    public string Remedy { get; init => field = OneLine(value); } = OneLine(Remedy);

    /// <summary>Whether its changes are notified. What nobody authenticated is recorded and shown, and raises no notification.</summary>
    public bool Notifies { get; init; } = true;

    /// <summary>What it rests on, in the words of the writer that owns it; empty for most.</summary>
    public string Basis { get; init; } = "";

    // What was seen comes from outside and goes into mails, logs and terminals.
    private static string OneLine(string text) => PlainText.OneLine(text.Length <= MaxText ? text : text[..(MaxText - 1)] + "…");
}

/// <summary>A finding that stands, since when, and the round that opened it.</summary>
internal sealed record OpenFinding(Finding Finding, DateTimeOffset OpenedAt, string Round);

/// <summary>What happened to a finding.</summary>
internal enum Change
{
    /// <summary>Seen for the first time.</summary>
    Opened,

    /// <summary>Seen before, and worse now.</summary>
    Escalated,

    /// <summary>Seen before, and gone.</summary>
    Resolved,

    /// <summary>Reported before, and by nobody for long: whether it is gone is not known.</summary>
    NoLongerReported,
}

/// <summary>What changes have in common.</summary>
internal static class ChangeExtensions
{
    /// <summary>Whether the finding is no longer open after it.</summary>
    public static bool IsEnd(this Change change) => change is Change.Resolved or Change.NoLongerReported;
}

/// <summary>A change that is still to be told; its row is the outbox.</summary>
/// <param name="Key">The outbox row's key: the warning's identity.</param>
/// <param name="Change">What happened.</param>
/// <param name="Finding">The finding as it was then.</param>
/// <param name="At">When it was seen.</param>
/// <param name="SendId">The send that this warning was handed to, or null while none was tried.</param>
/// <param name="HandedOverAt">When it was; null while none was tried.</param>
/// <param name="Version">The row's version: of two who hand it over at once only one finds it.</param>
internal sealed record PendingWarning(
    string Key, Change Change, Finding Finding, DateTimeOffset At, string? SendId, DateTimeOffset? HandedOverAt = null, ETag Version = default);
