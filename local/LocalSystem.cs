using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Azure.Storage.Blobs;
using StsFunctions.Local.Azurite;
using StsFunctions.Local.FunctionsHost;
using StsFunctions.Local.Lab;
using StsFunctions.Local.Tokens;

namespace StsFunctions.Local;

/// <summary>The result of a command of the app.</summary>
public sealed record CommandResult(int ExitCode, string Output, string Errors);

/// <summary>Everything on one machine: storage, a mail lab, and the app under a Functions host.</summary>
public sealed class LocalSystem : IAsyncDisposable
{
    /// <summary>The app's own host name.</summary>
    public const string AppHost = "localhost";

    private const string PolicyHostLabel = "mta-sts.";

    // Everything here is fast; a test that waits longer has found a fault.
    private static readonly TimeSpan IdleLimit = TimeSpan.FromMinutes(2);

    private readonly LocalSystemOptions _options;
    private readonly string _folder;
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<string, SslStreamCertificateContext> _certificates = new(StringComparer.OrdinalIgnoreCase);
    private Dictionary<string, string> _settings = [];
    private Task _relaying = Task.CompletedTask;

    private LocalSystem(LocalSystemOptions options)
    {
        _options = options;
        _folder = options.DataFolder ?? Directory.CreateTempSubdirectory("sts-local-").FullName;
    }

    /// <summary>Storage.</summary>
    public AzuriteServer Azurite { get; private set; } = null!;

    /// <summary>DNS, SMTP servers and the CA.</summary>
    public MailLab MailLab { get; private set; } = null!;

    /// <summary>The emulator of Entra ID: it issues the tokens for <c>api/</c>.</summary>
    public TokenIssuer Issuer { get; private set; } = null!;

    /// <summary>The Functions host, with the app under it: the emulator, or a real one.</summary>
    public IFunctionsHost Host { get; private set; } = null!;

    /// <summary>What Event Grid does in Azure.</summary>
    public EventGridEmulator Relay { get; private set; } = null!;

    /// <summary>A client that trusts the private CA and finds every host name on this machine.</summary>
    public HttpClient Client { get; private set; } = null!;

    /// <summary>The app's settings: what it needs in its environment, under the host or at a prompt.</summary>
    public IReadOnlyDictionary<string, string> Settings => _settings;

    /// <summary>Where notifications arrive as <c>.eml</c> files.</summary>
    public string MailFolder => Path.Combine(_folder, "mail");

    /// <summary>The private CA's root certificate, as a PEM file.</summary>
    public string RootFile => Path.Combine(_folder, "root.pem");

    /// <summary>Where a runner puts a header with a reader's token, as <c>curl -H @FILE</c> reads it.</summary>
    public string TokenFile => Path.Combine(_folder, "reader.token");

    /// <summary>Starts everything; no domain is hosted yet.</summary>
    public static async Task<LocalSystem> StartAsync(LocalSystemOptions options, CancellationToken cancellationToken)
    {
        var system = new LocalSystem(options);
        try
        {
            await system.StartAsync(cancellationToken);
            return system;
        }
        catch
        {
            await system.DisposeAsync();
            throw;
        }
    }

    /// <summary>Adds a domain to the lab and hosts its policy with the app's own command, as an operator does.</summary>
    public async Task AddAsync(LabDomain domain, CancellationToken cancellationToken)
    {
        MailLab.Add(domain);
        var id = await PublishAsync(domain.Name, domain.Policy, cancellationToken);
        MailLab.SetPolicyId(domain.Name, id);
    }

    /// <summary>Publishes a policy with the app's own command.</summary>
    /// <returns>Its id.</returns>
    public async Task<string> PublishAsync(string domain, string policy, CancellationToken cancellationToken, string? group = null)
    {
        var file = Path.Combine(_folder, $"{domain}.policy.txt");
        await File.WriteAllTextAsync(file, policy, cancellationToken);
        var added = await RunAppAsync(cancellationToken, ["domain", "add", domain, "--policy", file, "--json", .. group is null ? (string[])[] : ["--group", group]]);
        if (added.ExitCode != 0)
        {
            throw new InvalidOperationException($"domain add {domain} failed: {added.Errors}");
        }

        using var json = JsonDocument.Parse(added.Output);
        return json.RootElement.GetProperty("policyId").GetString()!;
    }

    /// <summary>Runs one of the app's commands against this system's storage.</summary>
    public Task<CommandResult> RunAppAsync(CancellationToken cancellationToken, params string[] arguments) => RunAppOnAsync(_settings["AzureWebJobsStorage"], cancellationToken, arguments);

    /// <summary>Runs one of the app's commands against another storage account.</summary>
    public async Task<CommandResult> RunAppOnAsync(string storage, CancellationToken cancellationToken, params string[] arguments)
    {
        var start = new ProcessStartInfo(Executable, arguments)
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            StandardOutputEncoding = Encoding.UTF8,
        };
        foreach (var (name, value) in _settings)
        {
            start.Environment[name] = value;
        }

        start.Environment["AzureWebJobsStorage"] = storage;
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = process.StandardError.ReadToEndAsync(cancellationToken);
        await process.WaitForExitAsync(cancellationToken);
        return new CommandResult(process.ExitCode, await output, await errors);
    }

    /// <summary>Runs the checks of all hosted domains now.</summary>
    public async Task CheckAllAsync(CancellationToken cancellationToken)
    {
        await Host.InvokeTimerAsync("ScheduleChecks", cancellationToken);
        await WhenIdleAsync(cancellationToken);
    }

    /// <summary>Sends the pending notifications now.</summary>
    public Task NotifyAsync(CancellationToken cancellationToken) => Host.InvokeTimerAsync("SendPendingNotifications", cancellationToken);

    /// <summary>Drops something into the inbox, as a mail provider does.</summary>
    public async Task DropAsync(string name, byte[] content, CancellationToken cancellationToken)
    {
        var inbox = new BlobContainerClient(Azurite.ConnectionString, "reports-inbox");
        await inbox.GetBlobClient(name).UploadAsync(new BinaryData(content), overwrite: true, cancellationToken);
    }

    /// <summary>Returns when everything that has arrived is processed.</summary>
    public async Task WhenIdleAsync(CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(IdleLimit);
        await Relay.RelayNowAsync(limit.Token);
        await Host.WhenIdleAsync(ignoreDelayed: true, limit.Token);
    }

    /// <summary>Issues a token with a role; without a group, it covers all groups.</summary>
    public string Token(string role, params IReadOnlyList<string> groups) =>
        Issuer.Issue(new TokenSpec { Roles = groups.Count == 0 ? [role, "Sts.AllGroups"] : [role], Groups = groups });

    /// <summary>Asks the API, with a token or without.</summary>
    public async Task<HttpResponseMessage> AskApiAsync(string path, string? token, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Https(AppHost, path));
        request.Headers.Authorization = token is null ? null : new("Bearer", token);
        return await Client.SendAsync(request, cancellationToken);
    }

    /// <summary>The address of a path under a host name, on this machine's HTTPS port.</summary>
    public Uri Https(string host, string path) => new($"https://{host}:{Host.HttpsAddress!.Port}{path}");

    /// <summary>Stops everything; nothing is left running.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _relaying.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Client?.Dispose();
        if (Host is not null)
        {
            await Host.DisposeAsync();
        }

        Relay?.Dispose();
        if (MailLab is not null)
        {
            await MailLab.DisposeAsync();
        }

        if (Issuer is not null)
        {
            await Issuer.DisposeAsync();
        }

        if (Azurite is not null)
        {
            await Azurite.DisposeAsync();
        }

        if (_options.DataFolder is null)
        {
            Directory.Delete(_folder, recursive: true);
        }

        _stopping.Dispose();
    }

    private string Executable => Path.Combine(_options.CommandRoot, OperatingSystem.IsWindows() ? "sts.exe" : "sts");

    private async Task StartAsync(CancellationToken cancellationToken)
    {
        if (!File.Exists(Executable))
        {
            throw new InvalidOperationException($"{Executable} does not exist: build it (dotnet build functions) or publish it (dotnet publish functions -c Release -o FOLDER) and give its folder.");
        }

        Directory.CreateDirectory(_folder);
        Azurite = await AzuriteServer.StartAsync(
            new AzuriteOptions(_options.DataFolder is { } data ? Path.Combine(data, "azurite") : null), _options.Progress, cancellationToken);

        _options.Progress?.Report("Starting the mail lab …");
        MailLab = await MailLab.StartAsync(TimeProvider.System, AppHost, cancellationToken);
        await File.WriteAllTextAsync(RootFile, MailLab.Ca.RootPem, cancellationToken);

        Issuer = await TokenIssuer.StartAsync(TimeProvider.System, cancellationToken);

        _settings = LabSettings();
        if (_options.RedirectStorage is { } redirect)
        {
            _settings["AzureWebJobsStorage"] = await redirect(Azurite.ConnectionString, cancellationToken);
        }

        foreach (var (name, value) in _options.Settings)
        {
            _settings[name] = value;
        }

        var setUp = await RunAppAsync(cancellationToken, "setup");
        if (setUp.ExitCode != 0)
        {
            throw new InvalidOperationException($"sts setup failed: {setUp.Errors}");
        }

        _options.Progress?.Report("Starting the app …");
        Host = await StartHostAsync(_settings, CertificateFor, cancellationToken);
        Relay = new EventGridEmulator(Azurite.ConnectionString, onLog: _options.OnLog);
        Client = NewClient();
        if (_options.RunTimers)
        {
            _relaying = Relay.RunAsync(_stopping.Token);
        }
    }

    /// <summary>Starts a further host on the same storage with changed settings, as an operator's changed settings are a new start. Timers run when asked for.</summary>
    public Task<IFunctionsHost> StartHostAsync(IReadOnlyDictionary<string, string> changes, CancellationToken cancellationToken)
    {
        var settings = new Dictionary<string, string>(_settings);
        foreach (var (name, value) in changes)
        {
            settings[name] = value;
        }

        return StartHostAsync(settings, certificateFor: null, cancellationToken);
    }

    private async Task<IFunctionsHost> StartHostAsync(
        IReadOnlyDictionary<string, string> settings, Func<string?, SslStreamCertificateContext?>? certificateFor, CancellationToken cancellationToken)
    {
        var host = new FunctionsHostOptions
        {
            AppRoot = _options.AppRoot,
            Settings = settings,
            CertificateFor = certificateFor,
            // The port of every policy host: clients of policies need to know one port only.
            HttpsPort = MailLab.HttpsPort,
            RunTimers = _options.RunTimers && certificateFor is not null,
            OnLog = _options.OnLog,
            OnInvocation = _options.OnInvocation,
        };
        if (_options.HostCommand is { } command)
        {
            return await FunctionsHostProcess.StartAsync(host with { AdminKey = _options.HostKey }, command, cancellationToken);
        }

        return await FunctionsHostEmulator.StartAsync(
            host,
            new FunctionsHostEmulatorOptions
            {
                FatalFailure = _options.FatalFailure,
                WorkerRestartDelay = _options.WorkerRestartDelay,
                QueuePollInterval = TimeSpan.FromMilliseconds(200),
                QueueRetryDelay = TimeSpan.FromMilliseconds(500),
            },
            cancellationToken);
    }

    private Dictionary<string, string> LabSettings() => new(Issuer.Settings)
    {
        ["AzureWebJobsStorage"] = Azurite.ConnectionString,
        ["AzureWebJobsDisableHomepage"] = "true",
        ["Sts__AppHost"] = AppHost,
        ["Sts__DnsServer"] = MailLab.Dns.ToString(),
        ["Sts__Lab__SmtpPort"] = $"{MailLab.SmtpPort}",
        ["Sts__Lab__HttpsPort"] = $"{MailLab.HttpsPort}",
        ["Sts__Lab__TrustedRoots"] = RootFile,
        ["Sts__Lab__AllowedNetworks"] = "127.0.0.0/8,::1/128",
        ["Sts__ReferenceMxHosts"] = "relay.hosting.example",
        ["Sts__CheckSpread"] = "00:00:00",
        ["Sts__MinRunInterval"] = "00:00:00",
        ["Sts__ConfirmationDelay"] = "00:00:00",
        ["Sts__ReportEvaluationDelay"] = "00:00:00",
        ["Sts__NotificationDelay"] = "01:00:00",
        ["Sts__RetryDelay"] = "00:00:00.1",
        ["Sts__SessionTimeout"] = "00:00:10",
        ["Sts__PolicyTimeout"] = "00:00:10",
        ["Sts__EmailPickupFolder"] = MailFolder,
        ["Sts__EmailFrom"] = "sts@hosting.example",
        ["Sts__EmailTo"] = "postmaster@hosting.example",
    };

    // A certificate for any requested policy host, as managed certificates in Azure.
    private SslStreamCertificateContext CertificateFor(string? name)
    {
        var host = name is not null && name.StartsWith(PolicyHostLabel, StringComparison.OrdinalIgnoreCase) && MailLab.Has(name[PolicyHostLabel.Length..]) ? name : AppHost;
        return _certificates.GetOrAdd(host, issued => MailLab.Ca.Issue(CertificateSpec.For(issued)).Context);
    }

    private HttpClient NewClient()
    {
        var handler = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false,
            ConnectCallback = async (context, cancellationToken) =>
            {
                var socket = new System.Net.Sockets.Socket(System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Tcp) { NoDelay = true };
                try
                {
                    await socket.ConnectAsync(System.Net.IPAddress.Loopback, context.DnsEndPoint.Port, cancellationToken);
                    return new System.Net.Sockets.NetworkStream(socket, ownsSocket: true);
                }
                catch
                {
                    socket.Dispose();
                    throw;
                }
            },
        };
        var trust = new X509ChainPolicy { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        trust.CustomTrustStore.Add(MailLab.Ca.Root);
        handler.SslOptions.CertificateChainPolicy = trust;
        return new HttpClient(handler, disposeHandler: true);
    }
}
