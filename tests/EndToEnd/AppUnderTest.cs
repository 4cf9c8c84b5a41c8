using System.Diagnostics;
using System.Runtime.InteropServices;
using StsFunctions.Local;
using StsFunctions.Tests.EndToEnd;
using Xunit;

[assembly: AssemblyFixture(typeof(AppUnderTest))]

namespace StsFunctions.Tests.EndToEnd;

/// <summary>The published app: the binary that STS_BINARY names, or one that is published here, once, for this machine.</summary>
public sealed class AppUnderTest : IAsyncLifetime
{
    private static readonly TimeSpan PublishLimit = TimeSpan.FromMinutes(15);

    /// <summary>The published folder.</summary>
    public string Folder { get; private set; } = "";

    /// <summary>The executable.</summary>
    public string Binary { get; private set; } = "";

    /// <summary>A native binary stands alone; anything else has its assemblies beside it.</summary>
    public bool IsNative => !File.Exists(Path.Combine(Folder, "StsFunctions.dll"));

    public async ValueTask InitializeAsync()
    {
        var named = Environment.GetEnvironmentVariable("STS_BINARY");
        Binary = string.IsNullOrEmpty(named) ? await PublishAsync() : Path.GetFullPath(named);
        Folder = Path.GetDirectoryName(Binary)!;
        Assert.True(File.Exists(Binary), $"{Binary} is not there: STS_BINARY must name the published executable.");
        var kind = IsNative ? "native code" : "ReadyToRun";
        TestContext.Current.SendDiagnosticMessage($"The end-to-end tests run against {kind}: {Binary}");
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static async Task<string> PublishAsync()
    {
        var folder = Path.Combine(Repository.Root, ".local", "published");
        // What is published without a word more is for linux-x64, as Azure runs it; another machine is named.
        string[] runtime = RuntimeInformation.RuntimeIdentifier == "linux-x64" ? [] : ["-r", RuntimeInformation.RuntimeIdentifier];
        var start = new ProcessStartInfo("dotnet", ["publish", Path.Combine(Repository.Root, "functions"), "-c", "Release", "-o", folder, "--nologo", .. runtime])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var publish = Process.Start(start)!;
        var output = publish.StandardOutput.ReadToEndAsync();
        var errors = publish.StandardError.ReadToEndAsync();
        using var limit = new CancellationTokenSource(PublishLimit);
        await publish.WaitForExitAsync(limit.Token);
        Assert.True(publish.ExitCode == 0, $"dotnet publish failed:\n{await output}{await errors}");
        return Path.Combine(folder, OperatingSystem.IsWindows() ? "StsFunctions.exe" : "StsFunctions");
    }
}
