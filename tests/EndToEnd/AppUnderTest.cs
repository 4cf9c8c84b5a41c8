using System.Diagnostics;
using System.Runtime.InteropServices;
using StsFunctions.Local;
using StsFunctions.Tests.EndToEnd;
using Xunit;

[assembly: AssemblyFixture(typeof(AppUnderTest))]

namespace StsFunctions.Tests.EndToEnd;

/// <summary>The published app: the binary that STS_BINARY names, or one that is published here for this machine, once, when the first test asks for it.</summary>
public sealed class AppUnderTest
{
    private static readonly TimeSpan PublishLimit = TimeSpan.FromMinutes(30);

    private readonly Lazy<string> _binary = new(Find);

    /// <summary>The executable.</summary>
    public string Binary => _binary.Value;

    /// <summary>The published folder.</summary>
    public string Folder => Path.GetDirectoryName(Binary)!;

    /// <summary>A native binary stands alone; anything else has its assemblies beside it.</summary>
    public bool IsNative => !File.Exists(Path.Combine(Folder, "StsFunctions.dll"));

    private static string Find()
    {
        var named = Environment.GetEnvironmentVariable("STS_BINARY");
        var binary = string.IsNullOrEmpty(named) ? Publish() : Path.GetFullPath(named);
        Assert.True(File.Exists(binary), $"{binary} is not there: STS_BINARY must name the published executable.");
        return binary;
    }

    private static string Publish()
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
        Assert.True(publish.WaitForExit(PublishLimit), $"dotnet publish has not ended within {PublishLimit}.");
        Assert.True(publish.ExitCode == 0, $"dotnet publish failed:\n{output.Result}{errors.Result}");
        return Path.Combine(folder, OperatingSystem.IsWindows() ? "StsFunctions.exe" : "StsFunctions");
    }
}
