using StsFunctions.CheckDomain.Rules;
using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>What all rules found, and which could see nothing.</summary>
/// <param name="Findings">What is wrong.</param>
/// <param name="Unseen">Codes whose findings do not resolve this time.</param>
internal sealed record Judgement(IReadOnlyList<Finding> Findings, IReadOnlySet<string> Unseen);

/// <summary>Asks every rule.</summary>
internal static class Judge
{
    /// <summary>Every rule there is.</summary>
    public static IReadOnlyList<IRule> Rules { get; } =
    [
        new MxLookupFailed(),
        new MxNull(),
        new MxMissing(),
        new MxImplicit(),
        new MxUncovered(),
        new MxAlias(),
        new MxNoAddress(),
        new MxUnreachable(),
        new MxTurnedAway(),
        new MxStartTlsMissing(),
        new MxStartTlsBroken(),
        new MxTlsVersion(),
        new MxCertificateName(),
        new MxCertificateExpired(),
        new MxCertificateNotYetValid(),
        new MxCertificateExpiring(),
        new MxCertificateUntrusted(),
        new StsRecordMissing(),
        new StsRecordInvalid(),
        new StsRecordAmbiguous(),
        new StsRecordStale(),
        new TlsRptRecordMissing(),
    ];

    /// <summary>Whether a code stands for a fault of the network, which may pass by itself.</summary>
    public static bool TakesThreeLooks(string code) =>
        code is "mx.lookup.failed" or "mx.unreachable" or "mx.turned-away" or "mx.starttls.missing" or "mx.starttls.broken" or "mx.tls.version";

    public static Judgement Of(Case given) => new(
        [.. Rules.Where(rule => rule.CanSee(given)).SelectMany(rule => rule.Judge(given))],
        Rules.Where(rule => !rule.CanSee(given) || !rule.SeesAll(given)).Select(rule => rule.Code).ToHashSet());
}
