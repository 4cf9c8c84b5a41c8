using System.Text;
using StsFunctions.Local.Storage;

namespace StsFunctions.Bench;

/// <summary>The app with one policy in its storage, and the empty worker, each under a host of its own of the same kind.</summary>
internal sealed class PolicyAndConstant : IAsyncDisposable
{
    private const string Domain = "example.com";
    private const string Policy = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n";

    private static readonly Asked s_policy = new($"mta-sts.{Domain}", "/.well-known/mta-sts.txt", Encoding.ASCII.GetBytes(Policy));
    private static readonly Asked s_constant = new("localhost", "/constant", Encoding.ASCII.GetBytes("constant\r\n"));

    private readonly Azurite _azurite;

    private PolicyAndConstant(Azurite azurite) => _azurite = azurite;

    /// <summary>The app.</summary>
    public RunningWorker App { get; private set; } = null!;

    /// <summary>The empty worker.</summary>
    public RunningWorker Empty { get; private set; } = null!;

    /// <summary>What is asked of whom, a sentence a line.</summary>
    public IReadOnlyList<string> How { get; private set; } = [];

    public static async Task<PolicyAndConstant> StartAsync(BenchOptions bench, IProgress<string> progress, CancellationToken cancellation)
    {
        var app = await PublishedApp.AppAsync(progress, cancellation);
        var empty = await PublishedApp.EmptyAsync(progress, cancellation);
        var commands = await PublishedApp.CommandRootAsync(progress, cancellation);
        var both = new PolicyAndConstant(await Azurite.StartAsync(new AzuriteOptions(), progress, cancellation));
        try
        {
            // Both, so that an environment of whoever starts this has no say in either.
            var settings = new Dictionary<string, string> { ["AzureWebJobsStorage"] = both._azurite.ConnectionString, ["DOTNET_ENVIRONMENT"] = "Production" };
            var appSettings = new Dictionary<string, string>(settings) { ["Sts__AppHost"] = "sts.example.com" };
            await PublishPolicyAsync(commands, appSettings, progress, cancellation);
            progress.Report("Starting both …");
            both.App = await RunningWorker.StartAsync(app, appSettings, s_policy, bench, cancellation);
            both.Empty = await RunningWorker.StartAsync(empty, settings, s_constant, bench, cancellation);
            both.How =
            [
                $"A: the app, {app.How}: a policy of {s_policy.Body.Length} bytes. B: the empty worker, {empty.How}: {s_constant.Body.Length} constant bytes.",
                $"Each is under {bench.HostName}, one host for each of the two; storage is Azurite.",
            ];
            return both;
        }
        catch
        {
            await both.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (App is not null)
        {
            await App.DisposeAsync();
        }

        if (Empty is not null)
        {
            await Empty.DisposeAsync();
        }

        await _azurite.DisposeAsync();
    }

    private static async Task PublishPolicyAsync(string commands, IReadOnlyDictionary<string, string> settings, IProgress<string> progress, CancellationToken cancellation)
    {
        progress.Report($"Hosting a policy for {Domain} …");
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, Policy, cancellation);
            var start = new System.Diagnostics.ProcessStartInfo(Path.Combine(commands, "sts"), ["domain", "add", Domain, "--policy", file]);
            foreach (var (name, value) in settings)
            {
                start.Environment[name] = value;
            }

            await Programs.RunAsync(start, cancellation);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
