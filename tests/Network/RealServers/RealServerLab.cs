using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Tests.RealServers;
using Xunit;

[assembly: AssemblyFixture(typeof(RealServerLabFixture))]

namespace StsFunctions.Tests.RealServers;

/// <summary>One lab of real servers for all tests that ask for it, started by the first.</summary>
public sealed class RealServerLabFixture : IAsyncDisposable
{
    private readonly Lazy<Task<RealServerLab>> _lab = new(async () => await RealServerLab.StartAsync(await DebianPackages.RequireAsync(), CancellationToken.None));

    /// <summary>The lab. Where its servers cannot be had, the test that asks ends here.</summary>
    internal async Task<RealServerLab> LabAsync()
    {
        await DebianPackages.RequireAsync();
        return await _lab.Value;
    }

    public async ValueTask DisposeAsync()
    {
        if (_lab is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
        {
            await (await _lab.Value).DisposeAsync();
        }
    }
}

/// <summary>
/// A mail lab of servers that others wrote: Exim and Postfix, and DNS from Knot through Unbound, which validates. Each MX host is
/// its own domain, too, whose only MX host it is.
/// </summary>
internal sealed class RealServerLab : IAsyncDisposable
{
    /// <summary>A zone that is signed; every MX host is in it.</summary>
    public const string SignedZone = "signed.example";

    /// <summary>A zone that is not.</summary>
    public const string UnsignedZone = "unsigned.example";

    /// <summary>A zone that is signed with another key than its parent has.</summary>
    public const string BogusZone = "bogus.example";

    /// <summary>The id in every <c>_mta-sts</c> record.</summary>
    public const string PolicyId = "20260314120000";

    /// <summary>A domain of two MX hosts that are well: Exim and Postfix.</summary>
    public const string Well = $"well.{SignedZone}";

    /// <summary>A domain of two MX hosts of which the second shows an expired certificate.</summary>
    public const string HalfExpired = $"half.{SignedZone}";

    private const string Exim = "exim";
    private const string Postfix = "postfix";

    private readonly string _folder = Directory.CreateTempSubdirectory("sts-servers-").FullName;
    private readonly LoopbackAddresses _addresses = new(LoopbackAddresses.Mx);
    private readonly TcpListener _port = FreePort();
    private readonly ConcurrentStack<IAsyncDisposable> _servers = [];
    private readonly Dictionary<string, MailServer> _hosts = [];
    private readonly List<string> _records = [];
    private PolicyHttpServer? _web;

    private RealServerLab() => Dns = NextEndPoint();

    /// <summary>Issues every certificate.</summary>
    public PrivateCa Ca { get; } = new(TimeProvider.System);

    /// <summary>The resolver.</summary>
    public IPEndPoint Dns { get; }

    /// <summary>The port of every server, whatever it is for.</summary>
    public int Port => ((IPEndPoint)_port.LocalEndpoint).Port;

    /// <summary>An MX host by its name.</summary>
    public MailServer Host(string name) => _hosts[name];

    /// <summary>The MX host that a server is for which is set up in a certain way.</summary>
    public static string NameOf(string server, string setup) => $"{server}-{setup}.{SignedZone}";

    /// <summary>The policy of a domain of these MX hosts.</summary>
    public static string PolicyOf(params string[] hosts) =>
        $"version: STSv1\r\nmode: enforce\r\n{string.Concat(hosts.Select(host => $"mx: {host}\r\n"))}max_age: 604800\r\n";

    /// <summary>Starts all of it.</summary>
    public static async Task<RealServerLab> StartAsync(DebianPackages packages, CancellationToken cancellationToken)
    {
        var lab = new RealServerLab();
        try
        {
            await lab.StartServersAsync(packages, cancellationToken);
            return lab;
        }
        catch
        {
            await lab.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        if (_web is not null)
        {
            await _web.StopAsync();
        }

        _port.Dispose();
        Ca.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task StartServersAsync(DebianPackages packages, CancellationToken cancellationToken)
    {
        foreach (var server in (string[])[Exim, Postfix])
        {
            AddVariants(server);
        }

        _web = await PolicyHttpServer.StartAsync(cancellationToken);
        AddDomain(Well, NameOf(Exim, "good"), NameOf(Postfix, "good"));
        AddDomain(HalfExpired, NameOf(Exim, "good"), NameOf(Postfix, "expired"));
        foreach (var host in _hosts.Keys)
        {
            AddDomain(host, host);
        }

        await Task.WhenAll(
        [
            .. HostsOf(Exim).Select(host => AddServerAsync(EximServer.StartAsync(packages, Path.Combine(_folder, host.Host), host, Port, cancellationToken))),
            AddServerAsync(PostfixServer.StartAsync(packages, Path.Combine(_folder, Postfix), [.. HostsOf(Postfix)], Port, cancellationToken)),
            StartDnsAsync(packages, cancellationToken),
        ]);
    }

    private void AddDomain(string name, params string[] hosts)
    {
        var (host, endPoint) = ($"mta-sts.{name}", NextEndPoint());
        _records.AddRange(
        [
            .. hosts.Select((mx, n) => $"{name}. MX {10 * (n + 1)} {mx}."),
            $"_mta-sts.{name}. TXT \"v=STSv1; id={PolicyId};\"",
            $"_smtp._tls.{name}. TXT \"v=TLSRPTv1; rua=mailto:reports@{SignedZone}\"",
            $"_dmarc.{name}. TXT \"v=DMARC1; p=reject\"",
            $"{host}. A {endPoint.Address}",
        ]);
        var server = new PolicyHost(
            host, endPoint, Ca.Issue(CertificateSpec.For(host)), _web!,
            path => path == PolicyHost.WellKnownPath ? PolicyOf(hosts) : null, () => $"https://{host}/", TimeProvider.System);
        _servers.Push(server);
        server.Start();
    }

    private async Task StartDnsAsync(DebianPackages packages, CancellationToken cancellationToken)
    {
        var authority = NextEndPoint();
        var knot = await KnotServer.StartAsync(packages, Path.Combine(_folder, "knot"), authority, [.. Zones()], cancellationToken);
        _servers.Push(knot);
        // The parent of the bogus zone has the key of another one.
        var anchor = await knot.DelegationSignerAsync(SignedZone, cancellationToken);
        _servers.Push(await UnboundServer.StartAsync(
            packages, Path.Combine(_folder, "unbound"), Dns, authority, [anchor, anchor.Replace(SignedZone, BogusZone, StringComparison.Ordinal)], cancellationToken));
    }

    private async Task AddServerAsync(Task<ServerProcess> starting) => _servers.Push(await starting);

    private IEnumerable<MailServer> HostsOf(string server) => _hosts.Values.Where(host => host.Host.StartsWith($"{server}-", StringComparison.Ordinal));

    private void AddVariants(string server)
    {
        // One Exim has an IPv6 address too, where this machine has the one of its loopback interface.
        Add(server, "good", host => server == Exim && Socket.OSSupportsIPv6 ? host with { SecondAddress = IPAddress.IPv6Loopback } : host);
        Add(server, "tlsa", host => host);
        Add(server, "plain", host => host with { Certificates = [] });
        Add(server, "tls12", Versions(TlsVersions.Tls12));
        Add(server, "rsa", Shows(good => good with { Key = KeyKind.Rsa }));
        Add(server, "both", host => host with { Certificates = [.. host.Certificates, Ca.Issue(CertificateSpec.For(host.Host) with { Key = KeyKind.Rsa })] });
        Add(server, "expired", Shows(good => good with { NotBeforeFromNow = TimeSpan.FromDays(-90), NotAfterFromNow = TimeSpan.FromDays(-1) }));
        Add(server, "leaf-only", Shows(good => good with { Sends = SentChain.LeafOnly }));
        Add(server, "misordered", Shows(good => good with { Sends = SentChain.Misordered }));
        Add(server, "self-signed", Shows(good => good with { Signer = CertificateSigner.Itself }));
        Add(server, "other-name", Shows(good => good with { DnsNames = [$"elsewhere.{SignedZone}"] }));
        Add(server, "old", Versions(TlsVersions.Tls11));
        Add(server, "gone", host => host with { CertificatesGone = true });
    }

    private void Add(string server, string setup, Func<MailServer, MailServer> setUp)
    {
        var name = NameOf(server, setup);
        _hosts.Add(name, setUp(new MailServer(name, _addresses.Next(), [Ca.Issue(CertificateSpec.For(name))])));
    }

    private Func<MailServer, MailServer> Shows(Func<CertificateSpec, CertificateSpec> change) =>
        host => host with { Certificates = [Ca.Issue(change(CertificateSpec.For(host.Host)))] };

    private static Func<MailServer, MailServer> Versions(TlsVersions versions) => host => host with { Versions = versions };

    private IEnumerable<Zone> Zones()
    {
        yield return new Zone(SignedZone, Signed: true, _hosts.Values.SelectMany(Addresses).Concat(_records).Concat(ForResolverTests()).Concat(
        [
            // One that matches the key of its host, and one that does not.
            Tlsa(NameOf(Exim, "good"), SHA256.HashData(_hosts[NameOf(Exim, "good")].Certificates[0].Leaf.PublicKey.ExportSubjectPublicKeyInfo())),
            Tlsa(NameOf(Postfix, "tlsa"), new byte[SHA256.HashSizeInBytes]),
        ]));
        yield return new Zone(UnsignedZone, Signed: false, ForResolverTests());
        yield return new Zone(BogusZone, Signed: true, ForResolverTests());
    }

    private static IEnumerable<string> ForResolverTests() =>
    [
        "@ MX 10 mx",
        "mx A 127.0.1.1",
        "few TXT \"first\" \"-half\"",
        "few TXT \"second\"",
        .. Enumerable.Range(1, 40).Select(n => $"many TXT \"{n:d2} {new string('x', 200)}\""),
        .. Enumerable.Range(1, 40).Select(n => $"many MX {n} mx-{n}.a-name-as-long-as-any-mail-provider-has"),
        "alias CNAME second-alias",
        "second-alias CNAME third-alias",
        "third-alias CNAME few",
        "dangling CNAME nowhere",
        "loop CNAME other-loop",
        "other-loop CNAME loop",
    ];

    private static IEnumerable<string> Addresses(MailServer host) =>
        host.Addresses.Select(address => $"{host.Host}. {(address.AddressFamily == AddressFamily.InterNetwork ? "A" : "AAAA")} {address}");

    private static string Tlsa(string host, byte[] keyHash) => $"_25._tcp.{host}. TLSA 3 1 1 {Convert.ToHexString(keyHash)}";

    private IPEndPoint NextEndPoint() => new(_addresses.Next(), Port);

    // Reserved at an address without a server, for as long as any server runs: other processes that need a port get another.
    private static TcpListener FreePort()
    {
        while (true)
        {
            var listener = new TcpListener(IPAddress.Loopback, LoopbackPort.Free());
            try
            {
                listener.Start();
                return listener;
            }
            catch (SocketException)
            {
                listener.Dispose();
            }
        }
    }
}
