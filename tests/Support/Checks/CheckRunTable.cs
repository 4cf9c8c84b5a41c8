using System.Globalization;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Findings;

namespace StsFunctions.Tests.Checks;

/// <summary>One row of the table: an event in a state, and what follows.</summary>
/// <param name="Name">The case.</param>
/// <param name="State">The state before.</param>
/// <param name="Event">The event.</param>
/// <param name="Does">What to do.</param>
/// <param name="After">The state after.</param>
/// <param name="Messages">What to send, and when.</param>
internal sealed record CheckRunRow(string Name, CheckRunState State, object Event, string Does, CheckRunState After, string Messages = "");

/// <summary>
/// The table of <see cref="CheckRunState"/>, which docs/CHECK-RUN.md shows. All of it happens on the 14th: the check run of that day, "today", began at
/// noon, attempts are five minutes apart, and probe agents have fifteen.
/// </summary>
internal static class CheckRunTable
{
    public const string Yesterday = "20260313120000000";
    public const string Today = "20260314120000000";
    public const string NextYear = "20270314120000000";

    private const string Fault = "mx.connection.failed";
    private const string OtherFault = "mx.session.slow";
    private const string Fact = "mx.certificate.expired";

    public static CheckRunRules Rules { get; } = new(TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(15), code => code != Fact);

    private static Finding Unreachable { get; } = Of(Fault, Severity.Warning);

    private static Finding UnreachableCritical { get; } = Of(Fault, Severity.Critical);

    private static Finding Slow { get; } = Of(OtherFault, Severity.Warning);

    private static Finding Expired { get; } = Of(Fact, Severity.Critical);

    /// <summary>What becomes of a message.</summary>
    public static IReadOnlyList<CheckRunRow> Requests { get; } =
    [
        new("the first check run of a domain", CheckRunState.None, Request(Today, 1), "start today, attempt 1", CheckRunState.None),
        new("a later check run, whatever the one before left open", Run(Yesterday, 2, Pending(2)), Request(Today, 1), "start today, attempt 1", Run(Yesterday, 2, Pending(2))),
        new("an earlier check run, whose message comes late", Run(Today, 1), Request(Yesterday, 1), "ignore", Run(Today, 1)),
        new("a message that asks for no attempt (a heal)", CheckRunState.None, Request("", 1), "ignore", CheckRunState.None),
        new("the next attempt", Run(Today, 1, Pending(1)), Request(Today, 2, minute: 5), "start today, attempt 2, with probes at most 2.5 min old", Run(Today, 1, Pending(1))),
        new("an attempt before its turn", Run(Today, 1, Pending(1)), Request(Today, 3, minute: 5), "ignore", Run(Today, 1, Pending(1))),
        new("a later attempt of another check run", Run(Today, 1, Pending(1)), Request(Yesterday, 2), "ignore", Run(Today, 1, Pending(1))),
        new("the next attempt of a check run that has ended", Run(Today, 2), Request(Today, 3, minute: 10), "ignore", Run(Today, 2)),
        new("redelivered: the next attempt is asked for once more", Run(Today, 1, Pending(1)), Request(Today, 1, minute: 1), "resend", Run(Today, 1, Pending(1)), "today, attempt 2 in 4 min"),
        new("redelivered after the next attempt was due", Run(Today, 1, Pending(1)), Request(Today, 1, minute: 7), "resend", Run(Today, 1, Pending(1)), "today, attempt 2 in 0 min"),
        new("redelivered to an instance whose clock is behind", Run(Today, 1, Pending(1)), Request(Today, 1, minute: -60), "resend", Run(Today, 1, Pending(1)), "today, attempt 2 in 5 min"),
        new("redelivered, and the check run has ended", Run(Today, 1), Request(Today, 1, minute: 1), "ignore", Run(Today, 1)),
        new("redelivered, and a later attempt was made since", Run(Today, 2, Pending(2)), Request(Today, 1, minute: 6), "ignore", Run(Today, 2, Pending(2))),
        new("redelivered while probe agents are asked", Run(Today, 1) with { AwaitsRemoteProbes = true }, Request(Today, 1, minute: 1), "resend", Run(Today, 1) with { AwaitsRemoteProbes = true }, "today, recheck in 15 min"),
        new("probe agents have answered, or their time is over", Run(Today, 2) with { AwaitsRemoteProbes = true }, Request(Today, CheckRequest.Recheck, minute: 20), "start today, attempt 2 once more", Run(Today, 2) with { AwaitsRemoteProbes = true }),
        new("probe agents have answered a check run that has ended", Run(Today, 2), Request(Today, CheckRequest.Recheck, minute: 20), "start today, attempt 2 once more", Run(Today, 2)),
        new("probe agents have answered another check run", Run(Today, 1), Request(Yesterday, CheckRequest.Recheck), "ignore", Run(Today, 1)),
        new("probe agents have answered before anything was recorded", CheckRunState.None, Request(Today, CheckRequest.Recheck), "ignore", CheckRunState.None),
        new("the last check run is in the future: a clock was wrong", Run(NextYear, 2, Pending(2)), Request(Today, 1), "start today, attempt 1, in place of next year", Run(NextYear, 2, Pending(2))),
        new("redelivered, of the future", Run(NextYear, 1), Request(NextYear, 1), "ignore", Run(NextYear, 1)),
        new("a clock that is ahead by less than clocks differ", Run("20260314120400000", 1), Request(Today, 1), "ignore", Run("20260314120400000", 1)),
    ];

    /// <summary>What follows from an attempt.</summary>
    public static IReadOnlyList<CheckRunRow> Observations { get; } =
    [
        new("the first attempt at a domain, and nothing is wrong", CheckRunState.None, Observed(1), "record, report port 25 as open", Run(Today, 1)),
        new("nothing is wrong, as before", Run(Yesterday, 1), Observed(1), "record", Run(Today, 1)),
        new("a fact counts at once", Run(Yesterday, 1), Observed(1, Expired), "record mx.certificate.expired (critical)", Run(Today, 1)),
        new("a fault of the network is pending", Run(Yesterday, 1), Observed(1, Unreachable), "record", Run(Today, 1, Pending(1)), "today, attempt 2 in 4 min"),
        new("it is observed again", Run(Today, 1, Pending(1)), Observed(2, Unreachable), "record", Run(Today, 2, Pending(2)), "today, attempt 3 in 4 min"),
        new("it is observed a third time: confirmed", Run(Today, 2, Pending(2)), Observed(3, Unreachable), "record mx.connection.failed (warning)", Run(Today, 3)),
        new("it is observed to be gone", Run(Today, 1, Pending(1)), Observed(2), "record", Run(Today, 2)),
        new("an inconclusive attempt neither confirms nor clears", Run(Today, 1, Pending(1)), Observed(2) with { Inconclusive = Codes(Fault) }, "record", Run(Today, 2, Pending(1)), "today, attempt 3 in 4 min"),
        new(
            "a host that fails in another way neither confirms nor clears", Run(Today, 1, Pending(1)), Observed(2, Slow), "record",
            Run(Today, 2, new PendingFinding(OtherFault, "mx.example", Severity.Warning, 1, 2), Pending(1)), "today, attempt 3 in 4 min"),
        new("the last attempt ends the check run, confirmed or not", Run(Today, 4, Pending(2)), Observed(5) with { Inconclusive = Codes(Fault) }, "record", Run(Today, 5, Pending(2)) with { IsOpen = false }),
        new("an incomplete attempt is followed by another: a fault may hide there", Run(Yesterday, 1), Observed(1) with { IsIncomplete = true }, "record", Run(Today, 1) with { IsOpen = true }, "today, attempt 2 in 4 min"),
        new("but by no more than would confirm one", Run(Today, 2) with { IsOpen = true }, Observed(3) with { IsIncomplete = true }, "record", Run(Today, 3)),
        new("an attempt that is made once more confirms nothing twice", Run(Today, 1, Pending(1, attempt: 1)), Again(1, Unreachable), "record", Run(Today, 1, Pending(1, attempt: 1)), "today, attempt 2 in 4 min"),
        new("what is open already counts at once", Run(Yesterday, 1), Observed(1, Unreachable) with { Open = [Unreachable] }, "record mx.connection.failed (warning)", Run(Today, 1)),
        new(
            "what is worse than recorded stays as it is until it is confirmed", Run(Yesterday, 1), Observed(1, UnreachableCritical) with { Open = [Unreachable] }, "record mx.connection.failed (warning)",
            Run(Today, 1, new PendingFinding(Fault, "mx.example", Severity.Critical, 1, 1)), "today, attempt 2 in 4 min"),
        new("no more is confirmed than every attempt observed", Run(Today, 2, Pending(2)), Observed(3, UnreachableCritical), "record mx.connection.failed (warning)", Run(Today, 3)),
        new("another check run forgets what the one before left pending", Run(Yesterday, 2, Pending(2)), Observed(1, Unreachable), "record", Run(Today, 1, Pending(1)), "today, attempt 2 in 4 min"),
        new("port 25 is blocked, and no probe agent is active", Run(Yesterday, 1), Observed(1) with { IsPort25Open = false, IsMxUnreachable = true }, "record, report port 25 as blocked", Run(Today, 1) with { MxObserved = false }),
        new(
            "port 25 is blocked, and probe agents are asked", Run(Yesterday, 1), Observed(1) with { IsPort25Open = false, IsMxUnreachable = true, AreRemoteProbesRequested = true }, "record",
            Run(Today, 1) with { MxObserved = false, AwaitsRemoteProbes = true }, "today, recheck in 15 min"),
        new(
            "it is still blocked once their time is over", Run(Today, 1) with { MxObserved = false, AwaitsRemoteProbes = true },
            Again(1) with { IsPort25Open = false, IsMxUnreachable = true, AreRemoteProbesRequested = true }, "record, report port 25 as blocked", Run(Today, 1) with { MxObserved = false }),
        new("port 25 is open again", Run(Today, 1) with { MxObserved = false }, Again(1), "record, report port 25 as open", Run(Today, 1)),
        new("nothing gave reason to ask about port 25", Run(Yesterday, 1) with { MxObserved = false }, Observed(1) with { IsPort25Open = null }, "record", Run(Today, 1) with { MxObserved = false }),
    ];

    /// <summary>A state of the day: MX hosts are observed, and the run is open where something is pending.</summary>
    public static CheckRunState Run(string run, int attempt, params PendingFinding[] pending) => new(run, attempt)
    {
        IsOpen = pending is not [],
        StartedAt = run == Today ? TestStorage.Noon : TestStorage.Noon.AddDays(-1),
        MxObserved = true,
        Pending = pending,
    };

    public static CheckRequested Request(string run, int attempt, int minute = 0) => new(run, attempt, TestStorage.Noon.AddMinutes(minute));

    /// <summary>What is known of an attempt that took a minute, over an open port 25.</summary>
    public static AttemptObserved Observed(int attempt, params Finding[] findings) => new(
        new CheckRunDecision.StartAttempt(Today, attempt), TestStorage.Noon.AddMinutes((attempt - 1) * 5), TestStorage.Noon.AddMinutes(((attempt - 1) * 5) + 1))
    {
        Findings = findings,
        IsPort25Open = true,
    };

    /// <summary>A row as a line of the table.</summary>
    public static string Line(CheckRunRow row) => $"| {row.Name} | {Text(row.State)} | {Text(row.Event)} | {row.Does} | {(Text(row.After) == Text(row.State) ? "the same" : Text(row.After))} | {row.Messages} |";

    public static string Text(CheckRunState state) => state.Attempt == 0 ? "none" : string.Join(", ",
    [
        NameOf(state.Run), $"attempt {state.Attempt}", state.IsOpen ? "open" : "ended",
        .. state.Pending.Select(pending => $"{pending.Code} ×{pending.Confirmations}{(pending.Severity == Severity.Critical ? " (critical)" : "")}"),
        .. Words((state.AwaitsRemoteProbes, "awaits probe agents"), (!state.MxObserved, "MX hosts not observed")),
    ]);

    public static string Text(CheckRunDecision decision) => decision switch
    {
        CheckRunDecision.StartAttempt start => string.Join(", ",
        [
            $"start {NameOf(start.Run)}", $"attempt {start.Number}{(start.IsRecheck ? " once more" : "")}",
            .. start.MaxAge is { } age ? [string.Create(CultureInfo.InvariantCulture, $"with probes at most {age.TotalMinutes} min old")] : (string[])[],
            .. Words((start.FutureRun is not null, $"in place of {NameOf(start.FutureRun ?? "")}")),
        ]),
        CheckRunDecision.Resend => "resend",
        _ => "ignore",
    };

    public static string Text(CheckRunOutcome outcome) => string.Join(", ",
    [
        string.Join(' ', ["record", .. outcome.Confirmed.Select(finding => $"{finding.Code} ({finding.Severity.ToString().ToLowerInvariant()})")]),
        .. Words((outcome.ReportPort25 is true, "report port 25 as open"), (outcome.ReportPort25 is false, "report port 25 as blocked")),
    ]);

    public static string Text(IReadOnlyList<CheckRunMessage> messages) => string.Join("; ", messages.Select(message => string.Create(
        CultureInfo.InvariantCulture, $"{NameOf(message.Run)}, {AttemptOf(message.Attempt)} in {message.Delay.TotalMinutes} min")));

    private static string Text(object @event) => @event switch
    {
        CheckRequested request => $"request {NameOf(request.Run)}, {AttemptOf(request.Attempt)} at {request.At:HH:mm}",
        AttemptObserved observed => string.Join(", ",
        [
            $"observed {AttemptOf(observed.Attempt.Number)}{(observed.Attempt.IsRecheck ? " once more" : "")}",
            .. observed.Findings.Select(finding => $"{finding.Code} ({finding.Severity.ToString().ToLowerInvariant()})"),
            .. observed.Open.Select(finding => $"{finding.Code} is open ({finding.Severity.ToString().ToLowerInvariant()})"),
            .. observed.Inconclusive.Select(code => $"{code} inconclusive"),
            .. Words(
                (observed.IsIncomplete, "incomplete"), (observed.IsPort25Open is false, "port 25 blocked"), (observed.IsPort25Open is null, "port 25 not asked about"),
                (observed.AreRemoteProbesRequested, "probe agents asked")),
        ]),
        _ => throw new ArgumentException("No event.", nameof(@event)),
    };

    private static string AttemptOf(int attempt) => attempt == CheckRequest.Recheck ? "recheck" : $"attempt {attempt}";

    private static string NameOf(string run) => run switch
    {
        Yesterday => "yesterday",
        Today => "today",
        NextYear => "next year",
        "" => "no run",
        _ => "four minutes ahead",
    };

    private static IEnumerable<string> Words(params (bool Holds, string Word)[] words) => words.Where(word => word.Holds).Select(word => word.Word);

    private static PendingFinding Pending(int confirmations, int? attempt = null) => new(Fault, "mx.example", Severity.Warning, confirmations, attempt ?? confirmations);

    private static AttemptObserved Again(int attempt, params Finding[] findings)
    {
        var first = Observed(attempt, findings);
        return first with { Attempt = first.Attempt with { IsRecheck = true } };
    }

    private static HashSet<string> Codes(params string[] codes) => [.. codes];

    private static Finding Of(string code, Severity severity) => new(code, severity, "mx.example", "observed", "Meaning.", "Remedy.", "RFC 8461 §4");
}
