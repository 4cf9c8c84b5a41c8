using CsCheck;
using StsFunctions.Core.Findings;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class FindingDiffTests
{
    private static readonly HashSet<string> AllObserved = [];

    // Before, now (i, w, c: the severity; - is none), whether the check could observe it; what is notified, and whether the row changes.
    [Theory]
    [InlineData("-", "-", true, null, false)]
    [InlineData("-", "w", true, "Opened", true)]
    [InlineData("w", "w", true, null, false)]
    [InlineData("i", "w", true, "Escalated", true)]
    [InlineData("w", "c", true, "Escalated", true)]
    [InlineData("c", "w", true, null, true)]
    [InlineData("w", "-", true, "Resolved", true)]
    [InlineData("w", "-", false, null, false)]
    [InlineData("-", "c", false, "Opened", true)]
    [InlineData("i", "c", false, "Escalated", true)]
    public void Only_changes_are_notified(string before, string now, bool isObserved, string? notified, bool changed)
    {
        var open = Of(before).Select(f => new OpenFinding(f, TestStorage.Noon, "1")).ToList();

        var changes = FindingDiff.Between(open, Of(now), isObserved ? AllObserved : ["mx.starttls.missing"]);

        Assert.Equal(changed ? 1 : 0, changes.Count);
        Assert.Equal(notified, changes.SingleOrDefault()?.Change?.ToString());
    }

    [Fact]
    public void New_evidence_is_stored_and_not_notified()
    {
        var (old, young) = (Finding("a", Severity.Warning), Finding("a", Severity.Warning) with { Evidence = "another" });

        var change = Assert.Single(FindingDiff.Between([new OpenFinding(old, TestStorage.Noon, "1")], [young], AllObserved));

        Assert.Null(change.Change);
        Assert.Equal("another", change.Finding.Evidence);
    }

    [Fact]
    public void Findings_that_differ_only_in_unsafe_characters_are_one_and_the_worst_counts()
    {
        var found = (IReadOnlyList<Finding>)[Finding("😀", Severity.Info), Finding("😁", Severity.Critical), Finding("\u202e\u200b", Severity.Warning)];

        var opened = Assert.Single(FindingDiff.Between([], found, AllObserved));

        Assert.Equal((Change.Opened, "??", Severity.Critical), (opened.Change, opened.Finding.Subject, opened.Finding.Severity));
        Assert.Empty(FindingDiff.Between([new OpenFinding(opened.Finding, TestStorage.Noon, "1")], found, AllObserved));
    }

    [Fact]
    public void The_later_stage_of_two_equal_findings_of_one_subject_counts_and_then_the_first()
    {
        var found = (IReadOnlyList<Finding>)[Finding("a", Severity.Info), Finding("a", Severity.Info) with { Stage = 1, Evidence = "first" }, Finding("a", Severity.Info) with { Stage = 1, Evidence = "second" }];

        Assert.Equal("first", Assert.Single(FindingDiff.Between([], found, AllObserved)).Finding.Evidence);
    }

    [Fact]
    public void The_worst_is_first()
    {
        var changes = FindingDiff.Between([], [Finding("a", Severity.Info), Finding("b", Severity.Critical), Finding("c", Severity.Warning)], AllObserved);

        Assert.Equal(["b", "c", "a"], changes.Select(change => change.Finding.Subject));
    }

    [Fact]
    public void A_recorded_finding_is_no_change_the_next_time()
    {
        var findings = Gen.Select(Gen.Int[0, 9], Gen.Enum<Severity>(), (n, severity) => Finding($"mx{n}.example", severity)).List[0, 12]
            .Select(list => list.DistinctBy(f => f.Subject).ToList());
        Gen.Select(findings, findings).Sample((before, now) =>
        {
            var open = before.Select(f => new OpenFinding(f, TestStorage.Noon, "1")).ToDictionary(o => o.Finding.Subject);
            foreach (var change in FindingDiff.Between([.. open.Values], now, AllObserved))
            {
                if (change.Change == Change.Resolved)
                {
                    open.Remove(change.Finding.Subject);
                }
                else
                {
                    open[change.Finding.Subject] = new OpenFinding(change.Finding, TestStorage.Noon, "2");
                }
            }

            Assert.Equal(now.OrderBy(f => f.Subject), open.Values.Select(o => o.Finding).OrderBy(f => f.Subject));
            Assert.Empty(FindingDiff.Between([.. open.Values], now, AllObserved));
        }, iter: 2_000);
    }

    private static List<Finding> Of(string letter) => letter switch
    {
        "i" => [Finding("mx.example", Severity.Info)],
        "w" => [Finding("mx.example", Severity.Warning)],
        "c" => [Finding("mx.example", Severity.Critical)],
        _ => [],
    };

    private static Finding Finding(string subject, Severity severity) => new("mx.starttls.missing", severity, subject, "observed", "meaning", "remedy", "RFC 8461");
}
