namespace StsFunctions.Local.FunctionsHost;

/// <summary>How requests of HTTP functions reach the handler.</summary>
internal enum HttpMode
{
    Proxying,
    Forwarding,
}

/// <summary>The queues section of host.json, with the extension's defaults.</summary>
internal sealed record QueueSettings(int BatchSize, int NewBatchThreshold, int MaxDequeueCount, TimeSpan VisibilityTimeout, bool Base64);

/// <summary>What the stand-in needs of host.json.</summary>
internal sealed record HostConfiguration(
    string Executable,
    string Arguments,
    HttpMode HttpMode,
    string RoutePrefix,
    TimeSpan InitializationTimeout,
    TimeSpan FunctionTimeout,
    QueueSettings Queues)
{
    // Flex Consumption's default.
    private static readonly TimeSpan DefaultFunctionTimeout = TimeSpan.FromMinutes(30);

    /// <exception cref="InvalidDataException">host.json is missing, or is none of a custom handler.</exception>
    public static HostConfiguration Read(string appRoot, bool olderHost)
    {
        var path = Path.Combine(appRoot, "host.json");
        if (!File.Exists(path))
            throw new InvalidDataException($"{path} is missing: give the folder that holds the published app.");
        using var document = HostJson.Parse(path);
        var root = document.RootElement;
        if (!(root.TryAt(out var handler, "customHandler") && handler.TryAt(out var description, "description") && description.TryAt(out var executable, "defaultExecutablePath")))
            throw new InvalidDataException($"{path} has no customHandler.description.defaultExecutablePath: it names the executable to start.");

        var proxying = !olderHost && handler.Flag("enableProxyingHttpRequest");
        if (!proxying && !handler.Flag("enableForwardingHttpRequest"))
            throw new InvalidDataException($"{path}: set customHandler.enableProxyingHttpRequest and enableForwardingHttpRequest; the stand-in has no other way to call HTTP functions.");

        var queues = root.TryAt(out var q, "extensions", "queues") ? q : default;
        var batchSize = queues.Number("batchSize", 16);
        return new HostConfiguration(
            Resolve(appRoot, executable.GetString()!),
            description.TryAt(out var arguments, "arguments") ? string.Join(' ', arguments.EnumerateArray().Select(a => a.GetString())) : "",
            proxying ? HttpMode.Proxying : HttpMode.Forwarding,
            root.TryAt(out var prefix, "extensions", "http", "routePrefix") ? prefix.GetString()! : "api",
            handler.Duration("initializationTimeout", TimeSpan.FromSeconds(30)),
            root.Duration("functionTimeout", DefaultFunctionTimeout),
            new QueueSettings(
                batchSize,
                queues.Number("newBatchThreshold", batchSize / 2),
                queues.Number("maxDequeueCount", 5),
                queues.Duration("visibilityTimeout", TimeSpan.Zero),
                !queues.TryAt(out var encoding, "messageEncoding") || !string.Equals(encoding.GetString(), "none", StringComparison.OrdinalIgnoreCase)));
    }

    // A file in the app wins; anything else is looked up on PATH.
    private static string Resolve(string appRoot, string executable)
    {
        var file = Path.GetFullPath(Path.Combine(appRoot, executable));
        if (OperatingSystem.IsWindows() && !File.Exists(file))
            file += ".exe";
        if (!File.Exists(file))
            return executable;
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(file) & UnixFileMode.UserExecute) == 0)
            throw new InvalidDataException($"{file} is not executable, and in Azure every call would hang: chmod +x it.");
        return file;
    }
}
