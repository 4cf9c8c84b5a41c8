using System.Diagnostics;
using System.Text.Json;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>The published app, as azd makes it: the folder that STS_APP names, or one that is published once, when the first test asks for it.</summary>
internal static class PublishedFolder
{
    /// <summary>Names a folder that was published already.</summary>
    public const string Variable = "STS_APP";

    private static readonly TimeSpan s_publishLimit = TimeSpan.FromMinutes(30);
    private static readonly Lazy<string> s_path = new(Find);

    /// <summary>Where it is.</summary>
    public static string Path => s_path.Value;

    /// <summary>Its files, by paths with forward slashes.</summary>
    public static IReadOnlyList<string> Files =>
        [.. Directory.GetFiles(Path, "*", SearchOption.AllDirectories).Select(file => System.IO.Path.GetRelativePath(Path, file).Replace('\\', '/')).Order(StringComparer.Ordinal)];

    /// <summary>Its functions and what triggers each, as the Functions host is told.</summary>
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

    private static string Find()
    {
        var named = Environment.GetEnvironmentVariable(Variable);
        var folder = string.IsNullOrEmpty(named) ? Publish() : System.IO.Path.GetFullPath(named);
        Assert.True(Directory.Exists(folder), $"{folder} is not there: {Variable} must name the folder that `dotnet publish functions/App -c Release -o FOLDER` made.");
        return folder;
    }

    private static string Publish()
    {
        var folder = System.IO.Path.Combine(Repository.Root, ".local", "published-app");
        if (Directory.Exists(folder))
        {
            // What an earlier publish left there would be found too.
            Directory.Delete(folder, recursive: true);
        }

        // Into intermediate folders of its own, since another test may publish at the same time.
        var start = new ProcessStartInfo(
            "dotnet",
            ["publish", System.IO.Path.Combine(Repository.Root, "functions", "App"), "-c", "Release", "-o", folder, "--artifacts-path", System.IO.Path.Combine(Repository.Root, ".local", "published-app-build"), "--nologo"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var publish = Process.Start(start)!;
        var output = publish.StandardOutput.ReadToEndAsync();
        var errors = publish.StandardError.ReadToEndAsync();
        Assert.True(publish.WaitForExit(s_publishLimit), $"dotnet publish has not ended within {s_publishLimit}.");
        Assert.True(publish.ExitCode == 0, $"dotnet publish failed:\n{output.Result}{errors.Result}");
        return folder;
    }
}
