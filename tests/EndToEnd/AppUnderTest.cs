using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using StsFunctions.Local;
using StsFunctions.Tests.EndToEnd;
using Xunit;

[assembly: AssemblyFixture(typeof(AppUnderTest))]

namespace StsFunctions.Tests.EndToEnd;

/// <summary>What is published: the app in the folder that STS_APP names and the command line that STS_COMMAND names, or both published here for this machine, once, for the first test that needs it.</summary>
[SuppressMessage("Performance", "CA1822", Justification = "Tests use a fixture through its instance.")]
public sealed class AppUnderTest
{
    private static readonly TimeSpan PublishLimit = TimeSpan.FromMinutes(30);

    private static readonly Lazy<string> AppFolder = new(() => Named("STS_APP") ?? Publish("App"));
    private static readonly Lazy<string> CliFolder = new(() => Path.GetDirectoryName(Named("STS_COMMAND")) ?? Publish("Cli"));

    /// <summary>The app's published folder.</summary>
    public static string PublishedApp => Path.GetDirectoryName(Existing(Path.Combine(AppFolder.Value, "StsFunctions.dll"), "STS_APP must name the folder of the published app"))!;

    /// <inheritdoc cref="PublishedApp"/>
    public string Folder => PublishedApp;

    /// <summary>The command line, <c>sts</c>.</summary>
    public string Command => Existing(Path.Combine(CliFolder.Value, OperatingSystem.IsWindows() ? "sts.exe" : "sts"), "STS_COMMAND must name the published executable");

    /// <summary>The folder of the command line.</summary>
    public string CommandFolder => Path.GetDirectoryName(Command)!;

    private static string? Named(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } named ? Path.GetFullPath(named) : null;

    private static string Existing(string path, string advice)
    {
        Assert.True(File.Exists(path), $"{path} is not there: {advice}.");
        return path;
    }

    private static string Publish(string project)
    {
        var folder = Path.Combine(Repository.Root, ".local", "published", project);
        // By default the app is published for linux-x64, as Azure runs it; another machine is named.
        string[] runtime = RuntimeInformation.RuntimeIdentifier == "linux-x64" ? [] : ["-r", RuntimeInformation.RuntimeIdentifier];
        var start = new ProcessStartInfo("dotnet", ["publish", Path.Combine(Repository.Root, "functions", project), "-c", "Release", "-o", folder, "--nologo", .. runtime])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var publish = Process.Start(start)!;
        var output = publish.StandardOutput.ReadToEndAsync();
        var errors = publish.StandardError.ReadToEndAsync();
        Assert.True(publish.WaitForExit(PublishLimit), $"dotnet publish has not ended within {PublishLimit}.");
        Assert.True(publish.ExitCode == 0, $"dotnet publish failed:\n{output.Result}{errors.Result}");
        return folder;
    }
}
