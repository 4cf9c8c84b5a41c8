using System.Text.Json;
using NCrontab;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>What starts a function.</summary>
internal abstract record Trigger(string Binding);

/// <summary>A route; no methods means all.</summary>
internal sealed record HttpTrigger(string Binding, string Route, IReadOnlyList<string> Methods) : Trigger(Binding);

/// <summary>A six-field NCRONTAB schedule in UTC.</summary>
internal sealed record TimerTrigger(string Binding, CrontabSchedule Schedule, bool UseMonitor, bool RunOnStartup) : Trigger(Binding);

/// <summary>A queue, and the storage account that it is in.</summary>
internal sealed record QueueTrigger(string Binding, string Queue, string ConnectionString) : Trigger(Binding);

/// <summary>A function as the worker describes it to the host.</summary>
internal sealed record FunctionDefinition(string Name, Trigger Trigger, bool IsDisabled)
{
    /// <summary>Reads a function from its bindings, each the JSON that a function.json would hold.</summary>
    /// <exception cref="InvalidDataException">The function uses something that the host refuses, or that the emulator does not support.</exception>
    public static FunctionDefinition Read(string name, IEnumerable<JsonElement> bindings, HostConfiguration host, IReadOnlyDictionary<string, string> settings)
    {
        var triggers = bindings.Where(binding => binding.Text("type")?.EndsWith("Trigger", StringComparison.OrdinalIgnoreCase) == true).ToList();
        if (triggers is not [var trigger])
        {
            throw new InvalidDataException($"{name}: a function has exactly one trigger; this one has {triggers.Count}.");
        }

        var parameter = trigger.Text("name") ?? throw new InvalidDataException($"{name}: the trigger has no name.");
        var isDisabled = string.Equals(Setting($"AzureWebJobs.{name}.Disabled", settings), bool.TrueString, StringComparison.OrdinalIgnoreCase);
        return new FunctionDefinition(
            name,
            trigger.Text("type")!.ToUpperInvariant() switch
            {
                "HTTPTRIGGER" => Http(name, parameter, trigger, host),
                "TIMERTRIGGER" => Timer(name, parameter, trigger, settings),
                "QUEUETRIGGER" => Queue(name, parameter, trigger, settings, isDisabled),
                var other => throw new InvalidDataException($"{name}: the emulator runs httpTrigger, timerTrigger and queueTrigger, not {other}."),
            },
            isDisabled);
    }

    private static HttpTrigger Http(string name, string parameter, JsonElement trigger, HostConfiguration host)
    {
        if (!string.Equals(trigger.Text("authLevel"), "anonymous", StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidDataException($"{name}: the emulator has no function keys; set authLevel to anonymous.");
        }

        var route = $"{host.RoutePrefix.Trim('/')}/{trigger.Text("route") ?? name}".Trim('/');
        if (route.StartsWith("admin", StringComparison.OrdinalIgnoreCase) || route.StartsWith("runtime", StringComparison.OrdinalIgnoreCase))
        {
            throw new InvalidDataException($"{name}: the host refuses a route that begins with 'admin' or 'runtime'.");
        }

        return new HttpTrigger(
            parameter,
            route,
            trigger.TryAt(out var methods, "methods") ? [.. methods.EnumerateArray().Select(method => method.GetString()!.ToUpperInvariant())] : []);
    }

    private static TimerTrigger Timer(string name, string parameter, JsonElement trigger, IReadOnlyDictionary<string, string> settings)
    {
        var text = Expand(trigger.Text("schedule") ?? throw new InvalidDataException($"{name}: the timerTrigger has no schedule."), name, settings);
        var schedule = CrontabSchedule.TryParse(text, new CrontabSchedule.ParseOptions { IncludingSeconds = true })
            ?? throw new InvalidDataException($"{name}: '{text}' is no NCRONTAB expression of six fields ({{second}} {{minute}} {{hour}} {{day}} {{month}} {{day of week}}).");
        // The host stores no status for a timer that is due more than once a minute.
        var first = schedule.GetNextOccurrence(DateTime.UnixEpoch);
        var isFrequent = schedule.GetNextOccurrence(first) - first < TimeSpan.FromMinutes(1);
        return new TimerTrigger(
            parameter,
            schedule,
            UseMonitor: !isFrequent && !(trigger.TryAt(out var use, "useMonitor") && use.ValueKind == JsonValueKind.False),
            RunOnStartup: trigger.Flag("runOnStartup"));
    }

    private static QueueTrigger Queue(string name, string parameter, JsonElement trigger, IReadOnlyDictionary<string, string> settings, bool isDisabled)
    {
        if (trigger.TryAt(out var deferred, "properties", "supportsDeferredBinding"))
        {
            throw new InvalidDataException($"{name}: the emulator hands a queue message over as text ({deferred}); bind it to a string.");
        }

        var queue = Expand(trigger.Text("queueName") ?? throw new InvalidDataException($"{name}: the queueTrigger has no queueName."), name, settings);
        var connection = trigger.Text("connection") is { Length: > 0 } named ? named : "AzureWebJobsStorage";
        var connectionString = Setting(connection, settings);
        return new QueueTrigger(
            parameter,
            queue,
            connectionString ?? (isDisabled ? "" : throw new InvalidDataException($"{name} needs the setting {connection}: a storage connection string.")));
    }

    // %NAME% refers to a setting, anywhere in the text.
    private static string Expand(string text, string name, IReadOnlyDictionary<string, string> settings)
    {
        var parts = text.Split('%');
        for (var i = 1; i < parts.Length - 1; i += 2)
        {
            parts[i] = Setting(parts[i], settings) ?? throw new InvalidDataException($"{name} refers to the setting {parts[i]}, which is not set.");
        }

        return string.Concat(parts);
    }

    private static string? Setting(string name, IReadOnlyDictionary<string, string> settings) =>
        settings.GetValueOrDefault(name) ?? Environment.GetEnvironmentVariable(name);
}
