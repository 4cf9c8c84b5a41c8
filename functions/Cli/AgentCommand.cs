using System.CommandLine;
using System.Net;
using Azure.Identity;
using StsFunctions.Network.Probes;
using StsFunctions.UseCases.Hosting;

namespace StsFunctions.Cli;

/// <summary><c>agent</c>: probes MX hosts for an app whose network blocks outbound connections on port 25.</summary>
internal static class AgentCommand
{
    private const int MaxName = 63;

    public static Command Create()
    {
        var app = new Option<string>("--app") { Description = "The app's address, such as https://app.example.com/", Required = true };
        var scope = new Option<string?>("--scope") { Description = "What tokens are asked for: api://<client id of the app's registration>/.default" };
        var tokenFile = new Option<FileInfo?>("--token-file") { Description = "Read the access token from this file, for each request, instead of asking Entra ID" };
        var name = new Option<string?>("--name") { Description = "The name of this agent in its results; by default the machine's name" };
        var once = new Option<bool>("--once") { Description = "End once there is nothing to do" };
        var smtpPort = new Option<int?>("--smtp-port") { Description = "For a lab: the port in place of 25" };
        var command = new Command("agent", "Probe MX hosts for an app whose network blocks outbound connections on port 25, and send it the results") { app, scope, tokenFile, name, once, smtpPort };
        command.Validators.Add(parsed =>
        {
            if (AddressOf(parsed.GetValue(app)) is null)
            {
                parsed.AddError("--app: write the app's https address, for example https://app.example.com/");
            }

            if (parsed.GetValue(scope) is null == parsed.GetValue(tokenFile) is null)
            {
                parsed.AddError("--scope, --token-file: give one of them; with --scope api://<client id>/.default Entra ID is asked for tokens.");
            }

            if (parsed.GetValue(smtpPort) is < 1 or > IPEndPoint.MaxPort)
            {
                parsed.AddError("--smtp-port: write a port.");
            }
        });
        command.SetAction((parsed, cancellationToken) => RunAsync(
            new AgentOptions(
                AddressOf(parsed.GetValue(app))!,
                parsed.GetValue(tokenFile) is { } file ? AgentTokens.In(file) : AgentTokens.Of(new DefaultAzureCredential(), parsed.GetValue(scope)!),
                NameFrom(parsed.GetValue(name) ?? Environment.MachineName),
                parsed.GetValue(once),
                parsed.GetValue(smtpPort)),
            cancellationToken));
        return command;
    }

    private static async Task<int> RunAsync(AgentOptions options, CancellationToken cancellationToken)
    {
        await using var services = await CommandServices.CreateAsync(services => services
            .AddStsCore()
            .Change<CheckOptions>(check => check with { HeloName = check.HeloName ?? EhloName.OfMachine(), SmtpPort = options.SmtpPort ?? check.SmtpPort }));
        if (services is null)
        {
            return Commands.WrongUse;
        }

        var check = services.GetRequiredService<CheckOptions>();
        using var http = AgentApi.NewClient();
        var agent = new ProbeAgent(
            new AgentApi(http, options.App, options.Name, options.Tokens),
            services.GetRequiredService<SmtpMxProbe>(),
            IsPort25OpenAsync,
            SafeConsole.WriteLine,
            services.GetRequiredService<TimeProvider>());
        try
        {
            if (!await IsPort25OpenAsync(cancellationToken))
            {
                await Console.Error.WriteLineAsync(
                    $"Port {check.SmtpPort} is blocked from here: none of {string.Join(", ", check.ReferenceMxHosts)} answers. Run the agent where port 25 is open; Sts__ReferenceMxHosts names other hosts to try.");
                return Commands.WrongUse;
            }

            SafeConsole.WriteLine($"Port {check.SmtpPort} is open from here. Agent {options.Name} asks {options.App} for work.");
            await agent.RunAsync(options.Once, cancellationToken);
            return Commands.Ok;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            SafeConsole.WriteLine("Stopped; unfinished tasks are left to other agents.");
            return Commands.Ok;
        }
        catch (Exception e) when (e is AgentRefusedException or AgentApiException)
        {
            await Console.Error.WriteLineAsync(e.Message);
            return Commands.Refused;
        }

        Task<bool> IsPort25OpenAsync(CancellationToken token) => ReferenceMxHosts.AnyAnswersAsync(
            check.ReferenceMxHosts, services.GetRequiredService<DnsObserver>(), services.GetRequiredService<SmtpProbe>(), services.GetRequiredService<Retry>(), isRefusalAnswer: false, token);
    }

    // Without TLS anybody on the network could read the token, so plain HTTP is allowed on this machine only.
    private static Uri? AddressOf(string? text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || (uri.Scheme == Uri.UriSchemeHttp && uri.IsLoopback)) ? new Uri(uri, "/") : null;

    // The app's rule for names: any other character of a machine's name becomes a hyphen.
    private static string NameFrom(string text)
    {
        var name = string.Concat(text.Select(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_' ? c : '-')).TrimStart('.', '-', '_');
        return name.Length == 0 ? "agent" : name[..Math.Min(name.Length, MaxName)];
    }

    private sealed record AgentOptions(Uri App, AgentTokens Tokens, string Name, bool Once, int? SmtpPort);
}
