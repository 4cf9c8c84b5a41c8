namespace StsFunctions.Domains;

/// <summary>A kind of finding: its stable code, and what docs/FINDINGS.md says of it. A code is never used for anything else.</summary>
/// <param name="Code">Stable and dotted: <c>mx.certificate.expiring</c>.</param>
/// <param name="Severity">How bad it is, in words: <c>by mode</c>, <c>warning, critical for the only one</c>.</param>
/// <param name="What">What was found, in a few words.</param>
/// <param name="Meaning">What it does to mail, in one sentence.</param>
/// <param name="Remedy">What to do, with the record or command; what differs from domain to domain in angle brackets.</param>
/// <param name="Rfc">The section it rests on.</param>
/// <param name="TakesThreeLooks">Whether it is a fault of the network, which may pass by itself: it opens once three looks within 15 minutes agree. Facts of certificates and DNS open at once.</param>
internal sealed record FindingKind(string Code, string Severity, string What, string Meaning, string Remedy, string Rfc, bool TakesThreeLooks = false)
{
    /// <summary>Whether its changes are notified; else they are recorded and shown alone.</summary>
    public bool Notifies { get; init; } = true;

    /// <summary>A finding of this kind.</summary>
    /// <param name="severity">What it does to mail.</param>
    /// <param name="subject">The host, address or record.</param>
    /// <param name="evidence">What was seen, with values.</param>
    /// <param name="meaning">What it does to mail here; null where the kind says all of it.</param>
    /// <param name="remedy">What to do here, with the exact record or command; null where the kind says all of it. Where a value in it is not safe to paste, the kind's own words stand in its place.</param>
    /// <param name="stage">How far on it is, for what gets worse by time alone; a higher one is told.</param>
    public Finding Found(Severity severity, string subject, string evidence, string? meaning = null, string? remedy = null, int stage = 0) =>
        new(Code, severity, subject, evidence, meaning ?? Meaning, remedy is not null && RemedyText.IsSafe(remedy, Remedy, subject) ? remedy : Remedy, Rfc, stage)
        {
            Notifies = Notifies,
        };
}
