using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;

namespace StsFunctions.Core.Rules;

/// <summary>The findings of all rules, and the rules that are inconclusive.</summary>
/// <param name="Findings">What is wrong.</param>
/// <param name="Inconclusive">Codes whose findings do not resolve this time.</param>
internal sealed record RuleResults(IReadOnlyList<Finding> Findings, IReadOnlySet<string> Inconclusive)
{
    /// <summary>The rules that failed themselves, with what they threw: only their own codes are inconclusive for it.</summary>
    public IReadOnlyList<string> Failed { get; init; } = [];
}

/// <summary>Evaluates every rule.</summary>
internal static class RuleEngine
{
    /// <summary>Every rule there is.</summary>
    public static IReadOnlyList<IRule> Rules { get; } =
    [
        new MxLookupFailed(),
        new MxMissing(),
        new MxNull(),
        new MxNullNotAlone(),
        new MxImplicit(),
        new MxPolicyMismatch(),
        new MxPatternUnused(),
        new MxAddressLiteral(),
        new MxAlias(),
        new MxAddressLookupFailed(),
        new MxNoAddress(),
        new MxAddressPrivate(),
        new MxUnreachable(),
        new MxUnreachableByIPv6(),
        new MxSessionDropped(),
        new MxSessionSlow(),
        new MxSessionNotObserved(),
        new MxSessionRejected(),
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
        new MxCertificateAlternate(),
        new MxCertificatesDiffer(),
        new StsRecordLookupFailed(),
        new StsRecordMissing(),
        new StsRecordMultiple(),
        new StsRecordMalformed(),
        new StsRecordAmbiguous(),
        new StsRecordStale(),
        new TlsRptRecordLookupFailed(),
        new TlsRptRecordMissing(),
        new TlsRptRecordMultiple(),
        new TlsRptRecordMalformed(),
        new TlsRptRecordAmbiguous(),
        new TlsRptRecordForeign(),
        new PolicyHostLookupFailed(),
        new PolicyHostMissing(),
        new PolicyHostForeign(),
        new PolicyHostAddressPrivate(),
        new PolicyHostUnreachable(),
        new PolicyHostConnectionDropped(),
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

    /// <summary>Every kind of finding that a check can have, those for the operator included.</summary>
    public static IReadOnlyList<FindingKind> Kinds { get; } = [.. Rules.Select(rule => rule.Kind), .. NetworkFindings.Kinds];

    private static readonly HashSet<string> RequireConfirmation = [.. Kinds.Where(kind => kind.RequiresConfirmation).Select(kind => kind.Code)];

    /// <summary>Whether a code is that of a network fault, which may pass by itself.</summary>
    public static bool RequiresConfirmation(string code) => RequireConfirmation.Contains(code);

    /// <summary>Evaluates an observation by every rule.</summary>
    public static RuleResults Evaluate(RuleContext context) => Evaluate(context, Rules);

    /// <summary>Evaluates an observation by the given rules. What one of them throws concerns its own findings alone.</summary>
    public static RuleResults Evaluate(RuleContext context, IReadOnlyList<IRule> rules)
    {
        var (findings, inconclusive, failed) = (new List<Finding>(), new HashSet<string>(), new List<string>());
        foreach (var rule in rules)
        {
            try
            {
                if (!rule.IsApplicable(context))
                {
                    inconclusive.Add(rule.Code);
                    continue;
                }

                // One by one, so that a finding counts even if the rule fails after it.
                foreach (var finding in rule.Evaluate(context))
                {
                    findings.Add(finding);
                }

                if (!rule.IsConclusive(context))
                {
                    inconclusive.Add(rule.Code);
                }
            }
            catch (Exception e) when (FailureIsolation.ConcernsItem(e))
            {
                inconclusive.Add(rule.Code);
                failed.Add($"{rule.Code}: {FailureIsolation.Describe(e)}");
            }
        }

        return new RuleResults(findings, inconclusive) { Failed = failed };
    }
}
