using CsCheck;
using StsFunctions.CheckDomain;
using StsFunctions.Domains;
using Xunit;

namespace StsFunctions.Tests.CheckDomain;

/// <summary>A fault of the network is told once three looks have seen it.</summary>
public sealed class ConfirmationTests
{
    private const string Network = "mx.unreachable";
    private const string Fact = "mx.certificate.expired";

    private static readonly Finding Warning = Of(Network, Severity.Warning);
    private static readonly Finding Critical = Of(Network, Severity.Critical);

    [Fact]
    public void A_fact_counts_at_once()
    {
        var confirmed = Confirm([], [], Of(Fact, Severity.Critical));

        Assert.Single(confirmed.Findings);
        Assert.Empty(confirmed.Suspects);
    }

    [Fact]
    public void A_fault_of_the_network_counts_at_the_third_look()
    {
        Assert.Equal([0, 0, 1], Looks([], [Warning], [Warning], [Warning]).Select(look => look.Findings.Count));
        Assert.Equal([1, 2, 0], Looks([], [Warning], [Warning], [Warning]).Select(look => look.Suspects.Sum(suspect => suspect.Looks)));
    }

    [Fact]
    public void What_one_look_finds_twice_by_code_and_subject_is_one_sighting_of_the_worst()
    {
        var look = Confirm([], [], Warning, Critical);

        Assert.Equal((1, Severity.Critical), (Assert.Single(look.Suspects).Looks, look.Suspects[0].Severity));
        Assert.Equal(2, Assert.Single(Confirm([], look.Suspects, Warning, Critical).Suspects).Looks);
    }

    [Fact]
    public void A_look_that_sees_it_gone_clears_it() =>
        Assert.All(Looks([], [Warning], [Warning], [], [Warning], [Warning]), look => Assert.Empty(look.Findings));

    [Fact]
    public void A_look_that_sees_nothing_neither_counts_nor_clears() =>
        Assert.Equal([0, 0, 0, 1], Looks([], [Warning], null, [Warning], [Warning]).Select(look => look.Findings.Count));

    [Fact]
    public void A_look_at_which_the_host_is_ill_in_another_way_neither_counts_nor_clears()
    {
        var suspects = Confirm([], [], Warning).Suspects;

        var other = Confirmation.Of(new Judgement([Of("mx.turned-away", Severity.Warning)], new HashSet<string>()), [], suspects, 2, code => code != Fact);
        var elsewhere = Confirmation.Of(new Judgement([Of("mx.turned-away", Severity.Warning, "mx2.example")], new HashSet<string>()), [], suspects, 2, code => code != Fact);

        Assert.Equal(["mx.turned-away 1", "mx.unreachable 1"], other.Suspects.Select(suspect => $"{suspect.Code} {suspect.Looks}").Order());
        Assert.Equal(["mx.turned-away 1"], elsewhere.Suspects.Select(suspect => $"{suspect.Code} {suspect.Looks}"));
    }

    [Fact]
    public void What_stands_open_goes_on_standing_and_may_get_better_at_once()
    {
        Assert.Equal([Warning], Confirm([Warning], [], Warning).Findings);
        Assert.Equal([Warning], Confirm([Critical], [], Warning).Findings);
    }

    [Fact]
    public void What_stands_open_gets_worse_once_three_looks_saw_it_worse()
    {
        var looks = Looks([Warning], [Critical], [Critical], [Critical]);

        Assert.Equal([Severity.Warning, Severity.Warning, Severity.Critical], looks.Select(look => Assert.Single(look.Findings).Severity));
    }

    [Fact]
    public void No_more_is_told_than_every_look_saw() =>
        Assert.Equal(Severity.Warning, Assert.Single(Looks([], [Critical], [Warning], [Critical])[^1].Findings).Severity);

    [Fact]
    public void The_same_look_read_again_is_no_second_one()
    {
        var first = Confirm([], [], Warning);

        var again = Confirmation.Of(new Judgement([Warning], new HashSet<string>()), [], first.Suspects, look: 1, code => code == Network);
        var next = Confirmation.Of(new Judgement([Warning], new HashSet<string>()), [], again.Suspects, look: 2, code => code == Network);

        Assert.Equal((1, 2), (Assert.Single(again.Suspects).Looks, Assert.Single(next.Suspects).Looks));
    }

    [Fact]
    public void Suspects_are_bounded_and_the_worst_stay()
    {
        var many = Enumerable.Range(0, 500).Select(n => Of(Network, n == 400 ? Severity.Critical : Severity.Warning, $"mx{n}.example")).ToArray();

        var suspects = Confirm([], [], many).Suspects;

        Assert.Equal(100, suspects.Count);
        Assert.Equal("mx400.example", suspects[0].Subject);
        Assert.InRange(Suspect.ToText(suspects)!.Length, 1, 32 * 1024);
    }

    [Fact]
    public void Nothing_of_the_network_is_told_that_fewer_than_three_looks_saw() => Gen.Int[0, 3].Array[1, 5].Sample(seen =>
    {
        // 0: well, 1: a warning, 2: critical, 3: nothing to be seen.
        var looks = Looks([], [.. seen.Select(what => what switch { 1 => [Warning], 2 => [Critical], 3 => null, _ => (Finding[])[] })]);
        var told = looks.Select(look => look.Findings.Count).ToList();
        var sightings = 0;
        for (var i = 0; i < seen.Length; i++)
        {
            sightings = seen[i] switch { 0 => 0, 3 => sightings, _ => sightings + 1 };
            Assert.Equal(seen[i] is 1 or 2 && sightings >= Confirmation.Sightings, told[i] == 1);
        }
    });

    [Fact]
    public void Suspects_come_back_out_of_the_text_that_they_are_kept_as()
    {
        IReadOnlyList<Suspect> suspects = [new(Network, "mx.example", Severity.Critical, 2, 3), new(Network, "[::1] \"x\"", Severity.Info, 1, 1)];

        Assert.Equal(suspects, Suspect.FromText(Suspect.ToText(suspects)));
        Assert.Null(Suspect.ToText([]));
        Assert.Empty(Suspect.FromText(null));
    }

    // Null stands for a look that could not see.
    private static List<Confirmation> Looks(Finding[] open, params Finding[]?[] looks)
    {
        var all = new List<Confirmation>();
        IReadOnlyList<Suspect> suspects = [];
        foreach (var found in looks)
        {
            var confirmed = Confirmation.Of(
                new Judgement(found ?? [], new HashSet<string>(found is null ? [Network] : [])), [.. open.Select(Opened)], suspects, all.Count + 1, code => code == Network);
            all.Add(confirmed);
            // What was told stands from then on.
            suspects = confirmed.Findings.Count > open.Length ? [new Suspect(Network, Warning.Subject, Severity.Info, Confirmation.Sightings, all.Count)] : confirmed.Suspects;
        }

        return all;
    }

    private static Confirmation Confirm(Finding[] open, IReadOnlyList<Suspect> suspects, params Finding[] found) =>
        Confirmation.Of(new Judgement(found, new HashSet<string>()), [.. open.Select(Opened)], suspects, suspects.Count == 0 ? 1 : 2, code => code == Network);

    private static OpenFinding Opened(Finding finding) => new(finding, TestStorage.Noon, "1");

    private static Finding Of(string code, Severity severity, string subject = "mx.example") => new(code, severity, subject, "seen", "Meaning.", "Remedy.", "RFC 8461 §4");
}
