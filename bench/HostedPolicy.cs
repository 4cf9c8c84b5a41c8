using System.Diagnostics;
using System.Text;
using StsFunctions.Local.Storage;

namespace StsFunctions.Bench;

/// <summary>Storage with one policy in it, put there by the app's own command.</summary>
internal sealed class HostedPolicy : IAsyncDisposable
{
    /// <summary>The policy host.</summary>
    public const string Host = "mta-sts.example.com";

    /// <summary>The policy's path.</summary>
    public const string Path = "/.well-known/mta-sts.txt";

    private const string Domain = "example.com";
    private const string Policy = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n";

    private readonly Azurite _azurite;

    private HostedPolicy(Azurite azurite) => _azurite = azurite;

    /// <summary>The policy's bytes.</summary>
    public static ReadOnlyMemory<byte> Bytes { get; } = Encoding.ASCII.GetBytes(Policy);

    /// <summary>Starts Azurite and hosts the policy.</summary>
    public static async Task<HostedPolicy> StartAsync(PublishedApp app, IProgress<string> progress, CancellationToken cancellation)
    {
        var hosted = new HostedPolicy(await Azurite.StartAsync(new AzuriteOptions(), progress, cancellation));
        var file = System.IO.Path.GetTempFileName();
        try
        {
            progress.Report($"Hosting a policy for {Domain} …");
            await File.WriteAllTextAsync(file, Policy, cancellation);
            await Programs.RunAsync(hosted.Start(app, "domain", "add", Domain, "--policy", file), cancellation);
            return hosted;
        }
        catch
        {
            await hosted.DisposeAsync();
            throw;
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>How the app is started on this storage, untouched by whatever settings this process was started with.</summary>
    public ProcessStartInfo Start(PublishedApp app, params string[] arguments)
    {
        var start = new ProcessStartInfo(app.Executable, arguments) { WorkingDirectory = app.Folder };
        foreach (var name in start.Environment.Keys.Where(IsSetting).ToArray())
        {
            start.Environment.Remove(name);
        }

        start.Environment["DOTNET_ROOT"] = DotnetRoot;
        start.Environment["AzureWebJobsStorage"] = _azurite.ConnectionString;
        start.Environment["Sts__AppHost"] = "sts.example.com";
        return start;
    }

    public ValueTask DisposeAsync() => _azurite.DisposeAsync();

    private static bool IsSetting(string name) => ((string[])["Sts__", "Azure", "WEBSITE_", "APPLICATIONINSIGHTS_", "ASPNETCORE_", "DOTNET_", "FUNCTIONS_"])
        .Any(prefix => name.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));

    // <root>/shared/Microsoft.NETCore.App/<version>/
    private static string DotnetRoot => System.IO.Path.GetFullPath(System.IO.Path.Combine(System.Runtime.InteropServices.RuntimeEnvironment.GetRuntimeDirectory(), "../../.."));
}
