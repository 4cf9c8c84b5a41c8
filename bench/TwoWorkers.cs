using System.Text;
using StsFunctions.Local.Azurite;

namespace StsFunctions.Bench;

/// <summary>The app with one policy in its storage, and beside it the empty worker or another build of the app, each under a host of its own of the same kind.</summary>
internal sealed class TwoWorkers : IAsyncDisposable
{
    private const string Domain = "example.com";
    private const string PolicyFile = "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmax_age: 604800\r\n";

    private static readonly Asked Policy = new($"mta-sts.{Domain}", "/.well-known/mta-sts.txt", Encoding.ASCII.GetBytes(PolicyFile));
    private static readonly Asked Constant = new("localhost", "/constant", Encoding.ASCII.GetBytes("constant\r\n"));

    private readonly AzuriteServer _azurite;

    private TwoWorkers(AzuriteServer azurite) => _azurite = azurite;

    /// <summary>The app.</summary>
    public RunningWorker App { get; private set; } = null!;

    /// <summary>What it is measured beside.</summary>
    public RunningWorker Other { get; private set; } = null!;

    /// <summary>That in a word.</summary>
    public string OtherName { get; private set; } = "";

    /// <summary>What is asked of whom, a sentence a line.</summary>
    public IReadOnlyList<string> How { get; private set; } = [];

    public static async Task<TwoWorkers> StartAsync(BenchOptions bench, IProgress<string> progress, CancellationToken cancellationToken)
    {
        var app = await PublishedApp.AppAsync(progress, cancellationToken);
        var other = bench.Beside is { } named ? PublishedApp.Named(named, "--beside") : await PublishedApp.EmptyAsync(progress, cancellationToken);
        var commands = await PublishedApp.CommandRootAsync(progress, cancellationToken);
        var both = new TwoWorkers(await AzuriteServer.StartAsync(new AzuriteOptions(), progress, cancellationToken));
        try
        {
            // Both, so that the environment of this process does not affect either.
            var settings = new Dictionary<string, string> { ["AzureWebJobsStorage"] = both._azurite.ConnectionString, ["DOTNET_ENVIRONMENT"] = "Production" };
            var appSettings = new Dictionary<string, string>(settings) { ["Sts__AppHost"] = "sts.example.com" };
            await PublishPolicyAsync(commands, appSettings, progress, cancellationToken);
            progress.Report("Starting both …");
            both.App = await RunningWorker.StartAsync(app, appSettings, Policy, bench, cancellationToken);
            var (otherSettings, asked) = bench.Beside is null ? (settings, Constant) : (appSettings, Policy);
            both.Other = await RunningWorker.StartAsync(other, otherSettings, asked, bench, cancellationToken);
            both.OtherName = bench.Beside is null ? "empty" : "other";
            both.How =
            [
                $"A: the app, {app.How}: a policy of {Policy.Body.Length} bytes. B: {(bench.Beside is null ? "the empty worker" : "another build of it")}, {other.How}: {asked.Body.Length} bytes{(bench.Beside is null ? " that never change" : "")}.",
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

        if (Other is not null)
        {
            await Other.DisposeAsync();
        }

        await _azurite.DisposeAsync();
    }

    private static async Task PublishPolicyAsync(string commands, IReadOnlyDictionary<string, string> settings, IProgress<string> progress, CancellationToken cancellationToken)
    {
        progress.Report($"Hosting a policy for {Domain} …");
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, PolicyFile, cancellationToken);
            var start = new System.Diagnostics.ProcessStartInfo(Path.Combine(commands, "sts"), ["domain", "add", Domain, "--policy", file]);
            foreach (var (name, value) in settings)
            {
                start.Environment[name] = value;
            }

            await Programs.RunAsync(start, cancellationToken);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
