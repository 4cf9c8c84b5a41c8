using CsCheck;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Findings;
using Xunit;

namespace StsFunctions.Tests.Checks;

/// <summary>A fault of the network is told once three looks have seen it.</summary>
public sealed class TransientFaultConfirmationTests
{
    private const string Network = "mx.connection.failed";
    private const string Fact = "mx.certificate.expired";

    private static readonly Finding Warning = Of(Network, Severity.Warning);
    private static readonly Finding Critical = Of(Network, Severity.Critical);

    [Fact]
    public void A_fact_counts_at_once()
    {
        var confirmed = Confirm([], [], Of(Fact, Severity.Critical));

        Assert.Single(confirmed.Confirmed);
        Assert.Empty(confirmed.State.Pending);
    }

    [Fact]
    public void A_network_fault_counts_at_the_third_attempt()
    {
        Assert.Equal([0, 0, 1], Looks([], [Warning], [Warning], [Warning]).Select(look => look.Confirmed.Count));
        Assert.Equal([1, 2, 0], Looks([], [Warning], [Warning], [Warning]).Select(look => look.State.Pending.Sum(suspect => suspect.Confirmations)));
    }

    [Fact]
    public void A_fault_that_one_attempt_finds_twice_by_code_and_subject_is_one_observation_of_the_worst()
    {
        var look = Confirm([], [], Warning, Critical);

        Assert.Equal((1, Severity.Critical), (Assert.Single(look.State.Pending).Confirmations, look.State.Pending[0].Severity));
        Assert.Equal(2, Assert.Single(Confirm([], look.State.Pending, Warning, Critical).State.Pending).Confirmations);
    }

    [Fact]
    public void An_attempt_that_observes_it_gone_clears_it() =>
        Assert.All(Looks([], [Warning], [Warning], [], [Warning], [Warning]), look => Assert.Empty(look.Confirmed));

    [Fact]
    public void An_inconclusive_attempt_neither_confirms_nor_clears() =>
        Assert.Equal([0, 0, 0, 1], Looks([], [Warning], null, [Warning], [Warning]).Select(look => look.Confirmed.Count));

    [Fact]
    public void An_attempt_that_finds_another_fault_of_the_host_neither_confirms_nor_clears()
    {
        var suspects = Confirm([], [], Warning).State.Pending;

        var other = Attempt([Of("mx.session.rejected", Severity.Warning)], [], suspects, 2);
        var elsewhere = Attempt([Of("mx.session.rejected", Severity.Warning, "mx2.example")], [], suspects, 2);

        Assert.Equal(["mx.connection.failed 1", "mx.session.rejected 1"], other.State.Pending.Select(suspect => $"{suspect.Code} {suspect.Confirmations}").Order());
        Assert.Equal(["mx.session.rejected 1"], elsewhere.State.Pending.Select(suspect => $"{suspect.Code} {suspect.Confirmations}"));
    }

    [Fact]
    public void An_open_finding_stays_open_and_can_improve_at_once()
    {
        Assert.Equal([Warning], Confirm([Warning], [], Warning).Confirmed);
        Assert.Equal([Warning], Confirm([Critical], [], Warning).Confirmed);
    }

    [Fact]
    public void An_open_finding_gets_worse_after_three_attempts_observed_it_worse()
    {
        var looks = Looks([Warning], [Critical], [Critical], [Critical]);

        Assert.Equal([Severity.Warning, Severity.Warning, Severity.Critical], looks.Select(look => Assert.Single(look.Confirmed).Severity));
    }

    [Fact]
    public void The_severity_is_no_higher_than_every_attempt_observed() =>
        Assert.Equal(Severity.Warning, Assert.Single(Looks([], [Critical], [Warning], [Critical])[^1].Confirmed).Severity);

    [Fact]
    public void The_same_attempt_again_does_not_confirm()
    {
        var first = Confirm([], [], Warning);

        var again = Attempt([Warning], [], first.State.Pending, 1);
        var next = Attempt([Warning], [], again.State.Pending, 2);

        Assert.Equal((1, 2), (Assert.Single(again.State.Pending).Confirmations, Assert.Single(next.State.Pending).Confirmations));
    }

    [Fact]
    public void Pending_findings_are_bounded_and_the_worst_stay()
    {
        var many = Enumerable.Range(0, 500).Select(n => Of(Network, n == 400 ? Severity.Critical : Severity.Warning, $"mx{n}.example")).ToArray();

        var suspects = Confirm([], [], many).State.Pending;

        Assert.Equal(100, suspects.Count);
        Assert.Equal("mx400.example", suspects[0].Subject);
        Assert.InRange(PendingFinding.ToText(suspects)!.Length, 1, 32 * 1024);
    }

    [Fact]
    public void A_network_fault_that_fewer_than_three_attempts_observed_is_not_notified() => Gen.Int[0, 3].Array[1, 5].Sample(seen =>
    {
        // 0: well, 1: a warning, 2: critical, 3: nothing to be seen.
        var looks = Looks([], [.. seen.Select(what => what switch { 1 => [Warning], 2 => [Critical], 3 => null, _ => (Finding[])[] })]);
        var told = looks.Select(look => look.Confirmed.Count).ToList();
        var sightings = 0;
        for (var i = 0; i < seen.Length; i++)
        {
            sightings = seen[i] switch { 0 => 0, 3 => sightings, _ => sightings + 1 };
            Assert.Equal(seen[i] is 1 or 2 && sightings >= CheckRunState.RequiredConfirmations, told[i] == 1);
        }
    });

    [Fact]
    public void Pending_findings_survive_a_round_trip_through_their_stored_text()
    {
        IReadOnlyList<PendingFinding> suspects = [new(Network, "mx.example", Severity.Critical, 2, 3), new(Network, "[::1] \"x\"", Severity.Info, 1, 1)];

        Assert.Equal(suspects, PendingFinding.FromText(PendingFinding.ToText(suspects)));
        Assert.Null(PendingFinding.ToText([]));
        Assert.Empty(PendingFinding.FromText(null));
    }

    // Null stands for a look that could not see.
    private static List<CheckRunOutcome> Looks(Finding[] open, params Finding[]?[] looks)
    {
        var all = new List<CheckRunOutcome>();
        IReadOnlyList<PendingFinding> suspects = [];
        foreach (var found in looks)
        {
            var confirmed = Attempt(found ?? [], open, suspects, all.Count + 1, found is null ? [Network] : []);
            all.Add(confirmed);
            // What was told stands from then on.
            suspects = confirmed.Confirmed.Count > open.Length ? [new PendingFinding(Network, Warning.Subject, Severity.Info, CheckRunState.RequiredConfirmations, all.Count)] : confirmed.State.Pending;
        }

        return all;
    }

    private static CheckRunOutcome Confirm(Finding[] open, IReadOnlyList<PendingFinding> suspects, params Finding[] found) =>
        Attempt(found, open, suspects, suspects.Count == 0 ? 1 : 2);

    private static CheckRunOutcome Attempt(IReadOnlyList<Finding> found, Finding[] open, IReadOnlyList<PendingFinding> pending, int attempt, params string[] inconclusive) =>
        new CheckRunState("1", attempt - 1) { Pending = pending }.On(
            new AttemptObserved(new CheckRunDecision.StartAttempt("1", attempt, IsRecheck: true), TestStorage.Noon, TestStorage.Noon)
            {
                Findings = found,
                Open = open,
                Inconclusive = inconclusive.ToHashSet(),
            },
            new CheckRunRules(TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), code => code != Fact));

    private static Finding Of(string code, Severity severity, string subject = "mx.example") => new(code, severity, subject, "seen", "Meaning.", "Remedy.", "RFC 8461 §4");
}
