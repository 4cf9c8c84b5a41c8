using System.Diagnostics;
using System.IO.Compression;
using System.Runtime.Versioning;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>
/// What azd does with the app, without azd: zipped, unpacked in another place that is read-only, and started there by a Functions host as
/// another user, from another working folder.
/// </summary>
[UnsupportedOSPlatform("windows")]
public sealed class DeployedAppTests : IDisposable
{
    private const UnixFileMode ReadOnly =
        UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;

    private const UnixFileMode Everything = ReadOnly | UnixFileMode.UserWrite | UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    // Who owns nothing.
    private const string Nobody = "65534";

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(10);

    private readonly string _folder = Directory.CreateTempSubdirectory("sts-deployed-").FullName;

    private string Root => Path.Combine(_folder, "wwwroot");

    private string Home => Path.Combine(_folder, "home");

    private string Elsewhere => Path.Combine(_folder, "elsewhere");

    private string Programs => Path.Combine(_folder, "programs");

    private string Starts => Path.Combine(Programs, "starts");

    [Fact]
    public void A_zip_file_contains_the_folder_whose_name_begins_with_a_dot()
    {
        Unpack();

        Assert.Equal(PublishedFolder.Files, Directory.GetFiles(Root, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(Root, file).Replace('\\', '/')).Order(StringComparer.Ordinal));
        Assert.Contains(PublishedFolder.Files, file => file.StartsWith(".azurefunctions/", StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Conformance", "GET-1")]
    public async Task The_deployed_app_works_on_a_read_only_file_system()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The app is for Linux.");
        Unpack();
        WriteDotnet();
        foreach (var folder in (string[])[Root, Home, Elsewhere])
        {
            Directory.CreateDirectory(folder);
            foreach (var entry in Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories).Append(folder))
            {
                File.SetUnixFileMode(entry, ReadOnly);
            }
        }

        var before = Entries();
        var run = await RunEmulatorAsync();

        Assert.True(run.ExitCode == 0, run.Output + run.Errors);
        // By the program below, and so as it says.
        var starts = await File.ReadAllLinesAsync(Starts, TestContext.Current.CancellationToken);
        Assert.NotEmpty(starts);
        Assert.All(starts, start => Assert.Equal($"{(Environment.IsPrivilegedProcess ? Nobody : start.Split(' ')[0])} {Elsewhere}", start));
        Assert.Equal(before, Entries());
    }

    public void Dispose()
    {
        foreach (var folder in Directory.GetDirectories(_folder, "*", SearchOption.AllDirectories).Append(_folder))
        {
            File.SetUnixFileMode(folder, Everything);
        }

        Directory.Delete(_folder, recursive: true);
    }

    private void Unpack()
    {
        var zip = Path.Combine(_folder, "app.zip");
        ZipFile.CreateFromDirectory(PublishedFolder.Path, zip);
        ZipFile.ExtractToDirectory(zip, Root);
        File.SetUnixFileMode(_folder, Everything);
    }

    private List<string> Entries() =>
        [.. ((string[])[Root, Home, Elsewhere]).SelectMany(folder => Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories)).Order(StringComparer.Ordinal)];

    // The host starts `dotnet StsFunctions.dll …` in the app's folder. This program is the first dotnet on its path. It changes the user, gives
    // a home that cannot be written, and goes to another folder, as a placeholder is in one (Azure/azure-functions-dotnet-worker issue 3374).
    private void WriteDotnet()
    {
        var program = Path.Combine(Programs, "dotnet");
        Directory.CreateDirectory(Programs);
        File.WriteAllText(Starts, "");
        var asNobody = Environment.IsPrivilegedProcess ? $"setpriv --reuid {Nobody} --regid {Nobody} --clear-groups " : "";
        File.WriteAllText(program, $$"""
            #!/bin/sh
            case $1 in
                /*StsFunctions.dll) worker=$1 ;;
                *StsFunctions.dll) worker=$PWD/$1 ;;
                *) exec '{{Dotnet()}}' "$@" ;;
            esac
            shift
            # What the lab's settings name is for this user too.
            chmod 755 "$(dirname "$Sts__Lab__TrustedRoots")"
            mkdir -p "$Sts__EmailPickupFolder" && chmod 777 "$Sts__EmailPickupFolder"
            cd '{{Elsewhere}}'
            exec {{asNobody}}env HOME='{{Home}}' TMPDIR='{{Home}}' sh -c 'echo "$(id -u) $(pwd)" >> "$0"; exec "$@"' '{{Starts}}' '{{Dotnet()}}' "$worker" "$@"

            """);
        File.SetUnixFileMode(Programs, ReadOnly | UnixFileMode.UserWrite);
        File.SetUnixFileMode(program, ReadOnly);
        File.SetUnixFileMode(Starts, Everything);
    }

    private async Task<FinishedProcess> RunEmulatorAsync()
    {
        var start = new ProcessStartInfo(Dotnet(), ["exec", typeof(Repository).Assembly.Location, "--app", Root, "--smoke"]) { WorkingDirectory = Repository.Root };
        start.Environment["PATH"] = $"{Programs}:{start.Environment["PATH"]}";
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        limit.CancelAfter(Limit);
        return await FinishedProcess.RunAsync(start, limit.Token);
    }

    private static string Dotnet() => Environment.GetEnvironmentVariable("PATH")!.Split(':').Select(folder => Path.Combine(folder, "dotnet")).First(File.Exists);
}
