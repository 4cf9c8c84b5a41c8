using StsFunctions.Core.Findings;

namespace StsFunctions.Core.Rules;

/// <summary>What the rules about DMARC share.</summary>
internal static class Dmarc
{
    private const string Version = "v=DMARC1";

    /// <summary>The policy that receivers apply to the domain; null where there is no record, or more than one (RFC 7489 §6.6.3).</summary>
    public static string? PolicyOf(RuleContext context)
    {
        var answer = context.Observation.Dmarc;
        var records = answer.Records.Where(record => record.Split(';', 2)[0].TrimEnd() == Version).ToList();
        if (records is not [var only])
        {
            return null;
        }

        var tags = only.Split(';').Skip(1).Select(tag => tag.Split('=', 2)).Where(pair => pair.Length == 2)
            .ToLookup(pair => pair[0].Trim(), pair => pair[1].Trim(), StringComparer.OrdinalIgnoreCase);
        // A parent domain's record has a tag of its own for its subdomains (sp, RFC 7489 §6.3).
        var isParents = !answer.Name.Equals($"_dmarc.{context.Observation.Domain}", StringComparison.OrdinalIgnoreCase);
        return (isParents ? tags["sp"].FirstOrDefault() : null) ?? tags["p"].FirstOrDefault() ?? "none";
    }
}

/// <summary>No DMARC policy says what receivers should do with forged mail.</summary>
internal sealed class DmarcMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "dmarc.record.missing", "info", "no DMARC record, or more than one",
        "MTA-STS protects mail to the domain. Without DMARC, receivers do not know what to do with mail that falsely claims to come from the domain.",
        "Publish exactly one record, at first: _dmarc.<domain>. TXT \"v=DMARC1; p=none; rua=mailto:<mailbox>\"",
        "RFC 7489 §6.3, §6.6.3");

    public bool IsApplicable(RuleContext context) => context.Observation.Dmarc.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        if (Dmarc.PolicyOf(context) is null)
        {
            yield return Kind.Found(
                Severity.Info, $"_dmarc.{context.Observation.Domain}", TxtRecords.Describe(context.Observation.Dmarc),
                remedy: $"Publish exactly one record, at first: _dmarc.{context.Observation.Domain}. TXT \"v=DMARC1; p=none; rua=mailto:<mailbox>\"");
        }
    }
}

/// <summary>DMARC with p=none.</summary>
internal sealed class DmarcNone : IRule
{
    public FindingKind Kind { get; } = new(
        "dmarc.policy.none", "info", "a DMARC record with p=none",
        "Receivers are not asked to reject or quarantine mail that falsely claims to come from the domain; at most they report it.",
        "After the reports show that your own mail passes, publish: _dmarc.<domain>. TXT \"v=DMARC1; p=quarantine; rua=mailto:<mailbox>\", and later p=reject.",
        "RFC 7489 §6.3");

    public bool IsApplicable(RuleContext context) => context.Observation.Dmarc.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        if (Dmarc.PolicyOf(context) is { } policy && policy.Equals("none", StringComparison.OrdinalIgnoreCase))
        {
            yield return Kind.Found(Severity.Info, $"_dmarc.{context.Observation.Domain}", $"{context.Observation.Dmarc.Name}: {TxtRecords.Describe(context.Observation.Dmarc)}");
        }
    }
}
