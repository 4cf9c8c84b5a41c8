using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Probes;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Egress;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Probes;
using StsFunctions.UseCases.Probes;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Probes;

/// <summary>Dispatches probe tasks and handles results, over its own storage account, with a CA whose root it trusts.</summary>
internal sealed class AgentFixture
{
    public const string Host = "mx.example.com";
    public const string Run = "20260314120000000";
    public static readonly IPAddress Address = IPAddress.Parse("192.0.2.25");

    private static readonly PrivateCa Ca = new(new FakeTimeProvider(TestStorage.Noon));

    private AgentFixture(TestStorage storage)
    {
        Storage = storage;
        var guard = new EgressGuard(new EgressOptions { TrustedRoots = new TrustedRoots(new X509Certificate2Collection(Ca.Root)) });
        Results = new ProbeResultHandler(
            storage.ProbeTasks, storage.Agents, storage.MxHosts, new CheckQueue(storage.Queues), storage.Domains, storage.Recorder,
            new ProbeResultReader(guard, storage.Time), storage.Time, Log.For<ProbeResultHandler>());
        Dispatcher = new ProbeTaskDispatcher(storage.ProbeTasks, storage.Agents, Results, storage.Time);
    }

    public TestStorage Storage { get; }

    public RecordedLog Log { get; } = new();

    public ProbeTaskDispatcher Dispatcher { get; }

    public ProbeResultHandler Results { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<AgentFixture> OpenAsync(AzuriteFixture azurite) => new(await TestStorage.CreateAsync(azurite));

    public Task RequestAsync(string domain = "example.com", string run = Run, string host = Host) =>
        Storage.ProbeTasks.RequestAsync(host, Address, run, domain, Cancellation);

    public async Task<IReadOnlyList<ProbeTaskJson>> TakeTasksAsync(string agent) => (await Dispatcher.DispatchAsync(agent, Cancellation)).Tasks;

    /// <summary>Takes the one pending probe task, and submits the result.</summary>
    public async Task ProbeAsync(string agent, MxProbeResult probe)
    {
        var task = Assert.Single(await TakeTasksAsync(agent));
        await SubmitAsync(agent, task, probe);
    }

    public Task SubmitAsync(string agent, ProbeTaskJson task, MxProbeResult probe) =>
        Results.HandleAsync(agent, new ProbeResultJson(task.Host, task.Address, task.Nonce, probe), Cancellation);

    /// <summary>A probe that completed TLS, as an agent sends it: with its own claim about the chain, which is ignored.</summary>
    public static MxProbeResult Completed(CertificateSpec? spec = null, params string[] claims)
    {
        var issued = Ca.Issue(spec ?? CertificateSpec.For(Host));
        return new MxProbeResult(
            new SmtpSession(
                Address.ToString(), SmtpOutcome.Completed, Banner: "220 mx ESMTP", StartTlsReply: "220 go",
                Tls: new TlsSession("Tls13", "TLS_AES_256_GCM_SHA384", [issued.Leaf.RawData, .. issued.Chain.Select(c => c.RawData)], [], claims)),
            Restricted: []);
    }

    public static MxProbeResult Failed(SmtpOutcome outcome) => new(new SmtpSession(Address.ToString(), outcome, Banner: "220 mx ESMTP"), Restricted: []);

    /// <summary>The stored result that a check would get for the address; null where it would probe itself.</summary>
    public async Task<MxProbeResult?> StoredAsync(string run = Run) =>
        await Storage.MxHosts.ClaimAsync(Host, Address, run, TimeSpan.FromMinutes(1), null, Cancellation) is MxClaim.Probed probed ? MxProbeResult.FromJson(probed.Content) : null;

    /// <summary>The checks that were asked for.</summary>
    public async Task<IReadOnlyList<CheckRequest>> ChecksAsync()
    {
        var messages = await Storage.Queues.GetQueueClient(StorageNames.DomainChecksQueue).ReceiveMessagesAsync(32, cancellationToken: Cancellation);
        return [.. messages.Value.Select(message => JsonSerializer.Deserialize(message.Body, CheckRequestJson.Default.CheckRequest)!).OrderBy(check => check.Domain, StringComparer.Ordinal)];
    }

    /// <summary>A result as it goes over the wire.</summary>
    public static byte[] Json(ProbeTaskJson task, MxProbeResult probe) => Encoding.UTF8.GetBytes(
        JsonSerializer.Serialize(new ProbeResultJson(task.Host, task.Address, task.Nonce, probe), AgentJson.Default.ProbeResultJson));
}
