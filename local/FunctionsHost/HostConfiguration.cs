namespace StsFunctions.Local.FunctionsHost;

/// <summary>The queues section of host.json, with the extension's defaults.</summary>
internal sealed record QueueSettings(int BatchSize, int NewBatchThreshold, int MaxDequeueCount, TimeSpan VisibilityTimeout, TimeSpan MaxPollingInterval, bool Base64);

/// <summary>What the emulator needs of host.json.</summary>
internal sealed record HostConfiguration(string RoutePrefix, TimeSpan FunctionTimeout, QueueSettings Queues)
{
    // Flex Consumption's default.
    private static readonly TimeSpan DefaultFunctionTimeout = TimeSpan.FromMinutes(30);

    /// <exception cref="InvalidDataException">host.json is missing, or is no JSON.</exception>
    public static HostConfiguration Read(string appRoot)
    {
        var path = Path.Combine(appRoot, "host.json");
        if (!File.Exists(path))
        {
            throw new InvalidDataException($"{path} is missing: give the folder that holds the published app.");
        }

        using var document = HostJson.Parse(path);
        var root = document.RootElement;
        var queues = root.TryAt(out var q, "extensions", "queues") ? q : default;
        var batchSize = queues.Number("batchSize", 16);
        return new HostConfiguration(
            root.TryAt(out var prefix, "extensions", "http", "routePrefix") ? prefix.GetString()! : "api",
            root.Duration("functionTimeout", DefaultFunctionTimeout),
            new QueueSettings(
                batchSize,
                queues.Number("newBatchThreshold", batchSize / 2),
                queues.Number("maxDequeueCount", 5),
                queues.Duration("visibilityTimeout", TimeSpan.Zero),
                queues.Duration("maxPollingInterval", TimeSpan.FromMinutes(1)),
                !string.Equals(queues.Text("messageEncoding"), "none", StringComparison.OrdinalIgnoreCase)));
    }
}
