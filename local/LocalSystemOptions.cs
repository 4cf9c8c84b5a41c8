using StsFunctions.Local.FunctionsHost;

namespace StsFunctions.Local;

/// <summary>How to start everything on one machine.</summary>
public sealed record LocalSystemOptions
{
    /// <summary>The app: a published folder, or the output of a build.</summary>
    public string AppRoot { get; init; } = Repository.BuiltApp;

    /// <summary>Where data stays between runs; null keeps it in memory and in a folder that goes with the system.</summary>
    public string? DataFolder { get; init; }

    /// <summary>Whether the schedules run by themselves.</summary>
    public bool RunTimers { get; init; }

    /// <summary>Whether the host is one from before April 2025, which forwards HTTP requests instead of proxying them.</summary>
    public bool OlderHost { get; init; }

    /// <summary>How many crashes of the app stop the host: 3 in Azure, more for tests that kill it on purpose.</summary>
    public int FatalCrash { get; init; } = 3;

    /// <summary>Settings of the app beside those of the lab; these win.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Leads the app to its storage by a way of its own: given the straight connection string, it gives the one that the app is to use.</summary>
    public Func<string, CancellationToken, Task<string>>? WayToStorage { get; init; }

    /// <summary>What happens, a step a line.</summary>
    public IProgress<string>? Progress { get; init; }

    /// <summary>What host and handler log.</summary>
    public Action<HostLog>? OnLog { get; init; }

    /// <summary>Every finished call of a function.</summary>
    public Action<Invocation>? OnInvocation { get; init; }
}
