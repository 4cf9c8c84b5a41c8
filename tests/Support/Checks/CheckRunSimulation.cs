using StsFunctions.Core.Checks;
using StsFunctions.Core.Findings;

namespace StsFunctions.Tests.Checks;

/// <summary>What an attempt finds.</summary>
internal enum Finds
{
    Nothing,
    Warning,
    Critical,

    /// <summary>It could not decide.</summary>
    Inconclusive,
}

/// <summary>What an attempt meets.</summary>
/// <param name="Finds">What there is to find, for this app or, where port 25 is blocked, for probe agents.</param>
/// <param name="IsIncomplete">Whether something was not observed.</param>
/// <param name="IsBlocked">Whether port 25 is blocked here, so that probe agents are asked.</param>
internal sealed record AttemptConditions(Finds Finds, bool IsIncomplete, bool IsBlocked);

/// <summary>What happens while a message is handled. Whatever is not acknowledged is delivered again.</summary>
internal enum Delivery
{
    Handled,
    KilledBeforeTheCommit,
    KilledBeforeTheMessagesAreSent,
    HandledAndNotAcknowledged,
}

/// <summary>A queue and a record around the state machine, as the check has them: commits are whole, messages come at least once, and processes are killed.</summary>
/// <param name="conditions">What each attempt meets, by its number.</param>
/// <param name="deliveries">What happens at each delivery; nothing in particular once they are used up.</param>
/// <param name="again">After these deliveries the very first message, or another that was handled before, is delivered once more.</param>
internal sealed class CheckRunSimulation(AttemptConditions[] conditions, Delivery[]? deliveries = null, int[]? again = null)
{
    private const int MostDeliveries = 1000;

    private readonly PriorityQueue<(string Run, int Attempt), DateTimeOffset> _queue = new();
    private readonly List<(string Run, int Attempt)> _handled = [];
    private readonly HashSet<int> _observing = [];
    private IReadOnlyList<Finding> _open = [];
    private DateTimeOffset _now = TestStorage.Noon;
    private int _delivered;

    public CheckRunState State { get; private set; } = CheckRunState.None;

    /// <summary>The attempts that were committed, in order, each made once more left out.</summary>
    public List<(string Run, int Number)> Attempts { get; } = [];

    /// <summary>What was newly confirmed, and how many attempts had observed it since it was last observed to be gone.</summary>
    public List<(Finding Finding, int Observations)> Confirmed { get; } = [];

    /// <summary>What the domain's open findings became, commit by commit.</summary>
    public List<string> Recorded { get; } = [];

    public IReadOnlyList<int> AttemptsOf(string run) => [.. Attempts.Where(attempt => attempt.Run == run).Select(attempt => attempt.Number)];

    public void Request(string run) => _queue.Enqueue((run, 1), _now);

    /// <summary>Delivers what is due next, so many times.</summary>
    public void Deliver(int count)
    {
        for (var n = 0; n < count && _queue.TryDequeue(out var message, out var due); n++)
        {
            _now = due > _now ? due : _now;
            Handle(message);
        }
    }

    /// <summary>Delivers until the queue is empty.</summary>
    public void Finish()
    {
        while (_queue.Count > 0)
        {
            Deliver(1);
            if (_delivered > MostDeliveries)
            {
                throw new InvalidOperationException("The messages of a check run beget each other without end.");
            }
        }
    }

    private void Handle((string Run, int Attempt) message)
    {
        var delivery = _delivered < deliveries?.Length ? deliveries[_delivered] : Delivery.Handled;
        _delivered++;
        foreach (var _ in (again ?? []).Where(after => after == _delivered && _handled.Count > 0))
        {
            _queue.Enqueue(_handled[_delivered % _handled.Count], _now);
        }

        IReadOnlyList<CheckRunMessage> messages = [];
        switch (State.On(new CheckRequested(message.Run, message.Attempt, _now), CheckRunTable.Rules))
        {
            case CheckRunDecision.StartAttempt start:
                var began = _now;
                _now += TimeSpan.FromMinutes(1);
                var outcome = State.On(Observe(start, began), CheckRunTable.Rules);
                if (delivery != Delivery.KilledBeforeTheCommit)
                {
                    Commit(start, outcome);
                    messages = outcome.Messages;
                }

                break;
            case CheckRunDecision.Resend resend:
                messages = resend.Messages;
                break;
        }

        if (delivery is Delivery.Handled or Delivery.HandledAndNotAcknowledged)
        {
            foreach (var next in messages)
            {
                _queue.Enqueue((next.Run, next.Attempt), _now + next.Delay);
            }
        }

        _handled.Add(message);
        if (delivery != Delivery.Handled)
        {
            _queue.Enqueue(message, _now);
        }
    }

    private AttemptObserved Observe(CheckRunDecision.StartAttempt start, DateTimeOffset began)
    {
        var here = conditions[start.Number - 1];
        var isBlocked = here.IsBlocked && !start.IsRecheck;
        var finds = isBlocked ? Finds.Inconclusive : here.Finds;
        return CheckRunTable.Observed(start.Number) with
        {
            Attempt = start,
            StartedAt = began,
            At = _now,
            Findings = finds is Finds.Warning or Finds.Critical ? [Fault(finds == Finds.Critical ? Severity.Critical : Severity.Warning)] : [],
            Inconclusive = finds == Finds.Inconclusive ? [Fault(Severity.Info).Code] : new HashSet<string>(),
            Open = _open,
            IsIncomplete = here.IsIncomplete,
            IsPort25Open = !isBlocked,
            IsMxUnreachable = isBlocked,
            AreRemoteProbesRequested = isBlocked,
        };
    }

    private void Commit(CheckRunDecision.StartAttempt start, CheckRunOutcome outcome)
    {
        if (start.IsFirst)
        {
            _observing.Clear();
        }

        if (!start.IsRecheck)
        {
            Attempts.Add((start.Run, start.Number));
        }

        // As the recorder does: a conclusive finding that was not observed is resolved.
        var here = conditions[start.Number - 1];
        var finds = here.IsBlocked && !start.IsRecheck ? Finds.Inconclusive : here.Finds;
        if (finds is Finds.Warning or Finds.Critical)
        {
            _observing.Add(start.Number);
        }
        else if (finds == Finds.Nothing)
        {
            _observing.Clear();
            _open = [];
        }

        foreach (var finding in outcome.Confirmed)
        {
            if (!_open.Any(open => open.Severity >= finding.Severity))
            {
                Confirmed.Add((finding, _observing.Count));
            }

            _open = [finding];
        }

        if (Recorded.Count == 0 || Recorded[^1] != Text(_open))
        {
            Recorded.Add(Text(_open));
        }

        State = outcome.State;
    }

    private static string Text(IReadOnlyList<Finding> open) => string.Join(' ', open.Select(finding => finding.Severity));

    private static Finding Fault(Severity severity) => new("mx.connection.failed", severity, "mx.example", "observed", "Meaning.", "Remedy.", "RFC 8461 §4");
}
