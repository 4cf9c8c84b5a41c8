using System.Text.Json;
using System.Text.Json.Nodes;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>The templates compile without output, and deploy the resources of the snapshots for each edge and option.</summary>
public sealed class SnapshotTests(BicepFixture bicep)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public static TheoryData<string> Cases => [.. BicepFixture.CaseNames];

    [Fact]
    public async Task Build_and_lint_print_nothing()
    {
        // A type error is a warning with exit code 0.
        Assert.Equal((0, ""), await BicepFixture.RunAsync("lint", BicepFixture.Main));
        var (code, said) = await BicepFixture.RunAsync("build", BicepFixture.Main, "--stdout");
        Assert.Equal(0, code);
        Assert.StartsWith("{", said, StringComparison.Ordinal);
        JsonDocument.Parse(said).Dispose();
    }

    [Fact]
    public async Task Each_source_is_formatted_by_the_compiler()
    {
        var sources = Directory.GetFiles(BicepFixture.Infra, "*.bicep", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(BicepFixture.Infra, file)).ToList();
        var copies = bicep.NewFolder();
        foreach (var source in sources.Append("bicepconfig.json"))
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(copies, source))!);
            File.Copy(Path.Combine(BicepFixture.Infra, source), Path.Combine(copies, source));
        }

        Assert.Equal((0, ""), await BicepFixture.RunAsync("format", "--pattern", Path.Combine(copies, "**", "*.bicep")));
        Assert.All(sources, source => Assert.Equal(File.ReadAllText(Path.Combine(BicepFixture.Infra, source)), File.ReadAllText(Path.Combine(copies, source))));
    }

    [Fact]
    public void Every_module_is_used()
    {
        var sources = Directory.GetFiles(BicepFixture.Infra, "*.bicep", SearchOption.AllDirectories).Select(File.ReadAllText).ToList();
        Assert.All(
            Directory.GetFiles(Path.Combine(BicepFixture.Infra, "modules"), "*.bicep"),
            module => Assert.Contains(sources, source => source.Contains($"{Path.GetFileName(module)}'", StringComparison.Ordinal)));
        Assert.DoesNotContain(sources, source => source.Contains("'br/", StringComparison.Ordinal) || source.Contains("'br:", StringComparison.Ordinal));
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public async Task A_case_deploys_what_its_snapshot_says(string name)
    {
        // Written anew by STS_UPDATE_SNAPSHOTS=1, so that a change of resources is a change to review.
        var file = Path.Combine(BicepFixture.Cases, $"{name}.json");
        var predicted = await bicep.PredictAsync(name);
        Assert.Empty(predicted["diagnostics"]!.AsArray());
        if (Environment.GetEnvironmentVariable("STS_UPDATE_SNAPSHOTS") == "1")
        {
            await File.WriteAllTextAsync(file, InOrder(predicted).ToJsonString(Indented).ReplaceLineEndings("\n") + "\n", TestContext.Current.CancellationToken);
        }

        var expected = JsonNode.Parse(await File.ReadAllTextAsync(file, TestContext.Current.CancellationToken))!;
        Assert.Empty(Differences(expected, predicted));
    }

    // The compiler's outputs come in another order each time.
    private static JsonNode InOrder(JsonNode predicted)
    {
        var snapshot = predicted.DeepClone();
        snapshot["outputs"] = new JsonObject(snapshot["outputs"]!.AsObject().OrderBy(output => output.Key, StringComparer.Ordinal).Select(output => KeyValuePair.Create(output.Key, output.Value?.DeepClone())));
        return snapshot;
    }

    private static IEnumerable<string> Differences(JsonNode expected, JsonNode actual)
    {
        var (before, after) = (ById(expected), ById(actual));
        return before.Keys.Except(after.Keys).Select(id => $"no longer there: {id}")
            .Concat(after.Keys.Except(before.Keys).Select(id => $"new: {id}"))
            .Concat(before.Keys.Intersect(after.Keys).Where(id => !JsonNode.DeepEquals(before[id], after[id])).Select(id => $"changed: {id}\n  from {before[id].ToJsonString()}\n  to   {after[id].ToJsonString()}"))
            .Concat(JsonNode.DeepEquals(expected["outputs"], actual["outputs"]) ? [] : ["changed: the outputs"]);
    }

    // One resource may be deployed twice: a host name is bound, and then bound with TLS.
    private static Dictionary<string, JsonArray> ById(JsonNode snapshot) => snapshot["predictedResources"]!.AsArray()
        .GroupBy(resource => resource!["id"]!.GetValue<string>())
        .ToDictionary(same => same.Key, same => new JsonArray([.. same.Select(resource => resource!.DeepClone())]));
}
