using System.Net;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Logging.Abstractions;
using StsFunctions.CheckDomain;
using StsFunctions.Domains;
using StsFunctions.Local.MailInternet;
using StsFunctions.Outgoing;

namespace StsFunctions.Tests.CheckDomain;

/// <summary>A small mail internet, and the app's eyes on it.</summary>
internal sealed class Lab : IAsyncDisposable
{
    private Lab(MailInternet internet) => Internet = internet;

    public MailInternet Internet { get; }

    public static async Task<Lab> StartAsync(params LabDomain[] domains)
    {
        var lab = new Lab(await MailInternet.StartAsync(TimeProvider.System, Xunit.TestContext.Current.CancellationToken));
        lab.Internet.Add(domains);
        // No app runs here to serve the policies that are left to it.
        foreach (var domain in domains.Where(domain => domain.PolicyHost is null))
        {
            lab.Internet.TakePolicy(domain.Name);
        }

        return lab;
    }

    /// <summary>The questions to its DNS.</summary>
    public DnsObserver Dns => new(new Resolver(Egress(everyAddress: true)));

    /// <summary>How it is looked at; a time-out is for a session that is to run into it.</summary>
    public CheckOptions Options(TimeSpan? sessionTimeout = null, params string[] references) => new()
    {
        SmtpPort = Internet.SmtpPort,
        HeloName = "check.example",
        ReferenceMxHosts = references,
        SessionTimeout = sessionTimeout ?? TimeSpan.FromMinutes(1),
        RetryDelay = TimeSpan.Zero,
    };

    public SmtpProbe Probe(TimeSpan? sessionTimeout = null, bool everyAddress = true) =>
        new(Gate(everyAddress), Options(sessionTimeout), "check.example", TimeProvider.System);

    /// <summary>How its policy hosts are called.</summary>
    public OutgoingHttp Http => new(Gate(), new Resolver(Egress(everyAddress: true)), Egress(everyAddress: true), TimeProvider.System);

    public OutgoingGate Gate(bool everyAddress = true) => new(Egress(everyAddress));

    public Observer Observer(TimeSpan? sessionTimeout = null, params string[] references) =>
        ObserverOf(Probe(sessionTimeout), Options(sessionTimeout, references), TimeProvider.System);

    /// <summary>An observer with a probe, options and a time of its own, which shares its looks where it is given a store for them.</summary>
    public Observer ObserverOf(SmtpProbe probe, CheckOptions options, TimeProvider time, MxHostStore? shared = null)
    {
        var repetition = new Repetition(options, time);
        var direct = new DirectProbe(probe, repetition, options, time);
        IAddressProbe addresses = shared is null ? direct : new SharedProbe(shared, direct, options, time);
        return new(Dns, addresses, probe, new PolicyFetcher(Http, options, time), repetition, options, time);
    }

    public CheckDomainFunction Function(TestStorage storage, Observer? observer = null, TimeSpan delay = default, TimeProvider? time = null) => new(
        storage.Domains, storage.Publisher, storage.Fleet, storage.Ledger, observer ?? Observer(), new ObservationBlobs(storage.Blobs), new CheckQueue(storage.Queues),
        new AgentEyes(storage.Agents, storage.Wanted), new NetworkRecorder(storage.Domains, storage.Ledger, time ?? storage.Time), OurPlaces.Unknown, new ConfirmationOptions { Delay = delay }, time ?? storage.Time, NullLogger<CheckDomainFunction>.Instance);

    /// <summary>The address of an MX host's first server.</summary>
    public IPAddress AddressOf(string host) => Internet.Mx(host).Servers[0].EndPoint.Address;

    public ValueTask DisposeAsync() => Internet.DisposeAsync();

    private EgressOptions Egress(bool everyAddress) => new()
    {
        DnsServer = Internet.Dns,
        AllowedNetworks = everyAddress ? [IPNetwork.Parse("0.0.0.0/0"), IPNetwork.Parse("::/0")] : [],
        HttpsPort = Internet.HttpsPort,
        TrustedRoots = new TrustedRoots(new X509Certificate2Collection(Internet.Ca.Root)),
    };
}
