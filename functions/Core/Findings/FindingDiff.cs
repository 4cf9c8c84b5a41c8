namespace StsFunctions.Core.Findings;

/// <summary>What happened to one finding between two checks.</summary>
/// <param name="Finding">The finding as it is now, or as it last was if it is gone.</param>
/// <param name="Before">The finding as it was open before; null where it is new.</param>
/// <param name="Change">The change to notify; null where only details changed.</param>
internal sealed record FindingChange(Finding Finding, OpenFinding? Before, Change? Change);

/// <summary>
/// Compares the open findings with those of a check. Only changes are notified. Findings with the same code and subject, as texts from
/// outside may be after sanitizing, count as one: the worst of them, and of those the first.
/// </summary>
internal static class FindingDiff
{
    /// <summary>The changes, the worst first.</summary>
    /// <param name="open">The open findings.</param>
    /// <param name="found">The findings of a check.</param>
    /// <param name="inconclusive">The codes for which the check is inconclusive: none of their findings resolves.</param>
    /// <param name="noLongerReported">The codes and subjects of open findings that were not found again, and of which no signer reports that they are gone.</param>
    public static IReadOnlyList<FindingChange> Between(
        IReadOnlyList<OpenFinding> open, IReadOnlyList<Finding> found, IReadOnlySet<string> inconclusive, IReadOnlySet<(string Code, string Subject)>? noLongerReported = null)
    {
        var before = open.ToDictionary(o => (o.Finding.Code, o.Finding.Subject));
        var now = OneOfEach(found).ToDictionary(f => (f.Code, f.Subject));
        var changes = new List<FindingChange>();
        foreach (var finding in now.Values)
        {
            var standing = before.GetValueOrDefault((finding.Code, finding.Subject));
            if (standing is null || (finding.Notifies && !standing.Finding.Notifies))
            {
                changes.Add(new FindingChange(finding, standing, Change.Opened));
            }
            else if (finding.Severity > standing.Finding.Severity || (finding.Severity == standing.Finding.Severity && finding.Stage > standing.Finding.Stage))
            {
                changes.Add(new FindingChange(finding, standing, Change.Escalated));
            }
            else if (finding != standing.Finding)
            {
                changes.Add(new FindingChange(finding, standing, null));
            }
        }

        changes.AddRange(open
            .Where(o => !now.ContainsKey((o.Finding.Code, o.Finding.Subject)) && !inconclusive.Contains(o.Finding.Code))
            .Select(o => new FindingChange(o.Finding, o, noLongerReported?.Contains((o.Finding.Code, o.Finding.Subject)) == true ? Change.NoLongerReported : Change.Resolved)));
        return [.. changes.OrderByDescending(change => change.Finding.Severity)];
    }

    /// <summary>One finding for each code and subject: the worst, and of those the first.</summary>
    public static IEnumerable<Finding> OneOfEach(IEnumerable<Finding> found) => found
        .GroupBy(f => (f.Code, f.Subject))
        .Select(same => same.OrderByDescending(f => f.Severity).ThenByDescending(f => f.Stage).First());
}
