using CsCheck;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Time;
using StsFunctions.Local;
using StsFunctions.Storage.Checks;
using Xunit;

namespace StsFunctions.Tests.Checks;

/// <summary>The check run's state machine: its table, which docs/CHECK-RUN.md shows too, and what holds of every run.</summary>
public sealed class CheckRunStateTests
{
    private const string TableBegin = "<!-- The tables are written from the tests: STS_UPDATE_SNAPSHOTS=1 and CheckRunStateTests. -->\n";

    private static readonly DateTimeOffset Noon = TestStorage.Noon;
    private static readonly TimeSpan Gap = TimeSpan.FromMinutes(30);

    private static string Document => Path.Combine(Repository.Root, "docs", "CHECK-RUN.md");

    public static TheoryData<string> RequestNames { get; } = [.. CheckRunTable.Requests.Select(row => row.Name)];

    public static TheoryData<string> ObservationNames { get; } = [.. CheckRunTable.Observations.Select(row => row.Name)];

    [Theory]
    [MemberData(nameof(RequestNames))]
    public void A_message_starts_an_attempt_is_resent_or_is_ignored(string name)
    {
        var row = CheckRunTable.Requests.Single(row => row.Name == name);

        var decision = row.State.On((CheckRequested)row.Event, CheckRunTable.Rules);

        Assert.Equal((row.Does, row.Messages), (CheckRunTable.Text(decision), CheckRunTable.Text(decision is CheckRunDecision.Resend resend ? resend.Messages : [])));
        Assert.Equal(row.State, row.After, SameState);
    }

    [Theory]
    [Trait("Conformance", "MX-7")]
    [MemberData(nameof(ObservationNames))]
    public void An_attempt_is_recorded_and_sends_the_next_messages(string name)
    {
        var row = CheckRunTable.Observations.Single(row => row.Name == name);

        var outcome = row.State.On((AttemptObserved)row.Event, CheckRunTable.Rules);

        Assert.Equal((row.Does, row.Messages), (CheckRunTable.Text(outcome), CheckRunTable.Text(outcome.Messages)));
        Assert.Equal(row.After, outcome.State, SameState);
    }

    [Theory]
    [InlineData(null, "20260314120000000")]
    [InlineData(-29, "20260314113100000")]
    [InlineData(-30, "20260314120000000")]
    [InlineData(4, "20260314120400000")]
    [InlineData(6, "20260314120000000")]
    public void A_timer_continues_the_check_run_of_the_last_half_hour_or_starts_one(int? lastMinute, string run)
    {
        var last = lastMinute is { } minute ? new ScheduledRun(CheckRunId.Of(Noon.AddMinutes(minute)), Noon.AddMinutes(minute)) : null;

        Assert.Equal(run, ScheduledRun.At(Noon, last, Gap).Run);
    }

    [Fact]
    public void The_document_has_these_tables()
    {
        // Written anew by STS_UPDATE_SNAPSHOTS=1, so that a change of behaviour is a change to review.
        var document = File.ReadAllText(Document).ReplaceLineEndings("\n");
        var written = document[..(document.IndexOf(TableBegin, StringComparison.Ordinal) + TableBegin.Length)] + Tables();
        if (Environment.GetEnvironmentVariable("STS_UPDATE_SNAPSHOTS") == "1")
        {
            File.WriteAllText(Document, written);
        }

        Assert.Equal(written, File.ReadAllText(Document).ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Every_case_of_the_table_has_its_own_name()
    {
        var names = CheckRunTable.Requests.Concat(CheckRunTable.Observations).Select(row => row.Name).ToList();
        Assert.Equal(names.Distinct(), names);
    }

    [Fact]
    public void Every_check_run_ends_after_at_most_five_attempts_and_waits_for_nobody() => Conditions.Sample(conditions =>
    {
        var run = new CheckRunSimulation(conditions);
        run.Request(CheckRunTable.Today);
        run.Finish();

        Assert.InRange(run.AttemptsOf(CheckRunTable.Today).Count, 1, CheckRunState.MaxAttempts);
        Assert.Equal((CheckRunTable.Today, false, false), (run.State.Run, run.State.IsOpen, run.State.AwaitsRemoteProbes));
    });

    [Fact]
    public void Redelivery_and_kills_change_nothing_that_is_recorded() =>
        Gen.Select(Conditions.Select(conditions => conditions.Select(attempt => attempt with { IsBlocked = false }).ToArray()), Gen.Enum<Delivery>().Array[0, 12], Gen.Int[0, 40].Array[0, 6]).Sample((conditions, deliveries, again) =>
        {
            var calm = new CheckRunSimulation(conditions);
            calm.Request(CheckRunTable.Today);
            calm.Finish();

            var shaken = new CheckRunSimulation(conditions, deliveries, again);
            shaken.Request(CheckRunTable.Today);
            shaken.Finish();

            // A kill costs time, and nothing else.
            Assert.Equal(calm.State with { StartedAt = null }, shaken.State with { StartedAt = null }, SameState);
            Assert.Equal(calm.Recorded, shaken.Recorded);
            Assert.Equal(calm.AttemptsOf(CheckRunTable.Today), shaken.AttemptsOf(CheckRunTable.Today));
        });

    [Fact]
    public void A_check_run_with_probe_agents_ends_despite_redelivery_and_kills() =>
        Gen.Select(Conditions, Gen.Enum<Delivery>().Array[0, 12], Gen.Int[0, 40].Array[0, 6]).Sample((conditions, deliveries, again) =>
        {
            var run = new CheckRunSimulation(conditions, deliveries, again);
            run.Request(CheckRunTable.Today);
            run.Finish();

            Assert.Equal((CheckRunTable.Today, false, false), (run.State.Run, run.State.IsOpen, run.State.AwaitsRemoteProbes));
            Assert.InRange(run.AttemptsOf(CheckRunTable.Today).Count, 1, CheckRunState.MaxAttempts);
        });

    [Fact]
    public void A_confirmed_fault_was_observed_by_three_attempts_without_one_between_that_observed_it_gone() =>
        Gen.Select(Conditions, Gen.Enum<Delivery>().Array[0, 12]).Sample((conditions, deliveries) =>
        {
            var run = new CheckRunSimulation(conditions, deliveries);
            run.Request(CheckRunTable.Today);
            run.Finish();

            Assert.All(run.Confirmed, confirmed => Assert.True(confirmed.Observations >= CheckRunState.RequiredConfirmations));
        }, iter: 2_000);

    [Fact]
    public void A_check_run_of_the_future_never_stops_a_current_one() => Gen.Select(Gen.Int[6, 1_000_000], Gen.Int[1, 5], Gen.Bool, Gen.Bool, Gen.Int[0, 3]).Sample((minutes, attempt, isOpen, awaits, pending) =>
    {
        var state = CheckRunTable.Run(CheckRunId.Of(Noon.AddMinutes(minutes)), attempt) with
        {
            IsOpen = isOpen,
            AwaitsRemoteProbes = awaits,
            Pending = [.. Enumerable.Range(0, pending).Select(n => new PendingFinding("mx.connection.failed", $"mx{n}.example", Severity.Warning, 2, attempt))],
        };

        var start = Assert.IsType<CheckRunDecision.StartAttempt>(state.On(CheckRunTable.Request(CheckRunTable.Today, 1), CheckRunTable.Rules));
        var after = state.On(CheckRunTable.Observed(1) with { Attempt = start }, CheckRunTable.Rules).State;

        Assert.Equal((CheckRunTable.Today, 1, state.Run), (after.Run, after.Attempt, start.FutureRun));
        Assert.Empty(after.Pending);
    });

    [Fact]
    public void The_later_of_two_check_runs_is_finished_in_any_order_of_their_messages() =>
        Gen.Select(Conditions, Gen.Enum<Delivery>().Array[0, 12], Gen.Int[0, 4], Gen.Bool).Sample((conditions, deliveries, between, isLaterFirst) =>
        {
            var (first, second) = isLaterFirst ? (CheckRunTable.Today, CheckRunTable.Yesterday) : (CheckRunTable.Yesterday, CheckRunTable.Today);
            var run = new CheckRunSimulation(conditions, deliveries);
            run.Request(first);
            run.Deliver(between);
            run.Request(second);
            run.Finish();

            Assert.Equal((CheckRunTable.Today, false, false), (run.State.Run, run.State.IsOpen, run.State.AwaitsRemoteProbes));
            // None of the earlier one once the later one has begun.
            var order = run.Attempts.Select(attempt => attempt.Run).ToList();
            Assert.Equal(order.Order(StringComparer.Ordinal), order);
        });

    private static Gen<AttemptConditions[]> Conditions { get; } =
        (from finds in Gen.Enum<Finds>()
         from isIncomplete in Gen.Frequency((3, Gen.Const(false)), (1, Gen.Const(true)))
         from isBlocked in Gen.Frequency((3, Gen.Const(false)), (1, Gen.Const(true)))
         select new AttemptConditions(finds, isIncomplete, isBlocked)).Array[CheckRunState.MaxAttempts];

    private static bool SameState(CheckRunState one, CheckRunState other) =>
        one with { Pending = [] } == other with { Pending = [] } && one.Pending.SequenceEqual(other.Pending);

    private static string Tables()
    {
        const string head = "| case | state | event | does | state after | sends |\n|---|---|---|---|---|---|\n";
        return $"\n### A message\n\n{head}{Lines(CheckRunTable.Requests)}\n### An attempt\n\n{head}{Lines(CheckRunTable.Observations)}";

        static string Lines(IEnumerable<CheckRunRow> rows) => string.Concat(rows.Select(row => CheckRunTable.Line(row) + "\n"));
    }
}
