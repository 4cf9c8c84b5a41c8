using System.Diagnostics;
using System.Text.Json;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>PowerShell, which comes as a .NET tool, so that the hooks for Windows run in the tests of any machine.</summary>
internal static class PowerShell
{
    private static readonly Lazy<Task<string>> Program = new(RestoreAsync);

    /// <summary>The program to run with <c>dotnet exec</c>.</summary>
    public static Task<string> PathAsync() => Program.Value;

    private static async Task<string> RestoreAsync()
    {
        var restore = await FinishedProcess.RunAsync(new ProcessStartInfo("dotnet", ["tool", "restore"]) { WorkingDirectory = Repository.Root }, CancellationToken.None);
        Assert.True(restore.ExitCode == 0, restore.Output + restore.Errors);

        using var manifest = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, ".config", "dotnet-tools.json")));
        var version = manifest.RootElement.GetProperty("tools").GetProperty("powershell").GetProperty("version").GetString()!;
        var packages = Environment.GetEnvironmentVariable("NUGET_PACKAGES") is { Length: > 0 } named
            ? named
            : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages");
        var platform = OperatingSystem.IsWindows() ? "win" : "unix";
        return Assert.Single(Directory.GetFiles(Path.Combine(packages, "powershell", version, "tools"), "pwsh.dll", SearchOption.AllDirectories), file => Path.GetFileName(Path.GetDirectoryName(file)) == platform);
    }
}
