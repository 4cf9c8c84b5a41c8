namespace StsFunctions.Local.FunctionsHost;

/// <summary>The emulator's delays and limits: the real host's, where a test does not ask for others.</summary>
public sealed record FunctionsHostEmulatorOptions
{
    /// <summary>The interval between polls of an empty queue; null for that of the host: it grows up to host.json's <c>maxPollingInterval</c>.</summary>
    public TimeSpan? QueuePollInterval { get; init; }

    /// <summary>When a failed message is redelivered; null for host.json's <c>visibilityTimeout</c>.</summary>
    public TimeSpan? QueueRetryDelay { get; init; }

    /// <summary>How long a message is invisible to others while it is worked on (renewed until the work ends).</summary>
    public TimeSpan QueueLock { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often the lock is renewed.</summary>
    public TimeSpan QueueLockRenewal { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a worker may take from its start to its first message.</summary>
    public TimeSpan WorkerStartTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long after one restart of the worker the next may come; the first is made at once.</summary>
    public TimeSpan WorkerRestartDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The failure of a worker, with no more than half an hour between two, that stops the host.</summary>
    public int FatalFailure { get; init; } = 3;

    /// <summary>How long a function may take to react to its cancellation after functionTimeout, before the worker is killed.</summary>
    public TimeSpan TimeoutGrace { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The clock of schedules, restarts and time-outs.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
