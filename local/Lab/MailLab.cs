using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace StsFunctions.Local.Lab;

/// <summary>
/// A mail lab on loopback: a DNS server, SMTP servers with STARTTLS, policy hosts, and a private CA. Every MX host and
/// every policy host has a loopback address of its own; all MX hosts share one port, and so do all policy hosts.
/// </summary>
public sealed class MailLab : IAsyncDisposable
{
    /// <summary>The host name of the app that serves the policies, unless the caller has another.</summary>
    public const string DefaultAppHost = "sts.hosting.example";

    // Below the range that Linux takes the ports of outgoing connections from.
    private const int FirstPort = 10_000;
    private const int LastPort = 32_000;
    private const int PortAttempts = 64;
    private const string RelayHost = "relay.hosting.example";
    private const string ElsewhereHost = "elsewhere.hosting.example";
    private static readonly DnsRecordType[] AddressTypes = [DnsRecordType.A, DnsRecordType.Aaaa];

    private readonly TimeProvider _time;
    private readonly DnsServer _dns;
    private readonly PolicyHttpServer _web;
    private readonly LoopbackAddresses _addresses = new(LoopbackAddresses.Mx);
    private readonly LoopbackAddresses _policyAddresses = new(LoopbackAddresses.Policy);
    private readonly ConcurrentDictionary<string, MxHost> _hosts = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, PolicyHost> _policyHosts = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, LabDomain> _domains = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentDictionary<string, string> _policyIds = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentBag<IAsyncDisposable> _gone = [];

    private MailLab(string appHost, TimeProvider time, PrivateCa ca, DnsZone zone, DnsServer dns, SmtpServer relay, PolicyHttpServer web)
    {
        (AppHost, _time, Ca, Zone, _dns, Relay, _web) = (appHost, time, ca, zone, dns, relay, web);
        // It holds the port as long as the lab runs, at an address of every lab, so that another lab takes another port.
        var elsewhere = _policyAddresses.Next();
        Elsewhere = OnFreePort(port => StartElsewhere(new IPEndPoint(elsewhere, port)));
        Zone.Set(ElsewhereHost, DnsRecord.Address(Elsewhere.EndPoint.Address));
    }

    /// <summary>Where the policy hosts' names lead: the app's host name, at 127.0.0.1.</summary>
    public string AppHost { get; }

    /// <summary>Issues every certificate of this lab, including those of policy hosts that the app serves.</summary>
    public PrivateCa Ca { get; }

    /// <summary>What the DNS server answers from.</summary>
    public DnsZone Zone { get; }

    /// <summary>The DNS server, on UDP and TCP.</summary>
    public IPEndPoint Dns => _dns.EndPoint;

    /// <summary>The port of every MX host, in the place of 25.</summary>
    public int SmtpPort => Relay.EndPoint.Port;

    /// <summary>The port of every policy host, in the place of 443; at 127.0.0.1 it is free for the app's.</summary>
    public int HttpsPort => Elsewhere.EndPoint.Port;

    /// <summary>
    /// The target of redirects of a policy host: it has a good certificate and a good copy of every policy, so that its requests
    /// show whether a client follows redirects.
    /// </summary>
    public PolicyHost Elsewhere { get; }

    /// <summary>The operator's own mail server, at 127.0.0.1: it accepts the notification mail.</summary>
    public SmtpServer Relay { get; }

    /// <summary>The domains that were added.</summary>
    public IReadOnlyList<LabDomain> Domains => [.. _domains.Values.OrderBy(domain => domain.Name, StringComparer.Ordinal)];

    /// <summary>The MX hosts of those domains.</summary>
    public IReadOnlyList<MxHost> Hosts => [.. _hosts.Values.OrderBy(host => host.Name, StringComparer.Ordinal)];

    /// <summary>The policy hosts that are servers of this lab; the app serves the others.</summary>
    public IReadOnlyList<PolicyHost> PolicyHosts => [.. _policyHosts.Values.OrderBy(host => host.HostName, StringComparer.Ordinal)];

    /// <summary>Starts DNS, the CA, the relay and Kestrel, without a domain yet, for the app at <see cref="DefaultAppHost"/>.</summary>
    public static Task<MailLab> StartAsync(TimeProvider time, CancellationToken cancellationToken) =>
        StartAsync(time, DefaultAppHost, cancellationToken);

    /// <summary>Starts DNS, the CA, the relay and Kestrel, without a domain yet.</summary>
    /// <param name="time">The time of certificates, policy ids, mail and idle limits.</param>
    /// <param name="appHost">The app's host name, without a port.</param>
    /// <param name="cancellationToken">Gives up the start.</param>
    /// <exception cref="InvalidOperationException">This machine lacks the loopback addresses, or a free port.</exception>
    public static async Task<MailLab> StartAsync(TimeProvider time, string appHost, CancellationToken cancellationToken)
    {
        LoopbackAddresses.Require();
        var ca = new PrivateCa(time);
        var zone = new DnsZone();
        DnsServer? dns = null;
        SmtpServer? relay = null;
        PolicyHttpServer? web = null;
        try
        {
            cancellationToken.ThrowIfCancellationRequested();
            dns = DnsServer.Start(zone, time);
            zone.Set(appHost, DnsRecord.Address(IPAddress.Loopback));
            zone.Set(RelayHost, DnsRecord.Address(IPAddress.Loopback));
            // The relay holds the port at 127.0.0.1 as long as the lab runs, so that another lab takes another port.
            relay = StartRelay(ca, time);
            web = await PolicyHttpServer.StartAsync(cancellationToken);
            return new MailLab(appHost, time, ca, zone, dns, relay, web);
        }
        catch
        {
            await (web?.StopAsync() ?? default);
            await (relay?.DisposeAsync() ?? default);
            await (dns?.DisposeAsync() ?? default);
            ca.Dispose();
            throw;
        }
    }

    /// <summary>Adds a domain: its DNS records, its policy host, and those of its MX hosts that do not exist yet.</summary>
    /// <exception cref="InvalidOperationException">An address of one of its hosts is missing on this machine, or taken.</exception>
    public void Add(LabDomain domain)
    {
        _policyIds[domain.Name] = _time.GetUtcNow().ToString("yyyyMMddHHmmss", CultureInfo.InvariantCulture);
        Publish(domain);
        foreach (var fault in domain.Dns)
        {
            Zone.Behave(fault.Name, fault.Behaviour);
        }
    }

    /// <summary>Changes what a domain publishes while it runs; its MX hosts and its policy host stay as they are.</summary>
    /// <exception cref="KeyNotFoundException">No such domain was added.</exception>
    public void Change(string domain, Func<LabDomain, LabDomain> how) => Publish(how(Domain(domain)));

    /// <summary>Moves the domain's policy into this lab, whose DNS then points at a policy host with an address of its own.</summary>
    /// <exception cref="KeyNotFoundException">No such domain was added.</exception>
    public PolicyHost TakePolicy(string domain)
    {
        Change(domain, current => current with { PolicyHost = current.PolicyHost ?? new LabPolicyHost() });
        return _policyHosts[DnsName.Normalize(domain)];
    }

    /// <summary>Moves the domain's policy back to the app, and removes the policy host.</summary>
    /// <exception cref="KeyNotFoundException">No such domain was added.</exception>
    public void LeavePolicy(string domain) => Change(domain, current => current with { PolicyHost = null });

    /// <summary>The domain's policy host, as a server of this lab.</summary>
    /// <exception cref="KeyNotFoundException">It is none.</exception>
    public PolicyHost PolicyHostOf(string domain) => _policyHosts.TryGetValue(DnsName.Normalize(domain), out var host)
        ? host
        : throw new KeyNotFoundException($"The policy host of '{domain}' is not in this lab. There are: {Listed(PolicyHosts.Select(listed => listed.HostName))}.");

    /// <summary>Whether a domain of that name was added.</summary>
    public bool Has(string domain) => _domains.ContainsKey(DnsName.Normalize(domain));

    /// <summary>The domain of that name.</summary>
    /// <exception cref="KeyNotFoundException">No such domain was added.</exception>
    public LabDomain Domain(string domain) => _domains.TryGetValue(DnsName.Normalize(domain), out var known)
        ? known
        : throw new KeyNotFoundException($"There is no domain '{domain}' here: add it first. There are: {Listed(Domains.Select(one => one.Name))}.");

    /// <summary>Adds several domains.</summary>
    /// <exception cref="InvalidOperationException">An address of an MX host is missing on this machine, or taken.</exception>
    public void Add(IEnumerable<LabDomain> domains)
    {
        foreach (var domain in domains)
        {
            Add(domain);
        }
    }

    /// <summary>Writes a policy id into the domain's MTA-STS record.</summary>
    /// <exception cref="KeyNotFoundException">No such domain was added.</exception>
    public void SetPolicyId(string domain, string id)
    {
        var known = Domain(domain);
        _policyIds[known.Name] = id;
        PublishStsRecords(known);
    }

    /// <summary>Moves an MX host to new addresses only; its new servers have its current certificates and script.</summary>
    /// <exception cref="KeyNotFoundException">No domain that was added has it.</exception>
    /// <exception cref="InvalidOperationException">No address was given, or another host has ::1.</exception>
    public void Move(string host, params IReadOnlyList<LabAddress> to)
    {
        var mx = Mx(host);
        if (to.Count == 0)
        {
            throw new InvalidOperationException("An MX host needs an address, at least a dead one.");
        }

        if (to.Count(kind => kind == LabAddress.IPv6) > 1)
        {
            throw new InvalidOperationException("There is only one ::1: use ipv6 once.");
        }

        if (to.Contains(LabAddress.IPv6) && Hosts.FirstOrDefault(other => other != mx && other.Servers.Any(IsIPv6)) is { } holder)
        {
            throw new InvalidOperationException($"There is only one ::1, and {holder.Name} has it: move that host first.");
        }

        var (certificates, script) = (mx.Certificates, mx.Script);
        mx.Stop();
        foreach (var server in mx.Servers)
        {
            _gone.Add(server);
        }

        mx.Servers = [.. to.Select(kind => NewServer(mx.Name, kind, certificates, script))];
        Start(mx, to);
        PublishAddresses(mx);
    }

    /// <summary>Makes an MX host's name an alias (RFC 2181 §10.3 forbids it) of another name, which then has its addresses; null ends that.</summary>
    /// <exception cref="KeyNotFoundException">No domain that was added has it.</exception>
    /// <exception cref="InvalidOperationException">Its name is that of a domain, whose SOA excludes a CNAME.</exception>
    public void SetAlias(string host, string? of)
    {
        var mx = Mx(host);
        if (of is not null && _domains.ContainsKey(mx.Name))
        {
            throw new InvalidOperationException($"{mx.Name} is a domain: a CNAME cannot exist beside its SOA (RFC 1034 §3.6.2).");
        }

        mx.AliasOf = of;
        PublishAddresses(mx);
    }

    /// <summary>The MX host of that name.</summary>
    /// <exception cref="KeyNotFoundException">No domain that was added has it.</exception>
    public MxHost Mx(string host) => _hosts.TryGetValue(host.TrimEnd('.'), out var found)
        ? found
        : throw new KeyNotFoundException($"There is no MX host '{host}' here. There are: {Listed(Hosts.Select(mx => mx.Name))}.");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts.Values)
        {
            await host.DisposeAsync();
        }

        foreach (var server in _gone)
        {
            await server.DisposeAsync();
        }

        foreach (var host in PolicyHosts.Append(Elsewhere))
        {
            await host.DisposeAsync();
        }

        await _web.StopAsync();
        await Relay.DisposeAsync();
        await _dns.DisposeAsync();
        Ca.Dispose();
    }

    private static string Listed(IEnumerable<string> names) => string.Join(", ", names) is { Length: > 0 } list ? list : "none yet";

    private static bool IsIPv6(SmtpServer server) => server.EndPoint.AddressFamily == AddressFamily.InterNetworkV6;

    private void Publish(LabDomain domain)
    {
        var ownMail = domain.MxRecords == MxRecords.Implicit && domain.Mx.All(mx => mx.Host != domain.Name);
        foreach (var mx in ownMail ? domain.Mx.Append(new LabMx(domain.Name)) : domain.Mx)
        {
            AddHost(mx);
        }

        Zone.Set(domain.Name,
            DnsRecord.Soa($"ns.{domain.Name}", $"hostmaster.{domain.Name}", 1, DnsRecord.DefaultTimeToLive),
            DnsRecord.Ns($"ns.{domain.Name}"));
        Zone.Set($"ns.{domain.Name}", DnsRecord.Address(IPAddress.Loopback));
        Zone.Replace(domain.Name, [DnsRecordType.Mx], domain.MxRecords switch
        {
            MxRecords.Listed => [.. domain.Mx.Select((mx, n) => DnsRecord.Mx((ushort)(10 * (n + 1)), mx.Host))],
            MxRecords.Null => [DnsRecord.Mx(0, ".")],
            _ => [],
        });

        _domains[domain.Name] = domain;
        PublishStsRecords(domain);
        Zone.Set($"_smtp._tls.{domain.Name}", DnsRecord.Txt($"v=TLSRPTv1; rua=https://{AppHost}/v1/tlsrpt"));
        Zone.Set($"_dmarc.{domain.Name}", DnsRecord.Txt("v=DMARC1; p=reject"));
        Zone.Set($"mta-sts.{domain.Name}", domain.PolicyHost is { } policyHost
            ? DnsRecord.Address(AddPolicyHost(domain.Name, policyHost).EndPoint.Address)
            : DnsRecord.Cname(AppHost));
        if (domain.PolicyHost is null && _policyHosts.TryRemove(domain.Name, out var gone))
        {
            gone.Stop();
            _gone.Add(gone);
        }
    }

    private void PublishStsRecords(LabDomain domain)
    {
        var records = domain.StsRecords
            .Select(text => DnsRecord.Txt(text.Replace(LabDomain.Id, _policyIds[domain.Name], StringComparison.Ordinal)))
            .ToArray();
        var own = $"_mta-sts.{domain.Name}";
        if (domain.StsRecordDelegatedTo is { } target)
        {
            Zone.Set(own, DnsRecord.Cname(target));
        }

        Zone.Replace(domain.StsRecordDelegatedTo ?? own, [DnsRecordType.Txt, DnsRecordType.Cname], records);
    }

    private void PublishAddresses(MxHost mx)
    {
        if (mx.AliasOf is not null)
        {
            Zone.Set(mx.Name, DnsRecord.Cname(mx.AliasOf));
        }

        Zone.Replace(mx.AliasOf ?? mx.Name, AddressTypes, [.. mx.Servers.Select(server => DnsRecord.Address(server.EndPoint.Address))]);
    }

    private void AddHost(LabMx mx)
    {
        if (_hosts.ContainsKey(mx.Host))
        {
            return;
        }

        List<IssuedCertificate> certificates = [Ca.Issue(mx.Certificate ?? CertificateSpec.For(mx.Host))];
        if (mx.SecondCertificate is { } second)
        {
            certificates.Add(Ca.Issue(second));
        }
        // Registered before it starts, so that it is disposed even if the start fails.
        var host = _hosts[mx.Host] = new MxHost(mx.Host, [.. mx.Addresses.Select(kind => NewServer(mx.Host, kind, certificates, mx.Script))]) { AliasOf = mx.AliasOf };
        Start(host, mx.Addresses);
        PublishAddresses(host);
    }

    private SmtpServer NewServer(string host, LabAddress kind, IReadOnlyList<IssuedCertificate> certificates, SmtpScript script)
    {
        var address = kind == LabAddress.IPv6 ? IPAddress.IPv6Loopback : _addresses.Next();
        return new SmtpServer(host, new IPEndPoint(address, SmtpPort), certificates[0], _time) { Certificates = certificates, Script = script };
    }

    private static void Start(MxHost host, IReadOnlyList<LabAddress> kinds)
    {
        foreach (var (server, kind) in host.Servers.Zip(kinds))
        {
            if (kind != LabAddress.DeadIPv4)
            {
                server.Start();
            }
        }
    }

    private PolicyHost AddPolicyHost(string domain, LabPolicyHost how)
    {
        if (_policyHosts.TryGetValue(domain, out var known))
        {
            return known;
        }

        var name = $"mta-sts.{domain}";
        var host = _policyHosts[domain] = new PolicyHost(
            name, new IPEndPoint(_policyAddresses.Next(), HttpsPort), Ca.Issue(how.Certificate ?? CertificateSpec.For(name)), _web,
            path => path == PolicyHost.WellKnownPath ? Domain(domain).Policy : null,
            () => $"https://{ElsewhereHost}:{HttpsPort}/{domain}.txt",
            _time)
        { Script = how.Script };
        if (how.Listens)
        {
            host.Start();
        }

        return host;
    }

    private PolicyHost StartElsewhere(IPEndPoint endPoint)
    {
        var host = new PolicyHost(
            ElsewhereHost, endPoint, Ca.Issue(CertificateSpec.For(ElsewhereHost)), _web,
            path => Domains.FirstOrDefault(domain => path == $"/{domain.Name}.txt")?.Policy,
            () => $"https://{ElsewhereHost}:{endPoint.Port}/",
            _time);
        host.Start();
        return host;
    }

    private static SmtpServer StartRelay(PrivateCa ca, TimeProvider time)
    {
        var certificate = ca.Issue(CertificateSpec.For(RelayHost, "localhost"));
        return OnFreePort(port =>
        {
            var relay = new SmtpServer(RelayHost, new IPEndPoint(IPAddress.Loopback, port), certificate, time);
            relay.Start();
            return relay;
        });
    }

    private static T OnFreePort<T>(Func<int, T> start)
    {
        for (var attempt = 0; attempt < PortAttempts; attempt++)
        {
            var port = Random.Shared.Next(FirstPort, LastPort);
            if (!LoopbackPort.IsFree(port))
            {
                continue;
            }

            try
            {
                return start(port);
            }
            catch (InvalidOperationException)
            {
                // Another process took the port.
            }
        }

        throw new InvalidOperationException($"No free port was found between {FirstPort} and {LastPort} in {PortAttempts} attempts; try again.");
    }
}
