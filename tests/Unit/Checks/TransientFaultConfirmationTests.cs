using CsCheck;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Findings;
using Xunit;

namespace StsFunctions.Tests.Checks;

/// <summary>A network fault is confirmed once three attempts have observed it.</summary>
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
        Assert.Equal([0, 0, 1], Attempts([], [Warning], [Warning], [Warning]).Select(attempt => attempt.Confirmed.Count));
        Assert.Equal([1, 2, 0], Attempts([], [Warning], [Warning], [Warning]).Select(attempt => attempt.State.Pending.Sum(finding => finding.Confirmations)));
    }

    [Fact]
    public void A_fault_that_one_attempt_finds_twice_by_code_and_subject_is_one_observation_of_the_worst()
    {
        var attempt = Confirm([], [], Warning, Critical);

        Assert.Equal((1, Severity.Critical), (Assert.Single(attempt.State.Pending).Confirmations, attempt.State.Pending[0].Severity));
        Assert.Equal(2, Assert.Single(Confirm([], attempt.State.Pending, Warning, Critical).State.Pending).Confirmations);
    }

    [Fact]
    public void An_attempt_that_observes_it_gone_clears_it() =>
        Assert.All(Attempts([], [Warning], [Warning], [], [Warning], [Warning]), attempt => Assert.Empty(attempt.Confirmed));

    [Fact]
    public void An_inconclusive_attempt_neither_confirms_nor_clears() =>
        Assert.Equal([0, 0, 0, 1], Attempts([], [Warning], null, [Warning], [Warning]).Select(attempt => attempt.Confirmed.Count));

    [Fact]
    public void An_attempt_that_finds_another_fault_of_the_host_neither_confirms_nor_clears()
    {
        var pending = Confirm([], [], Warning).State.Pending;

        var other = Attempt([Of("mx.session.rejected", Severity.Warning)], [], pending, 2);
        var elsewhere = Attempt([Of("mx.session.rejected", Severity.Warning, "mx2.example")], [], pending, 2);

        Assert.Equal(["mx.connection.failed 1", "mx.session.rejected 1"], other.State.Pending.Select(finding => $"{finding.Code} {finding.Confirmations}").Order());
        Assert.Equal(["mx.session.rejected 1"], elsewhere.State.Pending.Select(finding => $"{finding.Code} {finding.Confirmations}"));
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
        var attempts = Attempts([Warning], [Critical], [Critical], [Critical]);

        Assert.Equal([Severity.Warning, Severity.Warning, Severity.Critical], attempts.Select(attempt => Assert.Single(attempt.Confirmed).Severity));
    }

    [Fact]
    public void The_severity_is_no_higher_than_every_attempt_observed() =>
        Assert.Equal(Severity.Warning, Assert.Single(Attempts([], [Critical], [Warning], [Critical])[^1].Confirmed).Severity);

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

        var pending = Confirm([], [], many).State.Pending;

        Assert.Equal(100, pending.Count);
        Assert.Equal("mx400.example", pending[0].Subject);
        Assert.InRange(PendingFinding.ToText(pending)!.Length, 1, 32 * 1024);
    }

    [Fact]
    public void A_network_fault_that_fewer_than_three_attempts_observed_is_not_notified() => Gen.Int[0, 3].Array[1, 5].Sample(observed =>
    {
        // 0: healthy, 1: a warning, 2: critical, 3: inconclusive.
        var attempts = Attempts([], [.. observed.Select(what => what switch { 1 => [Warning], 2 => [Critical], 3 => null, _ => (Finding[])[] })]);
        var confirmed = attempts.Select(attempt => attempt.Confirmed.Count).ToList();
        var observations = 0;
        for (var i = 0; i < observed.Length; i++)
        {
            observations = observed[i] switch { 0 => 0, 3 => observations, _ => observations + 1 };
            Assert.Equal(observed[i] is 1 or 2 && observations >= CheckRunState.RequiredConfirmations, confirmed[i] == 1);
        }
    });

    [Fact]
    public void Pending_findings_survive_a_round_trip_through_their_stored_text()
    {
        IReadOnlyList<PendingFinding> pending = [new(Network, "mx.example", Severity.Critical, 2, 3), new(Network, "[::1] \"x\"", Severity.Info, 1, 1)];

        Assert.Equal(pending, PendingFinding.FromText(PendingFinding.ToText(pending)));
        Assert.Null(PendingFinding.ToText([]));
        Assert.Empty(PendingFinding.FromText(null));
    }

    // Null stands for an inconclusive attempt.
    private static List<CheckRunOutcome> Attempts(Finding[] open, params Finding[]?[] attempts)
    {
        var all = new List<CheckRunOutcome>();
        IReadOnlyList<PendingFinding> pending = [];
        foreach (var found in attempts)
        {
            var confirmed = Attempt(found ?? [], open, pending, all.Count + 1, found is null ? [Network] : []);
            all.Add(confirmed);
            // A confirmed finding is open from then on.
            pending = confirmed.Confirmed.Count > open.Length ? [new PendingFinding(Network, Warning.Subject, Severity.Info, CheckRunState.RequiredConfirmations, all.Count)] : confirmed.State.Pending;
        }

        return all;
    }

    private static CheckRunOutcome Confirm(Finding[] open, IReadOnlyList<PendingFinding> pending, params Finding[] found) =>
        Attempt(found, open, pending, pending.Count == 0 ? 1 : 2);

    private static CheckRunOutcome Attempt(IReadOnlyList<Finding> found, Finding[] open, IReadOnlyList<PendingFinding> pending, int attempt, params string[] inconclusive) =>
        new CheckRunState("1", attempt - 1) { Pending = pending }.On(
            new AttemptObserved(new CheckRunDecision.StartAttempt("1", attempt, IsRecheck: true), TestStorage.Noon, TestStorage.Noon)
            {
                Findings = found,
                Open = open,
                Inconclusive = inconclusive.ToHashSet(),
            },
            new CheckRunRules(TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), code => code != Fact));

    private static Finding Of(string code, Severity severity, string subject = "mx.example") => new(code, severity, subject, "observed", "Meaning.", "Remedy.", "RFC 8461 §4");
}
