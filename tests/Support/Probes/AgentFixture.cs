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

/// <summary>What hands out work and takes results, over a storage account of its own, and a CA whose root it trusts.</summary>
internal sealed class AgentFixture
{
    public const string Host = "mx.example.com";
    public const string Round = "20260314120000000";
    public static readonly IPAddress Address = IPAddress.Parse("192.0.2.25");

    private static readonly PrivateCa Ca = new(new FakeTimeProvider(TestStorage.Noon));

    private AgentFixture(TestStorage storage)
    {
        Storage = storage;
        var guard = new EgressGuard(new EgressOptions { TrustedRoots = new TrustedRoots(new X509Certificate2Collection(Ca.Root)) });
        Results = new ProbeResultHandler(
            storage.ProbeTasks, storage.Agents, storage.MxHosts, new CheckQueue(storage.Queues), storage.Domains, storage.Recorder,
            new ProbeResultReader(guard, storage.Time), storage.Time, Log.For<ProbeResultHandler>());
        Work = new ProbeTaskDispatcher(storage.ProbeTasks, storage.Agents, Results, storage.Time);
    }

    public TestStorage Storage { get; }

    public RecordedLog Log { get; } = new();

    public ProbeTaskDispatcher Work { get; }

    public ProbeResultHandler Results { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<AgentFixture> OpenAsync(AzuriteFixture azurite) => new(await TestStorage.CreateAsync(azurite));

    public Task AskAsync(string domain = "example.com", string round = Round, string host = Host) =>
        Storage.ProbeTasks.RequestAsync(host, Address, round, domain, Cancellation);

    public async Task<IReadOnlyList<ProbeTaskJson>> TakeWorkAsync(string agent) => (await Work.DispatchAsync(agent, Cancellation)).Tasks;

    /// <summary>Takes the one look that is wanted, and hands in what was seen.</summary>
    public async Task LookAsync(string agent, MxProbeResult probe)
    {
        var task = Assert.Single(await TakeWorkAsync(agent));
        await HandInAsync(agent, task, probe);
    }

    public Task HandInAsync(string agent, ProbeTaskJson task, MxProbeResult probe) =>
        Results.HandleAsync(agent, new ProbeResultJson(task.Host, task.Address, task.Nonce, probe), Cancellation);

    /// <summary>A look that came to TLS, as an agent sends it: with a claim of its own about the chain, which nobody believes.</summary>
    public static MxProbeResult Seen(CertificateSpec? spec = null, params string[] claims)
    {
        var issued = Ca.Issue(spec ?? CertificateSpec.For(Host));
        return new MxProbeResult(
            new SmtpSession(
                Address.ToString(), SmtpOutcome.Completed, Banner: "220 mx ESMTP", StartTlsReply: "220 go",
                Tls: new TlsSession("Tls13", "TLS_AES_256_GCM_SHA384", [issued.Leaf.RawData, .. issued.Chain.Select(c => c.RawData)], [], claims)),
            Restricted: []);
    }

    public static MxProbeResult Failed(SmtpOutcome outcome) => new(new SmtpSession(Address.ToString(), outcome, Banner: "220 mx ESMTP"), Restricted: []);

    /// <summary>What a check would be given for the address; null where it would look itself.</summary>
    public async Task<MxProbeResult?> KeptAsync(string round = Round) =>
        await Storage.MxHosts.ClaimAsync(Host, Address, round, TimeSpan.FromMinutes(1), null, Cancellation) is MxClaim.Probed seen ? MxProbeResult.FromJson(seen.Content) : null;

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
