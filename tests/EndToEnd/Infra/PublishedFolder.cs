using System.Text.Json;
using StsFunctions.Tests.EndToEnd;

namespace StsFunctions.Tests.Infra;

/// <summary>The published app, as azd makes it: the files of it.</summary>
internal static class PublishedFolder
{
    /// <summary>Where it is.</summary>
    public static string Path => AppUnderTest.PublishedApp;

    /// <summary>Its files, by paths with forward slashes.</summary>
    public static IReadOnlyList<string> Files =>
        [.. Directory.GetFiles(Path, "*", SearchOption.AllDirectories).Select(file => System.IO.Path.GetRelativePath(Path, file).Replace('\\', '/')).Order(StringComparer.Ordinal)];

    /// <summary>The functions and their triggers, as the Functions host gets them.</summary>
    public static IReadOnlyList<(string Name, JsonElement Trigger)> Functions
    {
        get
        {
            return [.. Read("functions.metadata").EnumerateArray().Select(function => (
                function.GetProperty("name").GetString()!,
                function.GetProperty("bindings").EnumerateArray().Single(binding => binding.GetProperty("type").GetString()!.EndsWith("Trigger", StringComparison.Ordinal))))];
        }
    }

    /// <summary>One of its files, as JSON.</summary>
    public static JsonElement Read(string file)
    {
        using var json = JsonDocument.Parse(File.ReadAllText(System.IO.Path.Combine(Path, file)));
        return json.RootElement.Clone();
    }
}
