using System.Net;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;

namespace StsFunctions.Tests.Egress;

/// <summary>
/// A network on loopback: 127.0.1.0/24 represents globally reachable addresses, any other address is as forbidden as in production.
/// All HTTPS servers share one port, as they do outside.
/// </summary>
internal sealed class EgressFixture : IAsyncDisposable
{
    /// <summary>The addresses that the egress guard permits.</summary>
    public const string Public = "127.0.1.0/24";

    private readonly List<Listener> _listeners = [];
    private readonly DnsServer _dns;

    public EgressFixture(TimeProvider? time = null)
    {
        Zone = new DnsZone();
        _dns = DnsServer.Start(Zone, TimeProvider.System);
        Egress = new EgressOptions
        {
            DnsServer = _dns.EndPoint,
            AllowedNetworks = [IPNetwork.Parse(Public)],
            HttpsPort = LoopbackPort.Free(),
            TrustedRoots = new TrustedRoots(new X509Certificate2Collection(Ca.Root)),
        };
        Guard = new EgressGuard(Egress);
        Resolver = new DnsResolver(Egress);
        Http = new EgressHttp(Guard, Resolver, Egress, time ?? TimeProvider.System);
        Policies = PoliciesWithin(TimeSpan.FromMinutes(1));
    }

    public PrivateCa Ca { get; } = new(TimeProvider.System);

    public DnsZone Zone { get; }

    public EgressOptions Egress { get; }

    public EgressGuard Guard { get; }

    public DnsResolver Resolver { get; }

    public EgressHttp Http { get; }

    public PolicyFetcher Policies { get; }

    /// <summary>The address records of a host.</summary>
    public static DnsRecord[] At(params string[] addresses) => [.. addresses.Select(address => DnsRecord.Address(IPAddress.Parse(address)))];

    /// <summary>Fetches policies, with a shorter timeout than senders have.</summary>
    public PolicyFetcher PoliciesWithin(TimeSpan timeout) => new(Http, new CheckOptions { PolicyTimeout = timeout }, TimeProvider.System);

    /// <summary>A server at an address, with a good certificate for the host unless another is given.</summary>
    public Listener Serve(string host, string address, Answering answer, CertificateSpec? certificate = null)
    {
        var listener = Listener.Start(address, Egress.HttpsPort, Ca.Issue(certificate ?? CertificateSpec.For(host)), answer);
        _listeners.Add(listener);
        return listener;
    }

    /// <summary>A listener that must not be connected to.</summary>
    public Listener Trap(string address)
    {
        var trap = Listener.Trap(address, Egress.HttpsPort);
        _listeners.Add(trap);
        return trap;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var listener in _listeners)
        {
            await listener.DisposeAsync();
        }

        await _dns.DisposeAsync();
        Ca.Dispose();
    }
}
