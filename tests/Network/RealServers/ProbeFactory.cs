using System.Net;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.RealServers;

/// <summary>The app's probes of the real servers.</summary>
internal sealed class ProbeFactory
{
    /// <summary>The outcome where a server ends the handshake with the alert <c>handshake_failure</c>, which gives no reason.</summary>
    public const string HandshakeFailure = nameof(SmtpOutcome.TlsCipher);

    /// <summary>The code of the finding that it leads to.</summary>
    public const string HandshakeFailureCode = "mx.tls.weak-cipher";

    private readonly RealServerLab _lab;
    private readonly CheckOptions _options;
    private readonly SmtpProbe _probe;
    private readonly PolicyFetcher _policies;

    public ProbeFactory(RealServerLab lab)
    {
        _lab = lab;
        _options = new CheckOptions
        {
            SmtpPort = lab.Port,
            HeloName = "check.example",
            ReferenceMxHosts = [],
            SessionTimeout = TimeSpan.FromMinutes(1),
            RetryDelay = TimeSpan.Zero,
        };
        var egress = new EgressOptions
        {
            DnsServer = lab.Dns,
            DnsValidates = true,
            AllowedNetworks = [IPNetwork.Parse("127.0.0.0/8"), IPNetwork.Parse("::1/128")],
            HttpsPort = lab.Port,
            TrustedRoots = new TrustedRoots(new X509Certificate2Collection(lab.Ca.Root)),
        };
        var (resolver, guard) = (new DnsResolver(egress), new EgressGuard(egress));
        Dns = new DnsObserver(resolver);
        _policies = new PolicyFetcher(new EgressHttp(guard, resolver, egress, TimeProvider.System), _options, TimeProvider.System);
        _probe = new SmtpProbe(guard, _options, "check.example", TimeProvider.System);
    }

    /// <summary>What DNS is asked by.</summary>
    public DnsObserver Dns { get; }

    /// <summary>One session with the first address of an MX host.</summary>
    public Task<SmtpSession> SessionAsync(string host) => _probe.ProbeAsync(host, _lab.Host(host).Address, TestContext.Current.CancellationToken);

    /// <summary>A whole observation of a domain.</summary>
    public Task<Observation> ObserveAsync(string domain)
    {
        var repetition = new Retry(_options, TimeProvider.System);
        var observer = new Observer(Dns, new SmtpMxProbe(_probe, repetition, _options, TimeProvider.System), _probe, _policies, repetition, _options, TimeProvider.System);
        return observer.ObserveAsync(DomainName.Parse(domain), "1", TestContext.Current.CancellationToken);
    }

    /// <summary>The sessions with one of its MX hosts.</summary>
    public static IReadOnlyList<SmtpSession> SessionsOf(Observation observation, string host) => observation.MxHosts.Single(mx => mx.Host == host).Sessions;

    /// <summary>What the rules find, as <c>code subject</c>, where this policy is served.</summary>
    public static IReadOnlyList<string> FindingsOf(Observation observation, string policy)
    {
        var bytes = Encoding.UTF8.GetBytes(policy);
        var hosted = new HostedDomain(RealServerLab.PolicyId, observation.At.AddDays(-2), observation.At.AddDays(-2), bytes);
        var served = observation with { PolicyHost = observation.PolicyHost with { Fetch = observation.PolicyHost.Fetch! with { Body = bytes } } };
        return [.. RuleEngine.Evaluate(new RuleContext(served, Policy.Parse(bytes), hosted, ExpectedTargets.Unknown)).Findings.Select(finding => $"{finding.Code} {finding.Subject}")];
    }
}
