namespace StsFunctions.Domains;

/// <summary>What happened to one finding between two looks.</summary>
/// <param name="Finding">As it is now; as it last was where it is gone.</param>
/// <param name="Before">As it stood; null where it is new.</param>
/// <param name="Change">What to tell; null where only its details changed.</param>
internal sealed record FindingChange(Finding Finding, OpenFinding? Before, Change? Change);

/// <summary>
/// Compares what stands open with what was found. Only changes are told. What was found twice by code and subject, as texts from
/// outside may be once they are made plain, is one finding: the worst of them, and of those the first.
/// </summary>
internal static class FindingChanges
{
    /// <summary>The changes, the worst first.</summary>
    /// <param name="open">What stands open.</param>
    /// <param name="found">What a look found.</param>
    /// <param name="unseen">Codes that the look could not see: nothing of them resolves.</param>
    /// <param name="noLongerReported">Of what is open and was not found, the codes and subjects that nobody says are gone.</param>
    public static IReadOnlyList<FindingChange> Between(
        IReadOnlyList<OpenFinding> open, IReadOnlyList<Finding> found, IReadOnlySet<string> unseen, IReadOnlySet<(string Code, string Subject)>? noLongerReported = null)
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
            .Where(o => !now.ContainsKey((o.Finding.Code, o.Finding.Subject)) && !unseen.Contains(o.Finding.Code))
            .Select(o => new FindingChange(o.Finding, o, noLongerReported?.Contains((o.Finding.Code, o.Finding.Subject)) == true ? Change.NoLongerReported : Change.Resolved)));
        return [.. changes.OrderByDescending(change => change.Finding.Severity)];
    }

    /// <summary>Of what was found twice by code and subject the worst, and of those the first.</summary>
    public static IEnumerable<Finding> OneOfEach(IEnumerable<Finding> found) => found
        .GroupBy(f => (f.Code, f.Subject))
        .Select(same => same.OrderByDescending(f => f.Severity).ThenByDescending(f => f.Stage).First());
}
