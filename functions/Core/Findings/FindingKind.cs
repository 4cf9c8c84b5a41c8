using StsFunctions.Core.Text;

namespace StsFunctions.Core.Findings;

/// <summary>A kind of finding: its stable code, and its texts for docs/FINDINGS.md. A code is never used for anything else.</summary>
/// <param name="Code">Stable and dotted: <c>mx.certificate.expiring</c>.</param>
/// <param name="SeverityText">How bad it is, in words: <c>by mode</c>, <c>warning, critical if there is no other</c>.</param>
/// <param name="Title">What was found, in a few words.</param>
/// <param name="Meaning">What it does to mail.</param>
/// <param name="Remedy">What to do, with the record or command; values that differ from domain to domain are in angle brackets.</param>
/// <param name="Rfc">The RFC section on which it is based.</param>
/// <param name="RequiresConfirmation">Whether it is a fault of the network, which may pass by itself: it opens after three attempts within 15 minutes agree. Facts of certificates and DNS open at once.</param>
internal sealed record FindingKind(string Code, string SeverityText, string Title, string Meaning, string Remedy, string Rfc, bool RequiresConfirmation = false)
{
    /// <summary>Whether its changes are notified; if not, they are only stored and shown.</summary>
    public bool Notifies { get; init; } = true;

    /// <summary>A finding of this kind.</summary>
    /// <param name="severity">What it does to mail.</param>
    /// <param name="subject">The host, address or record.</param>
    /// <param name="evidence">What was observed, with values.</param>
    /// <param name="meaning">What it does to mail here; null where the text of the kind is enough.</param>
    /// <param name="remedy">What to do here, with the exact record or command; null where the text of the kind is enough. Where a value in it is not safe to paste, the text of the kind replaces it.</param>
    /// <param name="stage">How far it has advanced, for a fault that gets worse with time alone; a higher stage is notified.</param>
    public Finding Found(Severity severity, string subject, string evidence, string? meaning = null, string? remedy = null, int stage = 0) =>
        new(Code, severity, subject, evidence, meaning ?? Meaning, remedy is not null && RemedyText.IsSafe(remedy, Remedy, subject) ? remedy : Remedy, Rfc, stage)
        {
            Notifies = Notifies,
        };
}
