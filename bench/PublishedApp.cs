using System.Diagnostics;
using StsFunctions.Local;

namespace StsFunctions.Bench;

/// <summary>A published app.</summary>
/// <param name="Executable">Its path; the app runs in its folder, as on Azure.</param>
/// <param name="How">How it was published.</param>
internal sealed record PublishedApp(string Executable, string How)
{
    /// <summary>An executable named here is measured as the native one.</summary>
    public const string Variable = "STS_BINARY";

    /// <summary>The folder it runs in.</summary>
    public string Folder => Path.GetDirectoryName(Executable)!;

    /// <summary>The app as it is deployed: native code.</summary>
    public static async Task<PublishedApp> NativeAsync(IProgress<string> progress, CancellationToken cancellation)
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
        {
            var executable = Path.GetFullPath(named);
            return File.Exists(executable)
                ? new PublishedApp(executable, $"native code, as named by {Variable}")
                : throw new InvalidOperationException($"{Variable} names {executable}, which is not there: name the executable itself, or leave {Variable} away to have it published.");
        }

        progress.Report("Publishing the app as native code (minutes the first time) …");
        var app = await PublishAsync("native", "native code", [], cancellation);
        // Without a linker the app is published as ReadyToRun, which is another thing.
        return File.Exists(Path.Combine(app.Folder, "StsFunctions.dll"))
            ? throw new InvalidOperationException("The app was published without native code, since this machine has no linker: apt-get install gcc zlib1g-dev, then remove .local/bench and run again.")
            : app;
    }

    /// <summary>The same app with a just-in-time compiler.</summary>
    public static Task<PublishedApp> JitAsync(IProgress<string> progress, CancellationToken cancellation)
    {
        progress.Report("Publishing the app with a just-in-time compiler …");
        return PublishAsync(
            "jit",
            "JIT: framework-dependent, the app's own assemblies as IL without ReadyToRun",
            // A lock file of its own: this one has no native compiler among its packages.
            ["-p:PublishAot=false", "-p:PublishReadyToRun=false", "--no-self-contained", "-p:NuGetLockFilePath=obj/jit.packages.lock.json"],
            cancellation);
    }

    private static async Task<PublishedApp> PublishAsync(string name, string how, string[] options, CancellationToken cancellation)
    {
        var folder = Path.Combine(Repository.Root, ".local", "bench", name);
        await Programs.RunAsync(
            new ProcessStartInfo("dotnet", ["publish", Path.Combine(Repository.Root, "functions"), "-c", "Release", "-o", folder, .. options]), cancellation);
        return new PublishedApp(Path.Combine(folder, "StsFunctions"), how);
    }
}
