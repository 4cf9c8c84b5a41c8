using StsFunctions.Local.FunctionsHost;

namespace StsFunctions.Local;

/// <summary>How to start everything on one machine.</summary>
public sealed record LocalSystemOptions
{
    /// <summary>The app: a published folder, or the output of a build.</summary>
    public string AppRoot { get; init; } = Repository.BuiltApp;

    /// <summary>The folder with the command-line program <c>sts</c>.</summary>
    public string CommandRoot { get; init; } = Repository.BuiltCommand;

    /// <summary>Where data is stored between runs; null stores it in memory and in a temporary folder.</summary>
    public string? DataFolder { get; init; }

    /// <summary>Whether timers run by their schedules.</summary>
    public bool RunTimers { get; init; }

    /// <summary>The command line of a real Functions host that runs the app, such as <c>func start --port {port}</c>; null for the emulator.
    /// By default the value of the environment variable STS_HOST_COMMAND.</summary>
    public string? HostCommand { get; init; } = NullIfEmpty(Environment.GetEnvironmentVariable("STS_HOST_COMMAND"));

    /// <summary>The key of that host's API for administrators, if it asks for one. By default the value of STS_HOST_KEY.</summary>
    public string? HostKey { get; init; } = NullIfEmpty(Environment.GetEnvironmentVariable("STS_HOST_KEY"));

    /// <summary>How many failures of the worker stop the emulator: 3 in Azure, more for tests that kill it on purpose.</summary>
    public int FatalFailure { get; init; } = 3;

    /// <summary>How long the emulator waits before a second restart of the worker in a row: 10 s in Azure, nothing for tests that kill it on purpose.</summary>
    public TimeSpan WorkerRestartDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Settings of the app beside those of the lab; these win.</summary>
    public IReadOnlyDictionary<string, string> Settings { get; init; } = new Dictionary<string, string>();

    /// <summary>Changes the app's way to its storage: it converts the direct connection string to the one that the app uses.</summary>
    public Func<string, CancellationToken, Task<string>>? RedirectStorage { get; init; }

    /// <summary>The progress, one step per line.</summary>
    public IProgress<string>? Progress { get; init; }

    /// <summary>The log of host and worker.</summary>
    public Action<HostLog>? OnLog { get; init; }

    /// <summary>Every finished call of a function.</summary>
    public Action<Invocation>? OnInvocation { get; init; }

    private static string? NullIfEmpty(string? text) => string.IsNullOrEmpty(text) ? null : text;
}
