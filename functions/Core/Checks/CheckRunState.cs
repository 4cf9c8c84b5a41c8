using StsFunctions.Core.Findings;
using StsFunctions.Core.Time;

namespace StsFunctions.Core.Checks;

/// <summary>
/// A domain's check run, as its record stores it, and everything that decides whether an attempt is made, repeated, confirmed or
/// ends the run. Pure: events contain the times, and decisions are returned. docs/CHECK-RUN.md has its table.
/// </summary>
/// <param name="Run">The newest check run that an attempt was recorded of; empty before the first.</param>
/// <param name="Attempt">The attempt that was recorded last; 0 before the first.</param>
internal sealed record CheckRunState(string Run, int Attempt)
{
    /// <summary>How many attempts must observe a fault of the network before it counts.</summary>
    public const int RequiredConfirmations = 3;

    /// <summary>The most attempts of a check run: one of the three may itself observe nothing, and another after it.</summary>
    public const int MaxAttempts = 5;

    // A hostile domain may have very many hosts; a property of a row holds 64 KiB.
    private const int MaxPending = 100;

    /// <summary>Before the first check run.</summary>
    public static CheckRunState None { get; } = new("", 0);

    /// <summary>Whether another attempt follows.</summary>
    public bool IsOpen { get; init; }

    /// <summary>Whether probe agents were asked, and the attempt is to be made once more when they have answered or their time is over.</summary>
    public bool AwaitsRemoteProbes { get; init; }

    /// <summary>When the check run's first attempt began.</summary>
    public DateTimeOffset? StartedAt { get; init; }

    /// <summary>Whether the last attempt could observe MX hosts at all.</summary>
    public bool MxObserved { get; init; }

    /// <summary>What the next attempt is to confirm.</summary>
    public IReadOnlyList<PendingFinding> Pending { get; init; } = [];

    /// <summary>What becomes of a message.</summary>
    public CheckRunDecision On(CheckRequested request, CheckRunRules rules)
    {
        if (request.Attempt == 1 && StartsRun(request))
        {
            return new CheckRunDecision.StartAttempt(request.Run, 1, FutureRun: IsFuture(request.At) ? Run : null);
        }

        if (request.Run != Run || Attempt == 0)
        {
            return new CheckRunDecision.Ignore();
        }

        if (request.Attempt == CheckRequest.Recheck)
        {
            return new CheckRunDecision.StartAttempt(Run, Attempt, IsRecheck: true);
        }

        if (IsOpen && request.Attempt == Attempt + 1)
        {
            return new CheckRunDecision.StartAttempt(Run, request.Attempt, MaxAge: rules.AttemptInterval / 2);
        }

        return request.Attempt == Attempt && MessagesAt(request.At, rules) is { Count: > 0 } messages
            ? new CheckRunDecision.Resend(messages)
            : new CheckRunDecision.Ignore();
    }

    /// <summary>What follows from an attempt.</summary>
    public CheckRunOutcome On(AttemptObserved observed, CheckRunRules rules)
    {
        var attempt = observed.Attempt;
        var (confirmed, pending) = Confirm(observed, attempt.IsFirst ? [] : Pending, rules);
        // The results of probe agents will show whether the network blocks everything.
        var awaits = observed is { AreRemoteProbesRequested: true, IsPort25Open: false } && !attempt.IsRecheck;
        var next = new CheckRunState(attempt.Run, attempt.Number)
        {
            IsOpen = (pending.Count > 0 && attempt.Number < MaxAttempts) || (observed.IsIncomplete && attempt.Number < RequiredConfirmations),
            AwaitsRemoteProbes = awaits,
            StartedAt = attempt.IsFirst ? observed.StartedAt : StartedAt,
            // With nothing to observe, the last state of the network remains.
            MxObserved = !observed.IsMxUnreachable && (observed.IsPort25Open == true || MxObserved || Attempt == 0),
            Pending = pending,
        };
        var reportsPort25 = !awaits && !(observed.IsPort25Open == true && MxObserved);
        return new CheckRunOutcome(next, confirmed, reportsPort25 ? observed.IsPort25Open : null, next.MessagesAt(observed.At, rules));
    }

    // A check run starts from any earlier state. A state of the future comes from a wrong clock and is overwritten.
    private bool StartsRun(CheckRequested request) =>
        string.CompareOrdinal(request.Run, Run) > 0 || (request.Run != Run && IsFuture(request.At));

    private bool IsFuture(DateTimeOffset now) => ClockSkew.IsFutureCheckRun(Run, now);

    private List<CheckRunMessage> MessagesAt(DateTimeOffset now, CheckRunRules rules)
    {
        var messages = new List<CheckRunMessage>();
        if (IsOpen)
        {
            messages.Add(new CheckRunMessage(Run, Attempt + 1, DelayAt(now, rules.AttemptInterval)));
        }

        if (AwaitsRemoteProbes)
        {
            messages.Add(new CheckRunMessage(Run, CheckRequest.Recheck, rules.RemoteProbeTimeout));
        }

        return messages;
    }

    // Counted from the first attempt, so that three attempts take at most fifteen minutes; never longer than the interval,
    // even if another instance's clock is wrong.
    private TimeSpan DelayAt(DateTimeOffset now, TimeSpan interval)
    {
        var left = (StartedAt ?? now) + (Attempt * interval) - now;
        return TimeSpan.FromTicks(Math.Clamp(left.Ticks, 0, interval.Ticks));
    }

    // Facts of certificates and DNS count at once. A fault of the network counts once enough attempts have observed it; an attempt that
    // does not observe it clears it.
    private static (IReadOnlyList<Finding> Confirmed, IReadOnlyList<PendingFinding> Pending) Confirm(
        AttemptObserved observed, IReadOnlyList<PendingFinding> pendingBefore, CheckRunRules rules)
    {
        var before = pendingBefore.ToDictionary(pending => (pending.Code, pending.Subject));
        var open = observed.Open.ToDictionary(finding => (finding.Code, finding.Subject));
        var (confirmed, pending) = (new List<Finding>(), new List<PendingFinding>());
        foreach (var finding in FindingDiff.OneOfEach(observed.Findings))
        {
            var key = (finding.Code, finding.Subject);
            var known = open.GetValueOrDefault(key);
            if (!rules.RequiresConfirmation(finding.Code) || finding.Severity <= known?.Severity)
            {
                confirmed.Add(finding);
                continue;
            }

            var candidate = ConfirmedBy(finding, before.GetValueOrDefault(key), observed.Attempt.Number);
            if (candidate.Confirmations >= RequiredConfirmations)
            {
                confirmed.Add(finding with { Severity = candidate.Severity });
                continue;
            }

            pending.Add(candidate);
            if (known is not null)
            {
                // It is worse than recorded, but not yet confirmed: keep the recorded severity.
                confirmed.Add(finding with { Severity = known.Severity });
            }
        }

        // Neither observed again nor resolved: the attempt was inconclusive, or the same host failed in another way.
        var found = observed.Findings.Select(finding => (finding.Code, finding.Subject)).ToHashSet();
        var failing = observed.Findings.Where(finding => rules.RequiresConfirmation(finding.Code)).Select(finding => finding.Subject).ToHashSet();
        pending.AddRange(pendingBefore.Where(earlier =>
            !found.Contains((earlier.Code, earlier.Subject)) && (observed.Inconclusive.Contains(earlier.Code) || failing.Contains(earlier.Subject))));
        return (confirmed, [.. pending.OrderByDescending(p => p.Severity).ThenByDescending(p => p.Confirmations).Take(MaxPending)]);
    }

    private static PendingFinding ConfirmedBy(Finding finding, PendingFinding? before, int attempt) => new(
        finding.Code,
        finding.Subject,
        before is null || finding.Severity < before.Severity ? finding.Severity : before.Severity,
        (before?.Confirmations ?? 0) + (before?.LastAttempt == attempt ? 0 : 1),
        attempt);
}
