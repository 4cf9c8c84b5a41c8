namespace StsFunctions.Local.FunctionsHost;

/// <summary>An Azure Functions host that runs the app on this machine: the emulator, or a real host in a process of its own.</summary>
public interface IFunctionsHost : IAsyncDisposable
{
    /// <summary>What this host can do beside what every host does.</summary>
    HostCapabilities Capabilities { get; }

    /// <summary>The names of the app's functions.</summary>
    IReadOnlyList<string> Functions { get; }

    /// <summary>Where HTTP functions answer.</summary>
    Uri HttpAddress { get; }

    /// <summary>Where they answer over TLS; null without <see cref="FunctionsHostOptions.CertificateFor"/>.</summary>
    Uri? HttpsAddress { get; }

    /// <summary>The worker's process; null while there is none.</summary>
    int? WorkerProcessId { get; }

    /// <summary>The worker's own HTTP server, which a client never reaches in Azure; null while there is none, and for a host that does not say.</summary>
    Uri? WorkerAddress { get; }

    /// <summary>Ends when the host does: well after <see cref="StopAsync"/>, with <see cref="WorkerException"/> if it stopped after failures.</summary>
    Task Ended { get; }

    /// <summary>Ends the worker with SIGKILL; the host starts it again.</summary>
    /// <exception cref="NotSupportedException">This host lacks <see cref="HostCapabilities.KillWorker"/>.</exception>
    void KillWorker();

    /// <summary>Returns once a worker runs that was not killed.</summary>
    /// <exception cref="WorkerException">The host stopped after repeated failures.</exception>
    Task WaitForWorkerAsync(CancellationToken cancellationToken);

    /// <summary>Runs a timer function now, by the host's own API for administrators, and returns when that run has ended.</summary>
    /// <exception cref="ArgumentException">No timer function has this name.</exception>
    /// <exception cref="WorkerException">The run failed.</exception>
    Task InvokeTimerAsync(string name, CancellationToken cancellationToken);

    /// <summary>Returns when no invocation runs and the queues of the app's functions are empty.</summary>
    /// <param name="ignoreDelayed">True: messages that are not due yet do not count.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <exception cref="WorkerException">The host stopped after repeated failures.</exception>
    Task WhenIdleAsync(bool ignoreDelayed, CancellationToken cancellationToken);

    /// <summary>Stops as a removed host does: the worker is killed, messages in process remain invisible. Returns when everything has ended.</summary>
    Task StopAsync();
}
