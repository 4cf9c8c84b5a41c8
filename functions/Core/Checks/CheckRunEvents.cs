using StsFunctions.Core.Findings;

namespace StsFunctions.Core.Checks;

/// <summary>A message asks for an attempt. Queues deliver at least once, so it may be one that was handled before.</summary>
/// <param name="Run">The check run.</param>
/// <param name="Attempt">The attempt's number, from 1 on, or <see cref="CheckRequest.Recheck"/>.</param>
/// <param name="At">Now.</param>
internal sealed record CheckRequested(string Run, int Attempt, DateTimeOffset At);

/// <summary>An attempt was made, and the rules were evaluated over what it observed.</summary>
/// <param name="Attempt">The attempt.</param>
/// <param name="StartedAt">When it began.</param>
/// <param name="At">Now.</param>
internal sealed record AttemptObserved(CheckRunDecision.StartAttempt Attempt, DateTimeOffset StartedAt, DateTimeOffset At)
{
    /// <summary>What is wrong.</summary>
    public IReadOnlyList<Finding> Findings { get; init; } = [];

    /// <summary>Codes that this attempt could not decide: their findings are neither confirmed nor cleared.</summary>
    public IReadOnlySet<string> Inconclusive { get; init; } = new HashSet<string>();

    /// <summary>The domain's open findings.</summary>
    public IReadOnlyList<Finding> Open { get; init; } = [];

    /// <summary>Whether something was not observed that another attempt may observe, such as a DNS answer: a fault may hide there.</summary>
    public bool IsIncomplete { get; init; }

    /// <summary>Whether the network allows outbound connections on port 25; null if there was no reason to test it (MX-7).</summary>
    public bool? IsPort25Open { get; init; }

    /// <summary>Whether there are MX hosts and none of them could be observed from here.</summary>
    public bool IsMxUnreachable { get; init; }

    /// <summary>Whether probe agents were asked for what could not be observed from here.</summary>
    public bool AreRemoteProbesRequested { get; init; }
}

/// <summary>What is the same for every check run.</summary>
/// <param name="AttemptInterval">From the start of one attempt to the start of the next.</param>
/// <param name="RemoteProbeTimeout">How long probe agents have before the attempt is evaluated without them.</param>
/// <param name="RequiresConfirmation">Whether findings of a code are faults of the network, which may pass by themselves.</param>
internal sealed record CheckRunRules(TimeSpan AttemptInterval, TimeSpan RemoteProbeTimeout, Func<string, bool> RequiresConfirmation);
