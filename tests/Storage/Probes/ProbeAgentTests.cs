using System.Text.Json;
using StsFunctions.Cli;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Local.Lab;
using StsFunctions.Local.Tokens;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Probes;
using StsFunctions.Tests.Checks;
using StsFunctions.Tests.Hosting;
using StsFunctions.UseCases.Checks;
using Xunit;

namespace StsFunctions.Tests.Probes;

/// <summary>An app whose port 25 is blocked, and agents who probe for it: the whole app, over the wire, in a mail lab.</summary>
public sealed class ProbeAgentTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private const string Domain = "lab.example";
    private const string Mx = "mx.lab.example";
    private const string Reference = "mx.reference.example";
    private const string Run = "20990101000000000";

    private readonly List<string> _said = [];
    private readonly List<CheckRequest> _asked = [];
    private string _rootFile = "";
    private TestStorage _storage = null!;
    private Lab _lab = null!;
    private TokenIssuer _issuer = null!;
    private ClosedPort _closed = null!;
    private RunningApp _app = null!;
    private HttpClient _http = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        _lab = await Lab.StartAsync(new LabDomain(Domain, "") { Mx = [new(Mx)] }, new LabDomain("reference.example", "") { Mx = [new(Reference)] });
        await _storage.Publisher.PublishAsync(DomainName.Parse(Domain), Policy.Parse("version: STSv1\nmode: enforce\nmx: mx.lab.example\nmax_age: 86400\n"u8), null, Cancellation);
        await _storage.Queues.GetQueueClient(StorageNames.DomainChecksQueue).ClearMessagesAsync(Cancellation);
        _lab.MailLab.SetPolicyId(Domain, (await _storage.Domains.ReadAsync(Domain, Cancellation)).Record!.PolicyId);
        _issuer = await TokenIssuer.StartAsync(TimeProvider.System, Cancellation);
        _closed = new ClosedPort(_lab.AddressOf(Mx), _lab.AddressOf(Reference));
        _rootFile = Path.GetTempFileName();
        await File.WriteAllTextAsync(_rootFile, _lab.MailLab.Ca.RootPem, Cancellation);
        _app = await RunningApp.StartAsync(_storage.ConnectionString, more:
        [
            .. _issuer.Settings.Select(setting => (setting.Key, setting.Value)),
            ("Sts__DnsServer", _lab.MailLab.Dns.ToString()),
            ("Sts__ReferenceMxHosts", Reference),
            ("Sts__SessionTimeout", "00:00:01"),
            ("Sts__RetryDelay", "00:00:00"),
            ("Sts__ConfirmationDelay", "00:00:00"),
            ("Sts__Lab__SmtpPort", $"{_closed.Number}"),
            ("Sts__Lab__AllowedNetworks", "127.0.0.0/8"),
            ("Sts__Lab__HttpsPort", $"{_lab.MailLab.HttpsPort}"),
            ("Sts__Lab__TrustedRoots", _rootFile),
        ]);
        _http = AgentApi.NewClient();
        // As the Functions host passes a request on.
        _http.DefaultRequestHeaders.Add("X-Forwarded-Host", RunningApp.AppHost);
    }

    public async ValueTask DisposeAsync()
    {
        _http.Dispose();
        await _app.DisposeAsync();
        _closed.Dispose();
        await _issuer.DisposeAsync();
        await _lab.DisposeAsync();
        File.Delete(_rootFile);
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public async Task A_domain_is_evaluated_by_an_agents_result_while_port_25_is_blocked()
    {
        _lab.MailLab.Mx(Mx).Script = SmtpScript.Plain;
        await RunAgentAsync("tokyo");

        // Three attempts, each of them first inconclusive from here, and then with the agent's result.
        for (var attempt = 1; attempt <= CheckRunState.RequiredConfirmations; attempt++)
        {
            await CheckAsync(attempt == 1 ? $$"""{"domain":"{{Domain}}","checkRun":"{{Run}}"}""" : await NextMessageAsync(attempt));
            var before = await _storage.Domains.ReadAsync(Domain, Cancellation);
            Assert.Empty(OfServers(before));
            Assert.Equal((false, attempt), (before.Record!.Observed, before.Record.CheckRun.Attempt));

            await RunAgentAsync("tokyo");
            await CheckAsync(await NextMessageAsync());
        }

        var partition = await _storage.Domains.ReadAsync(Domain, Cancellation);
        Assert.Equal("mx.starttls.missing", Assert.Single(OfServers(partition)).Finding.Code);
        Assert.Equal((true, Run), (partition.Record!.Observed, partition.Record.CheckRun.Run));
        var newest = Assert.Single((await NewestAsync()).MxHosts[0].Probes);
        Assert.StartsWith("tokyo (", newest.Agent, StringComparison.Ordinal);
        Assert.Contains(_said, line => line == $"{Mx} {newest.Default.Address}: StartTlsMissing; submitted");
        // The installation can connect after all, and nothing was notified meanwhile.
        var installation = await _storage.Domains.ReadAsync(Installation.Partition, Cancellation);
        Assert.Empty(installation.Findings);
        Assert.Empty(installation.Outbox);
    }

    [Fact]
    public async Task A_good_server_has_no_finding_by_an_agents_result_and_its_certificate_is_known()
    {
        await RunAgentAsync("tokyo");
        await CheckAsync($$"""{"domain":"{{Domain}}","checkRun":"{{Run}}"}""");
        await RunAgentAsync("tokyo");
        await CheckAsync(await NextMessageAsync());

        var partition = await _storage.Domains.ReadAsync(Domain, Cancellation);
        Assert.Empty(OfServers(partition));
        Assert.Equal(_lab.MailLab.Mx(Mx).Certificate.Leaf.NotAfter.ToUniversalTime(), partition.Record!.NextExpiry!.Value.UtcDateTime);
        Assert.Empty((await NewestAsync()).MxHosts[0].Sessions[0].Tls!.Trust);
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public async Task A_blocked_port_25_without_an_agent_is_a_network_finding_and_nothing_is_waited_for()
    {
        await CheckAsync($$"""{"domain":"{{Domain}}","checkRun":"{{Run}}"}""");

        Assert.Equal("outbound.smtp.blocked", Assert.Single((await _storage.Domains.ReadAsync(Installation.Partition, Cancellation)).Findings).Finding.Code);
        Assert.Null(await _app.Service<ProbeTaskStore>().FindAsync(Mx, _lab.AddressOf(Mx), Cancellation));
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public async Task An_agent_whose_own_port_25_becomes_blocked_says_so_and_blames_no_server()
    {
        await RunAgentAsync("tokyo");
        await CheckAsync($$"""{"domain":"{{Domain}}","checkRun":"{{Run}}"}""");

        await RunAgentAsync("tokyo", new SmtpMxProbe(new SmtpProbe(_lab.Guard(), _app.Service<CheckOptions>(), "agent.example", TimeProvider.System), _app.Service<Retry>(), _app.Service<CheckOptions>(), TimeProvider.System), isOpen: false);

        Assert.Contains(_said, line => line.StartsWith("This network blocks outbound port 25 now", StringComparison.Ordinal));
        Assert.Null(await MessageAsync());
        Assert.Null((await _app.Service<ProbeTaskStore>().FindAsync(Mx, _lab.AddressOf(Mx), Cancellation))!.AnsweredAt);
        Assert.Empty((await _storage.Domains.ReadAsync(Installation.Partition, Cancellation)).Findings);

        // After the timeout the check is made again, and reports that nothing was observed.
        Assert.Equal(1, (await _storage.Queues.GetQueueClient(StorageNames.DomainChecksQueue).GetPropertiesAsync(Cancellation)).Value.ApproximateMessagesCount);
        await CheckAsync($$"""{"domain":"{{Domain}}","checkRun":"{{Run}}","attempt":{{CheckRequest.Recheck}}}""");

        Assert.Equal("outbound.smtp.blocked", Assert.Single((await _storage.Domains.ReadAsync(Installation.Partition, Cancellation)).Findings).Finding.Code);
        Assert.Equal(1, (await _storage.Queues.GetQueueClient(StorageNames.DomainChecksQueue).GetPropertiesAsync(Cancellation)).Value.ApproximateMessagesCount);
    }

    [Fact]
    public async Task An_agent_that_is_not_authorized_learns_the_reason()
    {
        var refused = await Assert.ThrowsAsync<AgentRefusedException>(() => RunAgentAsync("tokyo", role: "Sts.Reader"));
        Assert.Contains("Sts.Agent", refused.Message, StringComparison.Ordinal);
        Assert.Contains("rejects this agent", (await Assert.ThrowsAsync<AgentRefusedException>(() => RunAgentAsync("tokyo", role: ""))).Message, StringComparison.Ordinal);
    }

    private async Task RunAgentAsync(string name, IMxProbe? probe = null, bool isOpen = true, string role = "Sts.Agent")
    {
        var file = new FileInfo(Path.GetTempFileName());
        await File.WriteAllTextAsync(file.FullName, _issuer.Issue(new TokenSpec { Roles = role.Length == 0 ? [] : [role] }) + "\n", Cancellation);
        probe ??= new SmtpMxProbe(_lab.Probe(), new Retry(_lab.Options(), TimeProvider.System), _lab.Options(), TimeProvider.System);
        var api = new AgentApi(_http, new Uri($"http://{_app.EndPoint}/"), name, AgentTokens.In(file));
        try
        {
            await new ProbeAgent(api, probe, _ => Task.FromResult(isOpen), _said.Add, TimeProvider.System).RunAsync(once: true, Cancellation);
        }
        finally
        {
            file.Delete();
        }
    }

    private static IEnumerable<OpenFinding> OfServers(DomainPartition partition) =>
        partition.Findings.Where(open => open.Finding.Code.StartsWith("mx.", StringComparison.Ordinal));

    private Task CheckAsync(string message) => _app.Service<DomainCheck>().RunAsync(message, Cancellation);

    // Attempts wait for no agent here, so that the next one and the same once more are requested side by side.
    private async Task<string> NextMessageAsync(int attempt = CheckRequest.Recheck)
    {
        while (await MessageAsync() is { } message)
        {
            _asked.Add(JsonSerializer.Deserialize(message, CheckRequestJson.Default.CheckRequest)!);
        }

        var next = _asked.First(request => request.Attempt == attempt);
        _asked.Remove(next);
        return JsonSerializer.Serialize(next, CheckRequestJson.Default.CheckRequest);
    }

    private async Task<string?> MessageAsync() => (await _storage.Queues.GetQueueClient(StorageNames.DomainChecksQueue).ReceiveMessageAsync(cancellationToken: Cancellation)).Value?.Body.ToString();

    private async Task<Observation> NewestAsync()
    {
        var container = _storage.Blobs.GetBlobContainerClient(StorageNames.ObservationsContainer);
        var newest = await container.GetBlobsAsync(cancellationToken: Cancellation).FirstAsync(Cancellation);
        return JsonSerializer.Deserialize((await container.GetBlobClient(newest.Name).DownloadContentAsync(Cancellation)).Value.Content, ObservationJson.Default.Observation)!;
    }
}
