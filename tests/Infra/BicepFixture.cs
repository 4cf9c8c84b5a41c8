using System.Collections.Concurrent;
using System.Diagnostics;
using System.Reflection;
using System.Text.Json.Nodes;
using StsFunctions.Local;
using StsFunctions.Tests.Infra;
using Xunit;

[assembly: AssemblyFixture(typeof(BicepFixture))]

namespace StsFunctions.Tests.Infra;

/// <summary>The results of the Bicep compiler for the templates; nothing of it needs Azure or a network.</summary>
public sealed class BicepFixture : IDisposable
{
    /// <summary>The subscription of every prediction.</summary>
    public const string Subscription = "00000000-0000-0000-0000-000000000001";

    /// <summary>Its tenant.</summary>
    public const string Tenant = "00000000-0000-0000-0000-000000000002";

    private static readonly string Program = typeof(BicepFixture).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>().Single(a => a.Key == "Bicep").Value!;

    // Inside the repository: a parameters file names its template by a relative path.
    private readonly string _folder = Directory.CreateDirectory(Path.Combine(Repository.Root, ".local", "infra", Guid.NewGuid().ToString("n"))).FullName;
    private readonly ConcurrentDictionary<string, Lazy<Task<JsonNode>>> _predictions = new();
    private readonly Lazy<Task<JsonNode>> _template;

    public BicepFixture() => _template = new(CompileAsync);

    /// <summary>infra/.</summary>
    public static string Infra { get; } = Path.Combine(Repository.Root, "infra");

    /// <summary>The template.</summary>
    public static string Main { get; } = Path.Combine(Infra, "main.bicep");

    /// <summary>tests/Infra/cases: parameters, and beside them what is deployed for them.</summary>
    public static string Cases { get; } = Path.Combine(Repository.Root, "tests", "Infra", "cases");

    /// <summary>The names of the cases.</summary>
    public static IReadOnlyList<string> CaseNames { get; } =
        [.. Directory.GetFiles(Cases, "*.bicepparam").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)];

    /// <summary>An empty folder inside the repository, for as long as the tests run.</summary>
    public string NewFolder() => Directory.CreateDirectory(Path.Combine(_folder, Guid.NewGuid().ToString("n"))).FullName;

    /// <summary>The compiled template.</summary>
    public Task<JsonNode> TemplateAsync() => _template.Value;

    /// <summary>Every resource of the compiled template, those of its modules included.</summary>
    public async Task<IReadOnlyList<JsonObject>> TemplateResourcesAsync() => [.. ResourcesOf(await TemplateAsync())];

    /// <summary>What would be deployed in a case.</summary>
    public Task<JsonNode> PredictAsync(string name) => _predictions.GetOrAdd(name, _ => new(async () =>
    {
        var run = await PredictAsync(name, File.ReadAllText(Path.Combine(Cases, $"{name}.bicepparam")));
        Assert.True(run.ExitCode == 0 && run.Output == "", run.Output);
        return run.Prediction!;
    })).Value;

    /// <summary>The resources that would be deployed in a case.</summary>
    public async Task<IReadOnlyList<JsonObject>> ResourcesAsync(string name) =>
        [.. (await PredictAsync(name))["predictedResources"]!.AsArray().Select(resource => resource!.AsObject())];

    /// <summary>What would be deployed for these parameters, or why nothing would.</summary>
    public async Task<(int ExitCode, string Output, JsonNode? Prediction)> PredictAsync(string name, string parameters)
    {
        var folder = NewFolder();
        var file = Path.Combine(folder, $"{name}.bicepparam");
        await File.WriteAllTextAsync(file, parameters.Replace("'../../../infra/main.bicep'", "'../../../../infra/main.bicep'", StringComparison.Ordinal));
        var (code, said) = await RunAsync("snapshot", file, "--subscription-id", Subscription, "--tenant-id", Tenant);
        return (code, said, code == 0 ? JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(folder, $"{name}.snapshot.json"))) : null);
    }

    /// <summary>Runs the compiler; its output is all that it wrote, on either stream.</summary>
    public static async Task<(int ExitCode, string Output)> RunAsync(params string[] arguments)
    {
        var run = await FinishedProcess.RunAsync(new ProcessStartInfo(Program, arguments), CancellationToken.None);
        return (run.ExitCode, (run.Output + run.Errors).Trim());
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private async Task<JsonNode> CompileAsync()
    {
        var file = Path.Combine(_folder, "main.json");
        var (code, said) = await RunAsync("build", Main, "--outfile", file);
        Assert.True(code == 0, said);
        return JsonNode.Parse(await File.ReadAllTextAsync(file))!;
    }

    private static IEnumerable<JsonObject> ResourcesOf(JsonNode template)
    {
        // By name, or as a list where the compiler needs no names.
        var resources = template["resources"] is JsonObject named ? named.Select(resource => resource.Value) : template["resources"]!.AsArray();
        return resources.Select(resource => resource!.AsObject())
            .SelectMany(resource => (resource["properties"] as JsonObject)?["template"] is { } inner ? ResourcesOf(inner).Prepend(resource) : [resource]);
    }
}
