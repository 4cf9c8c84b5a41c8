using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;

namespace StsFunctions.Local.Azurite;

/// <summary>The one Azurite that the local runner, the tests and the benchmarks of a check-out share.</summary>
/// <remarks>It is in <c>.local/azurite/</c> at the repository's root, in a folder named after the lock file, so that a
/// new version never disturbs one that runs. Remove <c>.local</c> to uninstall it.</remarks>
internal static class AzuriteInstallation
{
    private const int OldestNode = 20;
    private const string Finished = "installed";
    private static readonly TimeSpan InstallTimeout = TimeSpan.FromMinutes(10);

    /// <summary>The folder beside this assembly that contains package.json, the lock file and run.mjs.</summary>
    public static string Source => Path.Combine(AppContext.BaseDirectory, "Azurite");

    /// <summary>The folder with Azurite installed in it; installs it if it is missing.</summary>
    /// <exception cref="InvalidOperationException">Node or npm is missing or too old, or npm failed.</exception>
    public static async Task<string> EnsureAsync(IProgress<string>? progress, CancellationToken cancellationToken)
    {
        await CheckNodeAsync(cancellationToken);
        var lockFile = await File.ReadAllBytesAsync(Path.Combine(Source, "package-lock.json"), cancellationToken);
        var folder = Path.Combine(RepositoryRoot(), ".local", "azurite", Convert.ToHexStringLower(SHA256.HashData(lockFile))[..12]);
        var finished = Path.Combine(folder, Finished);
        if (File.Exists(finished))
        {
            return folder;
        }

        using var exclusive = await FileLock.TakeAsync(Path.Combine(folder, "lock"), cancellationToken);
        if (File.Exists(finished))
        {
            return folder;
        }

        progress?.Report("Installing Azurite (once, about 190 MB) …");
        foreach (var name in (string[])["package.json", "package-lock.json"])
        {
            File.Copy(Path.Combine(Source, name), Path.Combine(folder, name), overwrite: true);
        }
        // npm ci first removes the files of an interrupted run; the mark is written last.
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        timeout.CancelAfter(InstallTimeout);
        var (exitCode, output) = await RunAsync(Npm, ["ci", "--no-fund", "--no-audit", "--ignore-scripts"], folder, timeout.Token);
        if (exitCode != 0)
        {
            throw new InvalidOperationException($"npm ci could not install Azurite in {folder} (exit code {exitCode}). Check that npm reaches its registry, then run again. npm said: {output}");
        }

        await File.WriteAllTextAsync(finished, "", cancellationToken);
        return folder;
    }

    private static string Npm => OperatingSystem.IsWindows() ? "npm.cmd" : "npm";

    private static async Task CheckNodeAsync(CancellationToken cancellationToken)
    {
        var version = await VersionAsync("node", cancellationToken);
        if (version < OldestNode)
        {
            throw new InvalidOperationException($"Node.js {version} is too old for the local storage (Azurite): install Node.js {OldestNode} or newer.");
        }

        await VersionAsync(Npm, cancellationToken);
    }

    private static async Task<int> VersionAsync(string program, CancellationToken cancellationToken)
    {
        var missing = $"'{program}' was not found or does not work: the local storage (Azurite) needs Node.js {OldestNode} or newer with npm. Install it, and check that 'node --version' and 'npm --version' work.";
        try
        {
            var (exitCode, output) = await RunAsync(program, ["--version"], AppContext.BaseDirectory, cancellationToken);
            return exitCode == 0 && int.TryParse(output.TrimStart('v').Split('.')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major)
                ? major
                : throw new InvalidOperationException(missing);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            throw new InvalidOperationException(missing, e);
        }
    }

    private static string RepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (File.Exists(Path.Combine(folder.FullName, "StsFunctions.sln")))
            {
                return folder.FullName;
            }
        }
        throw new InvalidOperationException($"No StsFunctions.sln above {AppContext.BaseDirectory}: run from a check-out of the repository, where Azurite is installed under .local.");
    }

    private static async Task<(int ExitCode, string Output)> RunAsync(string program, string[] arguments, string folder, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program, arguments)
        {
            WorkingDirectory = folder,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using var process = Process.Start(start)!;
        process.StandardInput.Close();
        try
        {
            var error = process.StandardError.ReadToEndAsync(cancellationToken);
            var output = await process.StandardOutput.ReadToEndAsync(cancellationToken);
            await process.WaitForExitAsync(cancellationToken);
            return (process.ExitCode, (output + await error).Trim());
        }
        finally
        {
            if (!process.HasExited)
            {
                process.Kill(entireProcessTree: true);
            }
        }
    }
}
