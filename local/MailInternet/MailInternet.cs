using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace StsFunctions.Local.MailInternet;

/// <summary>
/// A small mail internet on loopback: a DNS server, SMTP servers with STARTTLS, and a private CA. Every MX host has a loopback
/// address of its own, and all share one port.
/// </summary>
public sealed class MailInternet : IAsyncDisposable
{
    /// <summary>The host name of the app that serves the policies, unless the caller has another.</summary>
    public const string DefaultAppHost = "sts.hosting.example";

    // Below the range that Linux takes the ports of outgoing connections from.
    private const int FirstPort = 10_000;
    private const int LastPort = 32_000;
    private const int PortAttempts = 64;
    private const string RelayHost = "relay.hosting.example";

    private readonly TimeProvider _time;
    private readonly DnsServer _dns;
    private readonly LoopbackAddresses _addresses = new();
    private readonly ConcurrentDictionary<string, MxHost> _hosts = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, LabDomain> _domains = new(StringComparer.OrdinalIgnoreCase);

    private MailInternet(string appHost, TimeProvider time, PrivateCa ca, DnsZone zone, DnsServer dns, SmtpServer relay) =>
        (AppHost, _time, Ca, Zone, _dns, Relay) = (appHost, time, ca, zone, dns, relay);

    /// <summary>Where the policy hosts' names lead: the app's host name, at 127.0.0.1.</summary>
    public string AppHost { get; }

    /// <summary>Issues every certificate of this internet; also for a policy host, by whoever serves it.</summary>
    public PrivateCa Ca { get; }

    /// <summary>What the DNS server answers from.</summary>
    public DnsZone Zone { get; }

    /// <summary>The DNS server, on UDP and TCP.</summary>
    public IPEndPoint Dns => _dns.EndPoint;

    /// <summary>The port of every MX host, in the place of 25.</summary>
    public int SmtpPort => Relay.EndPoint.Port;

    /// <summary>The operator's own mail server, at 127.0.0.1: it takes the warning mail.</summary>
    public SmtpServer Relay { get; }

    /// <summary>The domains that were added.</summary>
    public IReadOnlyList<LabDomain> Domains => [.. _domains.Values.OrderBy(domain => domain.Name, StringComparer.Ordinal)];

    /// <summary>The MX hosts of those domains.</summary>
    public IReadOnlyList<MxHost> Hosts => [.. _hosts.Values.OrderBy(host => host.Name, StringComparer.Ordinal)];

    /// <summary>Starts DNS, the CA and the relay, without a domain yet, for the app at <see cref="DefaultAppHost"/>.</summary>
    public static Task<MailInternet> StartAsync(TimeProvider time, CancellationToken cancellationToken) =>
        StartAsync(time, DefaultAppHost, cancellationToken);

    /// <summary>Starts DNS, the CA and the relay, without a domain yet.</summary>
    /// <param name="time">The time of certificates, policy ids, mail and idle limits.</param>
    /// <param name="appHost">The app's host name, without a port.</param>
    /// <param name="cancellationToken">Gives up the start.</param>
    /// <exception cref="InvalidOperationException">This machine lacks the loopback addresses, or a free port.</exception>
    public static async Task<MailInternet> StartAsync(TimeProvider time, string appHost, CancellationToken cancellationToken)
    {
        LoopbackAddresses.Require();
        var ca = new PrivateCa(time);
        var zone = new DnsZone();
        var dns = DnsServer.Start(zone, time);
        try
        {
            zone.Set(appHost, DnsRecord.Address(IPAddress.Loopback));
            zone.Set(RelayHost, DnsRecord.Address(IPAddress.Loopback));
            // The relay holds the port at 127.0.0.1 for as long as the internet lives, so that another internet takes another.
            var relay = StartRelay(ca, time, cancellationToken);
            return new MailInternet(appHost, time, ca, zone, dns, relay);
        }
        catch
        {
            await dns.DisposeAsync();
            ca.Dispose();
            throw;
        }
    }

    /// <summary>Adds a domain: its DNS records, and its MX hosts where another domain has not brought them yet.</summary>
    /// <exception cref="InvalidOperationException">An address of an MX host is missing on this machine, or taken.</exception>
    public void Add(LabDomain domain)
    {
        foreach (var mx in domain.Mx)
            AddHost(mx);

        Zone.Set(domain.Name,
            DnsRecord.Soa($"ns.{domain.Name}", $"hostmaster.{domain.Name}", 1, DnsRecord.DefaultTimeToLive),
            DnsRecord.Ns($"ns.{domain.Name}"));
        Zone.Set($"ns.{domain.Name}", DnsRecord.Address(IPAddress.Loopback));
        if (domain.MxRecords == MxRecords.Null)
            Zone.Set(domain.Name, DnsRecord.Mx(0, "."));
        else if (domain.MxRecords == MxRecords.Listed)
            Zone.Set(domain.Name, [.. domain.Mx.Select((mx, n) => DnsRecord.Mx((ushort)(10 * (n + 1)), mx.Host))]);

        _domains[domain.Name] = domain;
        SetPolicyId(domain.Name, _time.GetUtcNow().ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture));
        Zone.Set($"_smtp._tls.{domain.Name}", DnsRecord.Txt($"v=TLSRPTv1; rua=https://{AppHost}/v1/tlsrpt"));
        Zone.Set($"mta-sts.{domain.Name}", DnsRecord.Cname(AppHost));
    }

    /// <summary>Adds several domains.</summary>
    /// <exception cref="InvalidOperationException">An address of an MX host is missing on this machine, or taken.</exception>
    public void Add(IEnumerable<LabDomain> domains)
    {
        foreach (var domain in domains)
            Add(domain);
    }

    /// <summary>Writes a policy id into the domain's MTA-STS record.</summary>
    /// <exception cref="KeyNotFoundException">No such domain was added.</exception>
    public void SetPolicyId(string domain, string id)
    {
        if (!_domains.TryGetValue(domain, out var known))
            throw new KeyNotFoundException($"There is no domain '{domain}' here: add it first.");

        var records = known.StsRecords
            .Select(text => DnsRecord.Txt(text.Replace(LabDomain.Id, id, StringComparison.Ordinal)))
            .ToArray();
        var own = $"_mta-sts.{known.Name}";
        if (known.StsRecordDelegatedTo is { } target)
            Zone.Set(own, DnsRecord.Cname(target));
        Zone.Set(known.StsRecordDelegatedTo ?? own, records);
    }

    /// <summary>The MX host of that name.</summary>
    /// <exception cref="KeyNotFoundException">No domain that was added has it.</exception>
    public MxHost Mx(string host) => _hosts.TryGetValue(host.TrimEnd('.'), out var found)
        ? found
        : throw new KeyNotFoundException($"There is no MX host '{host}' here. There are: {string.Join(", ", Hosts.Select(mx => mx.Name))}.");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts.Values)
            await host.DisposeAsync();
        await Relay.DisposeAsync();
        await _dns.DisposeAsync();
        Ca.Dispose();
    }

    private void AddHost(LabMx mx)
    {
        if (_hosts.ContainsKey(mx.Host))
            return;

        var certificate = Ca.Issue(mx.Certificate ?? CertificateSpec.For(mx.Host));
        var servers = mx.Addresses
            .Select(kind => kind == LabAddress.IPv6 ? IPAddress.IPv6Loopback : _addresses.Next())
            .Select(address => new SmtpServer(mx.Host, new IPEndPoint(address, SmtpPort), certificate, _time) { Script = mx.Script })
            .ToList();
        // Known before it starts, so that it is disposed of even if it cannot.
        _hosts[mx.Host] = new MxHost(mx.Host, servers);
        foreach (var (server, kind) in servers.Zip(mx.Addresses))
        {
            if (kind != LabAddress.DeadIPv4)
                server.Start();
        }

        if (mx.AliasOf is not null)
            Zone.Set(mx.Host, DnsRecord.Cname(mx.AliasOf));
        Zone.Set(mx.AliasOf ?? mx.Host, [.. servers.Select(server => DnsRecord.Address(server.EndPoint.Address))]);
    }

    private static SmtpServer StartRelay(PrivateCa ca, TimeProvider time, CancellationToken cancellationToken)
    {
        var certificate = ca.Issue(CertificateSpec.For(RelayHost, "localhost"));
        for (var attempt = 0; attempt < PortAttempts; attempt++)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var port = Random.Shared.Next(FirstPort, LastPort);
            if (!IsFree(port))
                continue;
            var relay = new SmtpServer(RelayHost, new IPEndPoint(IPAddress.Loopback, port), certificate, time);
            try
            {
                relay.Start();
                return relay;
            }
            catch (InvalidOperationException)
            {
                // Another process was quicker.
            }
        }

        throw new InvalidOperationException($"No free port was found between {FirstPort} and {LastPort} in {PortAttempts} attempts; try again.");
    }

    // Bound but never listening: the wildcard conflicts with whoever listens on the port of any of the loopback addresses.
    private static bool IsFree(int port)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
