using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Agents;
using StsFunctions.CheckDomain;
using StsFunctions.Domains;
using StsFunctions.Local.MailInternet;
using StsFunctions.Outgoing;
using Xunit;
using SmtpSession = StsFunctions.CheckDomain.SmtpSession;

namespace StsFunctions.Tests.Agents;

/// <summary>What hands out work and takes results, over a storage account of its own, and a CA whose root it trusts.</summary>
internal sealed class AgentDesk
{
    public const string Host = "mx.example.com";
    public const string Round = "20260314120000000";
    public static readonly IPAddress Address = IPAddress.Parse("192.0.2.25");

    private static readonly PrivateCa s_ca = new(new FakeTimeProvider(TestStorage.Noon));

    private AgentDesk(TestStorage storage)
    {
        Storage = storage;
        var gate = new OutgoingGate(new EgressOptions { TrustedRoots = new TrustedRoots(new X509Certificate2Collection(s_ca.Root)) });
        Results = new AgentResults(
            storage.Wanted, storage.Agents, storage.MxHosts, new CheckQueue(storage.Queues), storage.Domains, storage.Ledger,
            new HandedIn(gate, storage.Time), storage.Time, Log.For<AgentResults>());
        Work = new AgentWork(storage.Wanted, storage.Agents, Results, storage.Time);
    }

    public TestStorage Storage { get; }

    public RecordedLog Log { get; } = new();

    public AgentWork Work { get; }

    public AgentResults Results { get; }

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    public static async Task<AgentDesk> OpenAsync(AzuriteFixture azurite) => new(await TestStorage.CreateAsync(azurite));

    public Task AskAsync(string domain = "example.com", string round = Round, string host = Host) =>
        Storage.Wanted.AskAsync(host, Address, round, domain, Now);

    public async Task<IReadOnlyList<AgentTaskJson>> TakeWorkAsync(string agent) => (await Work.HandOutAsync(agent, Now)).Looks;

    /// <summary>Takes the one look that is wanted, and hands in what was seen.</summary>
    public async Task LookAsync(string agent, AddressLook look)
    {
        var task = Assert.Single(await TakeWorkAsync(agent));
        await HandInAsync(agent, task, look);
    }

    public Task HandInAsync(string agent, AgentTaskJson task, AddressLook look) =>
        Results.TakeAsync(agent, new AgentResultJson(task.Host, task.Address, task.Nonce, look), Now);

    /// <summary>A look that came to TLS, as an agent sends it: with a claim of its own about the chain, which nobody believes.</summary>
    public static AddressLook Seen(CertificateSpec? spec = null, params string[] claims)
    {
        var issued = s_ca.Issue(spec ?? CertificateSpec.For(Host));
        return new AddressLook(
            new SmtpSession(
                Address.ToString(), SmtpOutcome.Completed, Banner: "220 mx ESMTP", StartTlsReply: "220 go",
                Tls: new TlsSession("Tls13", "TLS_AES_256_GCM_SHA384", [issued.Leaf.RawData, .. issued.Chain.Select(c => c.RawData)], [], claims)),
            Narrow: []);
    }

    public static AddressLook Failed(SmtpOutcome outcome) => new(new SmtpSession(Address.ToString(), outcome, Banner: "220 mx ESMTP"), Narrow: []);

    /// <summary>What a check would be given for the address; null where it would look itself.</summary>
    public async Task<AddressLook?> KeptAsync(string round = Round) =>
        await Storage.MxHosts.ClaimAsync(Host, Address, round, TimeSpan.FromMinutes(1), null, Now) is MxClaim.Seen seen ? AddressLook.FromJson(seen.Content) : null;

    /// <summary>The checks that were asked for.</summary>
    public async Task<IReadOnlyList<CheckRequest>> ChecksAsync()
    {
        var messages = await Storage.Queues.GetQueueClient(StorageLayout.ChecksQueue).ReceiveMessagesAsync(32, cancellationToken: Now);
        return [.. messages.Value.Select(message => JsonSerializer.Deserialize(message.Body, CheckRequestJson.Default.CheckRequest)!).OrderBy(check => check.Domain, StringComparer.Ordinal)];
    }

    /// <summary>A result as it goes over the wire.</summary>
    public static byte[] Json(AgentTaskJson task, AddressLook look) => Encoding.UTF8.GetBytes(
        JsonSerializer.Serialize(new AgentResultJson(task.Host, task.Address, task.Nonce, look), AgentJson.Default.AgentResultJson));
}
