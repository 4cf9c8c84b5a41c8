using StsFunctions.CheckDomain.Rules;
using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>What all rules found, and which could see nothing.</summary>
/// <param name="Findings">What is wrong.</param>
/// <param name="Unseen">Codes whose findings do not resolve this time.</param>
internal sealed record Judgement(IReadOnlyList<Finding> Findings, IReadOnlySet<string> Unseen)
{
    /// <summary>The rules that failed themselves, with what they threw: their findings are among the unseen, and no other rule's.</summary>
    public IReadOnlyList<string> Failed { get; init; } = [];
}

/// <summary>Asks every rule.</summary>
internal static class Judge
{
    /// <summary>Every rule there is.</summary>
    public static IReadOnlyList<IRule> Rules { get; } =
    [
        new MxLookupFailed(),
        new MxMissing(),
        new MxNull(),
        new MxNullBesideOthers(),
        new MxImplicit(),
        new MxUncovered(),
        new MxPatternUnused(),
        new MxAddressLiteral(),
        new MxAlias(),
        new MxAddressLookupFailed(),
        new MxNoAddress(),
        new MxAddressPrivate(),
        new MxUnreachable(),
        new MxUnreachableByIPv6(),
        new MxBrokenOff(),
        new MxSessionSlow(),
        new MxSessionNotObserved(),
        new MxTurnedAway(),
        new MxStartTlsMissing(),
        new MxStartTlsRefused(),
        new MxStartTlsInjected(),
        new MxStartTlsBroken(),
        new MxTlsVersion(),
        new MxTlsCipher(),
        new MxTlsOnly12(),
        new MxTlsOnly13(),
        new MxCertificateChainUnusable(),
        new MxCertificateChainLong(),
        new MxCertificateName(),
        new MxCertificateExpired(),
        new MxCertificateNotYetValid(),
        new MxCertificateExpiring(),
        new MxCertificateSelfSigned(),
        new MxCertificateIntermediateMissing(),
        new MxCertificateUntrusted(),
        new MxCertificateUsage(),
        new MxCertificateWeakKey(),
        new MxCertificateWeakSignature(),
        new MxCertificateMisordered(),
        new MxCertificateSecondBad(),
        new MxCertificatesDiffer(),
        new StsRecordLookupFailed(),
        new StsRecordMissing(),
        new StsRecordSeveral(),
        new StsRecordMalformed(),
        new StsRecordAmbiguous(),
        new StsRecordStale(),
        new TlsRptRecordLookupFailed(),
        new TlsRptRecordMissing(),
        new TlsRptRecordSeveral(),
        new TlsRptRecordMalformed(),
        new TlsRptRecordAmbiguous(),
        new TlsRptRecordElsewhere(),
        new PolicyHostLookupFailed(),
        new PolicyHostMissing(),
        new PolicyHostElsewhere(),
        new PolicyHostAddressPrivate(),
        new PolicyHostUnreachable(),
        new PolicyHostBrokenOff(),
        new PolicyHostTimedOut(),
        new PolicyHostSlow(),
        new PolicyHostTlsFailed(),
        new PolicyHostCertificate(),
        new PolicyHostCertificateExpiring(),
        new PolicyHostCaa(),
        new PolicyHostCaaLookupFailed(),
        new PolicyRedirect(),
        new PolicyStatus(),
        new PolicyServerError(),
        new PolicyMediaType(),
        new PolicyTooLarge(),
        new PolicyMalformed(),
        new PolicyDiffers(),
        new PolicyMaxAgeShort(),
        new PolicyTestingLong(),
        new PolicyNonePublished(),
        new PolicyOpportunistic(),
        new TlsaMismatch(),
        new TlsaUnusable(),
        new TlsaInsecure(),
        new TlsaLookupFailed(),
        new DmarcMissing(),
        new DmarcNone(),
    ];

    /// <summary>Every kind of finding that a check can come to, the operator's own included.</summary>
    public static IReadOnlyList<FindingKind> Kinds { get; } = [.. Rules.Select(rule => rule.Kind), .. NetworkFindings.Kinds];

    private static readonly HashSet<string> s_takeThreeLooks = [.. Kinds.Where(kind => kind.TakesThreeLooks).Select(kind => kind.Code)];

    /// <summary>Whether a code stands for a fault of the network, which may pass by itself.</summary>
    public static bool TakesThreeLooks(string code) => s_takeThreeLooks.Contains(code);

    /// <summary>What there is to say about what was seen.</summary>
    public static Judgement Of(Case given) => Of(given, Rules);

    /// <summary>The same by the rules given. What one of them throws concerns its own findings alone.</summary>
    public static Judgement Of(Case given, IReadOnlyList<IRule> rules)
    {
        var (findings, unseen, failed) = (new List<Finding>(), new HashSet<string>(), new List<string>());
        foreach (var rule in rules)
        {
            try
            {
                if (!rule.CanSee(given))
                {
                    unseen.Add(rule.Code);
                    continue;
                }

                // One by one: what a rule found before it failed is found.
                foreach (var finding in rule.Judge(given))
                {
                    findings.Add(finding);
                }

                if (!rule.SeesAll(given))
                {
                    unseen.Add(rule.Code);
                }
            }
            catch (Exception e) when (FailureIsolation.ConcernsItem(e))
            {
                unseen.Add(rule.Code);
                failed.Add($"{rule.Code}: {FailureIsolation.Describe(e)}");
            }
        }

        return new Judgement(findings, unseen) { Failed = failed };
    }
}
