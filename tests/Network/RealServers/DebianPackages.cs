using System.Diagnostics;
using System.Runtime.Versioning;
using System.Security.Cryptography;
using System.Text;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.RealServers;

/// <summary>
/// Servers as Debian and Ubuntu ship them, unpacked into <c>.local/debian/</c> at the repository's root: the machine's own apt knows
/// their source and verifies them, nothing is installed, and no root is needed. Remove <c>.local</c> to delete them.
/// </summary>
/// <param name="Root">What would be <c>/</c> if they were installed.</param>
internal sealed record DebianPackages(string Root)
{
    /// <summary>Set to <c>require</c>, it makes a test that cannot have these servers fail; without it such a test is skipped.</summary>
    public const string Variable = "STS_REAL_SERVERS";

    private const string Unpacked = "unpacked";

    // Each is asked for alone: mail servers exclude one another where they are installed.
    private static readonly string[] PackageNames = ["exim4-daemon-light", "postfix", "unbound", "knot", "libnss-wrapper", "libuid-wrapper"];
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);
    private static readonly Lazy<Task<DebianPackages>> Packages = new(EnsureAsync);

    /// <summary>Where the libraries are that this machine lacks.</summary>
    public string Libraries { get; } = string.Join(':', new[] { "usr/lib", "lib" }
        .Select(folder => Path.Combine(Root, folder))
        .Where(Directory.Exists)
        .SelectMany(folder => Directory.GetDirectories(folder, "*-linux-gnu*").Append(Path.Combine(folder, "postfix")))
        .Where(Directory.Exists));

    /// <summary>The packages, downloaded by the first who asks. Where they cannot be had, the test that asks ends here.</summary>
    public static async Task<DebianPackages> RequireAsync()
    {
        try
        {
            return await Packages.Value;
        }
        catch (InvalidOperationException e) when (Environment.GetEnvironmentVariable(Variable) != "require")
        {
            Assert.Skip(e.Message);
            throw;
        }
    }

    /// <summary>The path of an unpacked file.</summary>
    /// <param name="path">Where it would be if it were installed, without the first slash.</param>
    public string File(string path) => Path.Combine(Root, path);

    private static async Task<DebianPackages> EnsureAsync()
    {
        if (!OperatingSystem.IsLinux() || !IsThere("apt-get") || !IsThere("dpkg-deb") || !IsThere("setsid"))
        {
            throw new InvalidOperationException("Real mail and DNS servers come from Debian packages: run the tests on Debian or Ubuntu to test with them.");
        }

        using var limit = new CancellationTokenSource(Patience);
        var release = await System.IO.File.ReadAllTextAsync("/etc/os-release", limit.Token);
        var key = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{string.Join(' ', PackageNames)}\n{release}")))[..12];
        var folder = Path.Combine(Repository.Root, ".local", "debian", key);
        var packages = Path.Combine(folder, "root");
        var finished = Path.Combine(folder, Unpacked);
        if (System.IO.File.Exists(finished))
        {
            return new DebianPackages(packages);
        }

        using var exclusive = await FileLock.TakeAsync(Path.Combine(folder, "lock"), limit.Token);
        if (!System.IO.File.Exists(finished))
        {
            await UnpackAsync(await DownloadAsync(folder, limit.Token), packages, limit.Token);
            await System.IO.File.WriteAllTextAsync(finished, "", limit.Token);
        }

        return new DebianPackages(packages);
    }

    private static async Task<string> DownloadAsync(string folder, CancellationToken cancellationToken)
    {
        var (archives, lists) = (Path.Combine(folder, "archives"), Path.Combine(folder, "lists"));
        Directory.CreateDirectory(Path.Combine(archives, "partial"));
        Directory.CreateDirectory(Path.Combine(lists, "partial"));
        // Nothing of the machine's own is written, so that neither root nor its locks are needed.
        string[] ours = ["-q", "-o", $"Dir::Cache={folder}", "-o", $"Dir::Cache::archives={archives}", "-o", "Debug::NoLocking=true", "-o", "APT::Sandbox::User=root"];
        string[] ownLists = ["-o", $"Dir::State::lists={lists}"];
        try
        {
            await FetchAsync(ours, cancellationToken);
        }
        catch (InvalidOperationException)
        {
            // The machine's package lists are missing, or so old that what they name is gone.
            await AptAsync([.. ours, .. ownLists, "update"], cancellationToken);
            await FetchAsync([.. ours, .. ownLists], cancellationToken);
        }

        Directory.Delete(lists, recursive: true);
        return archives;
    }

    private static async Task FetchAsync(string[] options, CancellationToken cancellationToken)
    {
        foreach (var package in PackageNames)
        {
            await AptAsync([.. options, "-y", "--no-install-recommends", "--reinstall", "--download-only", "install", package], cancellationToken);
        }
    }

    private static Task AptAsync(string[] arguments, CancellationToken cancellationToken) => RunAsync("apt-get", arguments, cancellationToken);

    [SupportedOSPlatform("linux")]
    private static async Task UnpackAsync(string archives, string root, CancellationToken cancellationToken)
    {
        if (Directory.Exists(root))
        {
            Directory.Delete(root, recursive: true);
        }

        Directory.CreateDirectory(root);
        foreach (var archive in Directory.GetFiles(archives, "*.deb"))
        {
            await RunAsync("dpkg-deb", ["-x", archive, root], cancellationToken);
        }
        // No server changes to the user who unpacked them.
        foreach (var program in Directory.GetFiles(Path.Combine(root, "usr", "sbin")).Where(file => new FileInfo(file).LinkTarget is null))
        {
            System.IO.File.SetUnixFileMode(program, System.IO.File.GetUnixFileMode(program) & ~(UnixFileMode.SetUser | UnixFileMode.SetGroup));
        }

        Directory.Delete(archives, recursive: true);
    }

    private static async Task RunAsync(string program, string[] arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo(program, arguments);
        start.Environment["LC_ALL"] = "C";
        var finished = await FinishedProcess.RunAsync(start, cancellationToken);
        if (finished.ExitCode != 0)
        {
            throw new InvalidOperationException(
                $"Real mail and DNS servers could not be had from Debian packages: '{program} {arguments[^1]}' ended with {finished.ExitCode}. Check that 'apt-get update' works here, then run again. It said: {finished.Errors.Trim()}");
        }
    }

    private static bool IsThere(string program) =>
        (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => System.IO.File.Exists(Path.Combine(folder, program)));
}
