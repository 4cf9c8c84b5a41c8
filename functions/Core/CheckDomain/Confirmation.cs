using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>
/// What of a look's findings is told now. Facts of certificates and DNS count at once; a fault of the network may pass by
/// itself, so it counts once three looks of a round have seen it, and a look that sees it gone clears it.
/// </summary>
/// <param name="Findings">What counts now.</param>
/// <param name="Suspects">What another look is to confirm.</param>
internal sealed record Confirmation(IReadOnlyList<Finding> Findings, IReadOnlyList<Suspect> Suspects)
{
    /// <summary>How many looks must see a fault of the network.</summary>
    public const int Sightings = 3;

    /// <summary>The most looks in a round: one of the three may itself fail to see anything, and another after it.</summary>
    public const int MostLooks = 5;

    /// <summary>Whether the round takes another look.</summary>
    /// <param name="look">Which look this was.</param>
    /// <param name="isBlurred">Whether it could not see everything, as DNS failed: what it missed may be a fault.</param>
    public bool TakesAnother(int look, bool isBlurred) => (Suspects.Count > 0 && look < MostLooks) || (isBlurred && look < Sightings);

    // A hostile domain has a great many hosts; a property of a row holds 64 KiB.
    private const int MaxSuspects = 100;

    /// <summary>Holds a look's findings against what stands open and what earlier looks of the round suspected.</summary>
    /// <param name="judgement">What the look found, and what it could not see.</param>
    /// <param name="open">What stands open.</param>
    /// <param name="suspects">What the round's earlier looks saw.</param>
    /// <param name="look">Which look of the round it is.</param>
    /// <param name="takesThreeLooks">Whether a code stands for a fault of the network.</param>
    public static Confirmation Of(
        Judgement judgement, IReadOnlyList<OpenFinding> open, IReadOnlyList<Suspect> suspects, int look, Func<string, bool> takesThreeLooks)
    {
        var before = suspects.ToDictionary(suspect => (suspect.Code, suspect.Subject));
        var standing = open.ToDictionary(o => (o.Finding.Code, o.Finding.Subject), o => o.Finding);
        var counted = new List<Finding>();
        var suspected = new List<Suspect>();
        foreach (var finding in FindingChanges.OneOfEach(judgement.Findings))
        {
            var (known, key) = (standing.GetValueOrDefault((finding.Code, finding.Subject)), (finding.Code, finding.Subject));
            if (!takesThreeLooks(finding.Code) || finding.Severity <= known?.Severity)
            {
                counted.Add(finding);
                continue;
            }

            var suspect = Seen(finding, before.GetValueOrDefault(key), look);
            if (suspect.Looks >= Sightings)
            {
                counted.Add(finding with { Severity = suspect.Severity });
                continue;
            }

            suspected.Add(suspect);
            if (known is not null)
            {
                // Worse than it stood, and not yet sure to be: it stands as it did.
                counted.Add(finding with { Severity = known.Severity });
            }
        }

        // Neither seen again nor seen to be gone: nothing was to be seen, or the same host was ill in another way.
        var found = judgement.Findings.Select(finding => (finding.Code, finding.Subject)).ToHashSet();
        var ill = judgement.Findings.Where(finding => takesThreeLooks(finding.Code)).Select(finding => finding.Subject).ToHashSet();
        suspected.AddRange(suspects.Where(suspect =>
            !found.Contains((suspect.Code, suspect.Subject)) && (judgement.Unseen.Contains(suspect.Code) || ill.Contains(suspect.Subject))));
        return new Confirmation(counted, [.. suspected.OrderByDescending(suspect => suspect.Severity).ThenByDescending(suspect => suspect.Looks).Take(MaxSuspects)]);
    }

    private static Suspect Seen(Finding finding, Suspect? before, int look) => new(
        finding.Code,
        finding.Subject,
        before is null || finding.Severity < before.Severity ? finding.Severity : before.Severity,
        (before?.Looks ?? 0) + (before?.LastLook == look ? 0 : 1),
        look);
}
