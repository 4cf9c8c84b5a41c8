namespace StsFunctions.Local.FunctionsHost;

/// <summary>What not every host can do: a test that needs it is skipped without.</summary>
[Flags]
public enum HostCapabilities
{
    /// <summary>Nothing beside what every host does.</summary>
    None = 0,

    /// <summary>Its worker can be found and killed.</summary>
    KillWorker = 1,

    /// <summary>It keeps to the delays and limits that the options ask for, where a real host has its own.</summary>
    Timing = 2,

    /// <summary>Its invocations carry the HTTP status and the error.</summary>
    InvocationDetails = 4,

    /// <summary>It says where the worker's own HTTP server is.</summary>
    WorkerAddress = 8,

    /// <summary>All of them.</summary>
    All = KillWorker | Timing | InvocationDetails | WorkerAddress,
}
