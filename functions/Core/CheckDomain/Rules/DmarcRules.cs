using StsFunctions.Domains;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>What the rules about DMARC share.</summary>
internal static class Dmarc
{
    private const string Version = "v=DMARC1";

    /// <summary>The policy that receivers apply to the domain; null where there is none, or more than one record (RFC 7489 §6.6.3).</summary>
    public static string? PolicyOf(Case given)
    {
        var answer = given.Seen.Dmarc;
        var records = answer.Records.Where(record => record.Split(';', 2)[0].TrimEnd() == Version).ToList();
        if (records is not [var only])
        {
            return null;
        }

        var tags = only.Split(';').Skip(1).Select(tag => tag.Split('=', 2)).Where(pair => pair.Length == 2)
            .ToLookup(pair => pair[0].Trim(), pair => pair[1].Trim(), StringComparer.OrdinalIgnoreCase);
        // A parent's record has a word of its own for what is below it.
        var isParents = !answer.Name.Equals($"_dmarc.{given.Seen.Domain}", StringComparison.OrdinalIgnoreCase);
        return (isParents ? tags["sp"].FirstOrDefault() : null) ?? tags["p"].FirstOrDefault() ?? "none";
    }
}

/// <summary>Nobody is told what to do with forged mail.</summary>
internal sealed class DmarcMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "dmarc.missing", "info", "no DMARC record, or more than one",
        "MTA-STS protects mail to the domain; receivers are not told what to do with mail that only claims to come from it.",
        "Publish exactly one, to begin with: _dmarc.<domain>. TXT \"v=DMARC1; p=none; rua=mailto:<mailbox>\"",
        "RFC 7489 §6.3, §6.6.3");

    public bool CanSee(Case given) => given.Seen.Dmarc.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        if (Dmarc.PolicyOf(given) is null)
        {
            yield return Kind.Found(
                Severity.Info, $"_dmarc.{given.Seen.Domain}", TxtRecords.Shown(given.Seen.Dmarc),
                remedy: $"Publish exactly one, to begin with: _dmarc.{given.Seen.Domain}. TXT \"v=DMARC1; p=none; rua=mailto:<mailbox>\"");
        }
    }
}

/// <summary>DMARC that only watches.</summary>
internal sealed class DmarcNone : IRule
{
    public FindingKind Kind { get; } = new(
        "dmarc.none", "info", "a DMARC record with p=none",
        "Receivers deliver mail that only claims to come from the domain, and at most report it.",
        "Once the reports show that your own mail passes: _dmarc.<domain>. TXT \"v=DMARC1; p=quarantine; rua=mailto:<mailbox>\", and later p=reject.",
        "RFC 7489 §6.3");

    public bool CanSee(Case given) => given.Seen.Dmarc.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        if (Dmarc.PolicyOf(given) is { } policy && policy.Equals("none", StringComparison.OrdinalIgnoreCase))
        {
            yield return Kind.Found(Severity.Info, $"_dmarc.{given.Seen.Domain}", $"{given.Seen.Dmarc.Name}: {TxtRecords.Shown(given.Seen.Dmarc)}");
        }
    }
}
