using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using StsFunctions.CheckDomain;
using StsFunctions.Outgoing;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.RealServers;

/// <summary>The app's eyes on the real servers.</summary>
internal sealed class Eyes
{
    /// <summary>The outcome where a server ends the handshake with the alert <c>handshake_failure</c>, which says no more.</summary>
    public const string HandshakeFailure = nameof(SmtpOutcome.TlsCipher);

    /// <summary>The code of the finding that it leads to.</summary>
    public const string HandshakeFailureCode = "mx.tls.cipher";

    private readonly RealInternet _internet;
    private readonly CheckOptions _options;
    private readonly SmtpProbe _probe;
    private readonly PolicyFetcher _policies;

    public Eyes(RealInternet internet)
    {
        _internet = internet;
        _options = new CheckOptions
        {
            SmtpPort = internet.Port,
            HeloName = "check.example",
            ReferenceMxHosts = [],
            SessionTimeout = TimeSpan.FromMinutes(1),
            RetryDelay = TimeSpan.Zero,
        };
        var egress = new EgressOptions
        {
            DnsServer = internet.Dns,
            DnsValidates = true,
            AllowedNetworks = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")],
            HttpsPort = internet.Port,
            TrustedRoots = new TrustedRoots(new X509Certificate2Collection(internet.Ca.Root)),
        };
        var (resolver, gate) = (new Resolver(egress), new OutgoingGate(egress));
        Dns = new DnsObserver(resolver);
        _policies = new PolicyFetcher(new OutgoingHttp(gate, resolver, egress, TimeProvider.System), _options, TimeProvider.System);
        _probe = new SmtpProbe(gate, _options, "check.example", TimeProvider.System);
    }

    /// <summary>What DNS is asked by.</summary>
    public DnsObserver Dns { get; }

    /// <summary>One session with the first address of an MX host.</summary>
    public Task<SmtpSession> SessionAsync(string host) => _probe.LookAsync(host, _internet.Host(host).Address, TestContext.Current.CancellationToken);

    /// <summary>A whole look at a domain.</summary>
    public Task<Observation> LookAsync(string domain)
    {
        var repetition = new Repetition(_options, TimeProvider.System);
        var observer = new Observer(Dns, new DirectProbe(_probe, repetition, _options, TimeProvider.System), _probe, _policies, repetition, _options, TimeProvider.System);
        return observer.LookAsync(DomainName.Parse(domain), "1", TestContext.Current.CancellationToken);
    }

    /// <summary>The sessions with one of its MX hosts.</summary>
    public static IReadOnlyList<SmtpSession> SessionsOf(Observation seen, string host) => seen.MxHosts.Single(mx => mx.Host == host).Sessions;

    /// <summary>What the rules find, as <c>code subject</c>, where this policy is served.</summary>
    public static IReadOnlyList<string> FindingsOf(Observation seen, string policy)
    {
        var bytes = Encoding.UTF8.GetBytes(policy);
        var hosted = new Hosted(RealInternet.PolicyId, seen.At.AddDays(-2), seen.At.AddDays(-2), bytes);
        var served = seen with { PolicyHost = seen.PolicyHost with { Fetch = seen.PolicyHost.Fetch! with { Body = bytes } } };
        return [.. Judge.Of(new Case(served, Policy.Parse(bytes), hosted, OurPlaces.Unknown)).Findings.Select(finding => $"{finding.Code} {finding.Subject}")];
    }
}
