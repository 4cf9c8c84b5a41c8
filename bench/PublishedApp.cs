using System.Diagnostics;
using StsFunctions.Local;

namespace StsFunctions.Bench;

/// <summary>A published isolated worker.</summary>
/// <param name="Folder">What is deployed, and what it runs in.</param>
/// <param name="How">How it was published.</param>
internal sealed record PublishedApp(string Folder, string How)
{
    /// <summary>The app's published folder, if it is not to be published first.</summary>
    public const string Variable = "STS_APP";

    /// <summary>The published executable of the command line, likewise.</summary>
    public const string CommandVariable = "STS_COMMAND";

    private const string ReadyToRun = "framework-dependent ReadyToRun";

    /// <summary>The app as it is deployed.</summary>
    public static async Task<PublishedApp> AppAsync(IProgress<string> progress, CancellationToken cancellationToken)
    {
        if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 } named)
        {
            progress.Report("Publishing the app …");
            return new PublishedApp(await PublishAsync("functions/App", "app", cancellationToken), ReadyToRun);
        }

        return Named(named, Variable);
    }

    /// <summary>The app as it was published before.</summary>
    public static PublishedApp Named(string named, string by)
    {
        var folder = Path.GetFullPath(named);
        return File.Exists(Path.Combine(folder, "worker.config.json"))
            ? new PublishedApp(folder, $"as named by {by}")
            : throw new InvalidOperationException($"{by} names {folder}, which has no worker.config.json: name the folder of a published app.");
    }

    /// <summary>The empty worker, published in the same way.</summary>
    public static async Task<PublishedApp> EmptyAsync(IProgress<string> progress, CancellationToken cancellationToken)
    {
        progress.Report("Publishing the empty worker …");
        return new PublishedApp(await PublishAsync("bench/EmptyWorker", "empty", cancellationToken), ReadyToRun);
    }

    /// <summary>The folder of the command line <c>sts</c>.</summary>
    public static async Task<string> CommandRootAsync(IProgress<string> progress, CancellationToken cancellationToken)
    {
        if (Environment.GetEnvironmentVariable(CommandVariable) is not { Length: > 0 } named)
        {
            progress.Report("Publishing the command line as native code (minutes the first time) …");
            return await PublishAsync("functions/Cli", "sts", cancellationToken);
        }

        var executable = Path.GetFullPath(named);
        return File.Exists(executable)
            ? Path.GetDirectoryName(executable)!
            : throw new InvalidOperationException($"{CommandVariable} names {executable}, which does not exist: name the executable itself, or remove {CommandVariable} to have it published.");
    }

    /// <summary>Publishes a project of this repository and returns the folder.</summary>
    public static async Task<string> PublishAsync(string project, string name, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(Repository.Root, ".local", "bench", name);
        await Programs.RunAsync(new ProcessStartInfo("dotnet", ["publish", Path.Combine(Repository.Root, project), "-c", "Release", "-o", folder]), cancellationToken);
        return folder;
    }
}
