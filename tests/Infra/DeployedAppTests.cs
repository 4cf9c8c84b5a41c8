using System.Diagnostics;
using System.IO.Compression;
using System.Net;
using System.Runtime.Versioning;
using System.Text;
using StsFunctions.Local;
using StsFunctions.Package;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Tests.EndToEnd;
using StsFunctions.Tests.Hosting;
using Xunit;

namespace StsFunctions.Tests.Infra;

/// <summary>What azd does with the app, without azd: published, packed, unpacked elsewhere, and started as the Functions host starts it.</summary>
[UnsupportedOSPlatform("windows")]
public sealed class DeployedAppTests(AzuriteFixture azurite, AppUnderTest app) : IDisposable
{
    private const UnixFileMode ReadOnly = UnixFileMode.UserRead | UnixFileMode.UserExecute | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
    private const string PolicyFile = "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmax_age: 604800\r\n";

    private readonly string _folder = Directory.CreateTempSubdirectory("sts-deployed-").FullName;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "GET-1")]
    public Task The_published_app_serves_from_where_it_may_write_nothing() => AssertServesAsync(app.Folder);

    [Fact]
    [Trait("Conformance", "GET-1")]
    public async Task Published_as_ReadyToRun_it_does_so_too()
    {
        // As on a machine without a linker; in folders of its own, since another test may publish at the same time.
        var published = Path.Combine(_folder, "published");
        var start = new ProcessStartInfo("dotnet",
            ["publish", Path.Combine(Repository.Root, "functions"), "-c", "Release", "-o", published, "--artifacts-path", Path.Combine(Repository.Root, ".local", "ready-to-run"), "--nologo", "-p:LinksNatively=false"])
        {
            RedirectStandardOutput = true,
        };
        using var publish = Process.Start(start)!;
        var output = await publish.StandardOutput.ReadToEndAsync(Cancellation);
        await publish.WaitForExitAsync(Cancellation);
        Assert.True(publish.ExitCode == 0, output);
        Assert.Contains("Published as ReadyToRun for linux-x64", output, StringComparison.Ordinal);
        Assert.False(PublishedApp.Read(published).IsNative);
        // Or the same sources would give another package in another folder.
        Assert.False(File.ReadAllBytes(Path.Combine(published, "StsFunctions.dll")).AsSpan().IndexOf(Encoding.UTF8.GetBytes(Path.Combine(Repository.Root, "functions"))) >= 0, "The app names the folder that it was published in.");

        await AssertServesAsync(published);
    }

    public void Dispose()
    {
        foreach (var folder in Directory.GetDirectories(_folder, "*", SearchOption.AllDirectories))
        {
            File.SetUnixFileMode(folder, ReadOnly | UnixFileMode.UserWrite);
        }

        Directory.Delete(_folder, recursive: true);
    }

    private async Task AssertServesAsync(string published)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "The app is for Linux.");
        var zip = Path.Combine(_folder, "app.zip");
        var said = Zip.Write(PublishedApp.Read(published), zip);
        Assert.Matches($"{(File.Exists(Path.Combine(published, "StsFunctions.dll")) ? "ReadyToRun" : "native code")} for linux-x64", said);

        var (root, home, elsewhere) = (Path.Combine(_folder, "wwwroot"), Path.Combine(_folder, "home"), Path.Combine(_folder, "elsewhere"));
        ZipFile.ExtractToDirectory(zip, root);
        Directory.CreateDirectory(home);
        Directory.CreateDirectory(elsewhere);
        foreach (var folder in Directory.GetDirectories(_folder, "*", SearchOption.AllDirectories).Append(_folder))
        {
            File.SetUnixFileMode(folder, ReadOnly);
        }

        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(DomainName.Parse("example.com"), Policy.Parse(Encoding.ASCII.GetBytes(PolicyFile)), null, Cancellation);
        var port = LoopbackPort.Free();
        Dictionary<string, string> environment = new()
        {
            ["HOME"] = home,
            ["TMPDIR"] = home,
            ["PATH"] = "/usr/bin:/bin",
            ["AzureWebJobsStorage"] = storage.ConnectionString,
            ["WEBSITE_HOSTNAME"] = "func-sts.azurewebsites.net",
            ["FUNCTIONS_CUSTOMHANDLER_PORT"] = $"{port}",
            ["FUNCTIONS_CUSTOMHANDLER_WORKER_ID"] = "1",
            ["FUNCTIONS_APP_ROOT_PATH"] = root,
        };

        foreach (var folder in (string[])[root, home, elsewhere])
        {
            using var touch = Start(elsewhere, environment, "touch", Path.Combine(folder, "written"));
            await touch.WaitForExitAsync(Cancellation);
            Assert.NotEqual(0, touch.ExitCode);
        }

        using var process = Start(elsewhere, environment, Path.Combine(root, "StsFunctions"));
        try
        {
            var answer = await AskAsync(process, port);
            Assert.Equal(200, answer.Status);
            Assert.Equal(PolicyFile, answer.Text);
        }
        finally
        {
            process.Kill(entireProcessTree: true);
            await process.WaitForExitAsync(Cancellation);
        }

        Assert.Empty(Directory.GetFileSystemEntries(home));
        Assert.Empty(Directory.GetFileSystemEntries(elsewhere));
    }

    // Root may write anywhere: as somebody else, then.
    private static Process Start(string workingDirectory, Dictionary<string, string> environment, params string[] command)
    {
        string[] whole = Environment.IsPrivilegedProcess ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", .. command] : command;
        var start = new ProcessStartInfo(whole[0], whole[1..]) { WorkingDirectory = workingDirectory, RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment.Clear();
        foreach (var (name, value) in environment)
        {
            start.Environment[name] = value;
        }

        return Process.Start(start)!;
    }

    private static async Task<RawAnswer> AskAsync(Process process, int port)
    {
        var server = new IPEndPoint(IPAddress.Loopback, port);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(TimeSpan.FromMinutes(2));
        while (true)
        {
            Assert.False(process.HasExited, process.HasExited ? await process.StandardError.ReadToEndAsync(Cancellation) + await process.StandardOutput.ReadToEndAsync(Cancellation) : "");
            try
            {
                return await RawHttp.SendAsync(server, $"GET /.well-known/mta-sts.txt HTTP/1.1\nHost: 127.0.0.1:{port}\nX-Forwarded-Host: mta-sts.example.com", limit.Token);
            }
            catch (System.Net.Sockets.SocketException)
            {
                // Not up yet: asked again as the host does.
                await Task.Delay(TimeSpan.FromMilliseconds(25), limit.Token);
            }
        }
    }
}
