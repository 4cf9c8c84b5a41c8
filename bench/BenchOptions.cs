namespace StsFunctions.Bench;

/// <summary>The options of the command line, except the name of the benchmark.</summary>
internal sealed record BenchOptions
{
    /// <summary>How many rounds are measured; null for the default of the benchmark.</summary>
    public int? Rounds { get; init; }

    /// <summary>How many domains the largest check run or store has; null: the default of the benchmark.</summary>
    public int? Domains { get; init; }

    /// <summary>The folder of another published build of the app, to be measured beside the app; null for the empty worker.</summary>
    public string? Beside { get; init; }

    /// <summary>How many events a soak is made of.</summary>
    public int Events { get; init; }

    /// <summary>How long a soak may take.</summary>
    public TimeSpan Limit { get; init; }

    /// <summary>The command line of a real Functions host, with <c>{port}</c> for its port; null for the emulator.</summary>
    public string? HostCommand { get; init; }

    /// <summary>The key of that host's API for administrators, if it asks for one.</summary>
    public string? HostKey { get; init; }

    /// <summary>The host in a word.</summary>
    public string HostName => HostCommand is null ? "the emulator of the Functions host" : "a real Functions host";
}
