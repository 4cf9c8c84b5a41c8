using System.Text.Json;
using NCrontab;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>What starts a function.</summary>
internal abstract record Trigger(string Binding);

/// <summary>A route; no methods means all.</summary>
internal sealed record HttpTrigger(string Binding, string Route, IReadOnlyList<string> Methods) : Trigger(Binding);

/// <summary>A six-field NCRONTAB schedule in UTC.</summary>
internal sealed record TimerTrigger(string Binding, CrontabSchedule Schedule, bool UseMonitor) : Trigger(Binding);

/// <summary>A queue, and the setting that says where.</summary>
internal sealed record QueueTrigger(string Binding, string Queue, string Connection) : Trigger(Binding);

/// <summary>A function.json; the function's name is its folder's.</summary>
internal sealed record FunctionDefinition(string Name, Trigger Trigger)
{
    /// <exception cref="InvalidDataException">A function.json asks for something that the stand-in or the host does not do.</exception>
    public static IReadOnlyList<FunctionDefinition> ReadAll(string appRoot, HostConfiguration host, Func<string, string> setting)
    {
        var functions = Directory.EnumerateDirectories(appRoot)
            .Select(folder => Path.Combine(folder, "function.json"))
            .Where(File.Exists)
            .Order(StringComparer.Ordinal)
            .Select(path => Read(path, host, setting))
            .ToList();
        return functions.Count > 0 ? functions : throw new InvalidDataException($"No folder of {appRoot} holds a function.json.");
    }

    private static FunctionDefinition Read(string path, HostConfiguration host, Func<string, string> setting)
    {
        using var document = HostJson.Parse(path);
        var name = Path.GetFileName(Path.GetDirectoryName(path)!);
        var bindings = document.RootElement.TryAt(out var found, "bindings") ? found.EnumerateArray().ToList() : [];
        var triggers = bindings.Where(b => b.Text("type")?.EndsWith("Trigger", StringComparison.OrdinalIgnoreCase) == true).ToList();
        if (triggers is not [var trigger])
            throw new InvalidDataException($"{path}: a function has exactly one trigger; this one has {triggers.Count}.");
        var binding = trigger.Text("name") ?? throw new InvalidDataException($"{path}: the trigger has no name.");
        return new FunctionDefinition(name, trigger.Text("type")!.ToUpperInvariant() switch
        {
            "HTTPTRIGGER" => Http(path, name, binding, trigger, bindings, host),
            "TIMERTRIGGER" => Timer(path, binding, trigger, setting),
            "QUEUETRIGGER" => new QueueTrigger(
                binding,
                setting(trigger.Text("queueName") ?? throw new InvalidDataException($"{path}: the queueTrigger has no queueName.")),
                trigger.Text("connection") ?? "AzureWebJobsStorage"),
            var other => throw new InvalidDataException($"{path}: the stand-in runs httpTrigger, timerTrigger and queueTrigger, not {other}."),
        });
    }

    private static HttpTrigger Http(string path, string name, string binding, JsonElement trigger, List<JsonElement> bindings, HostConfiguration host)
    {
        if (bindings.Count != 2 || !bindings.Any(b => b.Text("type") == "http" && b.Text("direction") == "out"))
            throw new InvalidDataException($"{path}: an HTTP function needs exactly one httpTrigger in and one http out, or the host sends it JSON instead of the request.");
        if (!string.Equals(trigger.Text("authLevel"), "anonymous", StringComparison.OrdinalIgnoreCase))
            throw new InvalidDataException($"{path}: the stand-in has no function keys; set authLevel to anonymous.");
        var route = trigger.Text("route") ?? name;
        if (route.StartsWith("admin", StringComparison.OrdinalIgnoreCase) || route.StartsWith("runtime", StringComparison.OrdinalIgnoreCase))
            throw new InvalidDataException($"{path}: the host refuses a route that begins with 'admin' or 'runtime'.");
        return new HttpTrigger(
            binding,
            $"{host.RoutePrefix}/{route}".Trim('/'),
            trigger.TryAt(out var methods, "methods") ? [.. methods.EnumerateArray().Select(m => m.GetString()!.ToUpperInvariant())] : []);
    }

    private static TimerTrigger Timer(string path, string binding, JsonElement trigger, Func<string, string> setting)
    {
        var text = setting(trigger.Text("schedule") ?? throw new InvalidDataException($"{path}: the timerTrigger has no schedule."));
        var schedule = CrontabSchedule.TryParse(text, new CrontabSchedule.ParseOptions { IncludingSeconds = true })
            ?? throw new InvalidDataException($"{path}: '{text}' is no NCRONTAB expression of six fields ({{second}} {{minute}} {{hour}} {{day}} {{month}} {{day of week}}).");
        // The host keeps no status for a timer that is due more than once a minute.
        var first = schedule.GetNextOccurrence(DateTime.UnixEpoch);
        var often = schedule.GetNextOccurrence(first) - first < TimeSpan.FromMinutes(1);
        return new TimerTrigger(binding, schedule, !often && !(trigger.TryAt(out var use, "useMonitor") && use.ValueKind == JsonValueKind.False));
    }
}
