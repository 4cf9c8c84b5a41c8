namespace StsFunctions.Local.FunctionsHost;

/// <summary>The optional capabilities of a host: a test that needs one is skipped without it.</summary>
[Flags]
public enum HostCapabilities
{
    /// <summary>Only what every host can do.</summary>
    None = 0,

    /// <summary>Its worker can be found and killed.</summary>
    KillWorker = 1,

    /// <summary>It applies the delays and limits of the options; a real host has its own.</summary>
    Timing = 2,

    /// <summary>Its invocations carry the HTTP status and the error.</summary>
    InvocationDetails = 4,

    /// <summary>It says where the worker's own HTTP server is.</summary>
    WorkerAddress = 8,

    /// <summary>All of them.</summary>
    All = KillWorker | Timing | InvocationDetails | WorkerAddress,
}
