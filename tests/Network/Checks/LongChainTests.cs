using System.Net;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Tests.Egress;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>Chains with more certificates than anybody needs, and with unreadable ones.</summary>
public sealed class LongChainTests
{
    private const string Host = "mx1.example.com";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "MX-4")]
    public async Task A_chain_that_is_too_long_to_build_is_a_finding_of_that_address_and_no_exception()
    {
        var session = await ProbeAsync(LongChain.Of(Host, inARow: 101));

        Assert.Equal((SmtpOutcome.ChainUnusable, ServerCertificates.NoChain), (session.Outcome, session.Detail));
        var evaluated = RuleEngine.Evaluate(Cases.Of(TestObservations.With(TestObservations.Host(Host, session)), PolicyMode.Enforce, Host));
        Assert.Equal(["Critical mx.certificate.chain-unusable mx1.example.com"], evaluated.Findings.Select(finding => $"{finding.Severity} {finding.Code} {finding.Subject}"));
        Assert.Contains("more than 100", evaluated.Findings[0].Evidence, StringComparison.Ordinal);
        Assert.Contains("mx.certificate.expired", evaluated.Inconclusive);
    }

    [Fact]
    public async Task The_first_certificates_of_a_chain_are_stored_and_the_total_is_reported()
    {
        var chain = LongChain.Of(Host, inARow: 40);

        var session = await ProbeAsync(chain);

        Assert.Equal((SmtpOutcome.Completed, 41), (session.Outcome, session.Tls!.Sent));
        Assert.Equal(chain.Sent.Take(TlsSession.MaxCertificates), session.Tls.Chain);
        Assert.Equal(TlsSession.MaxCertificates, session.Tls.Built.Count);
        Assert.Empty(session.Tls.Trust);
        var finding = Assert.Single(RuleEngine.Evaluate(Cases.Of(TestObservations.With(TestObservations.Host(Host, session)), PolicyMode.Enforce, Host)).Findings, finding => finding.Code.StartsWith("mx.certificate.chain", StringComparison.Ordinal));
        Assert.Equal(("mx.certificate.chain-long", Severity.Info), (finding.Code, finding.Severity));
        Assert.Contains("the chain has more than 32 certificates (41)", finding.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Certificates_outside_the_chain_take_a_place_and_add_no_trust()
    {
        var session = await ProbeAsync(LongChain.Of(Host, inARow: 1, beside: 150));

        Assert.Equal((SmtpOutcome.Completed, 152, 0), (session.Outcome, session.Tls!.Sent, session.Tls.Trust.Count));
        Assert.Equal((TlsSession.MaxCertificates, 3), (session.Tls.Chain.Count, session.Tls.Built.Count));
    }

    [Fact]
    public async Task A_certificate_list_longer_than_OpenSSL_accepts_ends_the_handshake_before_a_chain_is_built()
    {
        var session = await ProbeAsync(LongChain.Of(Host, inARow: 350));

        Assert.Equal((SmtpOutcome.TlsFailed, null), (session.Outcome, session.Tls));
    }

    [Fact]
    [Trait("Conformance", "GET-3")]
    public async Task A_policy_host_with_a_chain_that_is_too_long_fails_in_TLS()
    {
        var chain = LongChain.Of("mta-sts.lab.example", inARow: 101);
        await using var server = new LongChainServer(chain, smtp: false);
        await using var dns = StubDnsServer.Start(query => StubDnsServer.TypeOf(query) == 1 ? StubDnsServer.Response(query, (1, [127, 0, 0, 1])) : StubDnsServer.Response(query));
        var outgoing = dns.Settings with { AllowedNetworks = [IPNetwork.Parse("127.0.0.0/8")], HttpsPort = server.Port, TrustedRoots = Trusting(chain) };
        var fetcher = new PolicyFetcher(new EgressHttp(new EgressGuard(outgoing), new DnsResolver(outgoing), outgoing, TimeProvider.System), Settings(25), TimeProvider.System);

        var fetch = await fetcher.FetchAsync(DomainName.Parse("lab.example"), Cancellation);

        Assert.Equal((PolicyFetchOutcome.TlsFailed, ServerCertificates.NoChain, null), (fetch.Outcome, fetch.Detail, fetch.Tls));
    }

    [Fact]
    public void The_chain_in_a_result_of_an_agent_is_cut_before_it_is_built()
    {
        var chain = LongChain.Of(Host, inARow: 150);

        var rebuilt = ServerCertificates.Rebuilt(chain.Sent, new EgressGuard(new EgressOptions { HttpsPort = 443, TrustedRoots = Trusting(chain) }).Trust());

        Assert.Equal((TlsSession.MaxCertificates, 151, 151), (rebuilt.Sent.Count, rebuilt.Count, rebuilt.CountIfCut));
        Assert.NotEmpty(rebuilt.Faults);
    }

    [Fact]
    public void A_certificate_that_is_too_large_is_not_stored()
    {
        using var chain = new X509Chain();
        using var key = System.Security.Cryptography.ECDsa.Create();
        var request = new CertificateRequest("CN=mx", key, System.Security.Cryptography.HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509Extension("1.2.3.4", new byte[ServerCertificates.MaxCertificateBytes], critical: false));
        using var large = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        using var small = new CertificateRequest("CN=mx", key, System.Security.Cryptography.HashAlgorithmName.SHA256).CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));

        var own = ServerCertificates.Of(large, chain);
        Assert.Equal((0, 1, "the server's certificate has more than 65536 bytes"), (own.Sent.Count, own.Count, Assert.Single(own.Faults)));

        chain.ChainPolicy.ExtraStore.Add(small);
        chain.ChainPolicy.ExtraStore.Add(large);
        var other = ServerCertificates.Of(small, chain);
        Assert.Equal(small.RawData, Assert.Single(other.Sent));
        Assert.Equal(2, other.CountIfCut);
    }

    // A date of the year 0 is one that ASN.1 can write, and .NET cannot read.
    [Theory]
    [InlineData("1500", true)]
    [InlineData("0001", true)]
    [InlineData("9999", true)]
    [InlineData("0000", false)]
    public void A_certificate_of_any_year_is_read_or_ignored(string year, bool isRead)
    {
        using var key = System.Security.Cryptography.ECDsa.Create();
        using var made = new CertificateRequest("CN=mx1.example.com", key, System.Security.Cryptography.HashAlgorithmName.SHA256)
            .CreateSelfSigned(new DateTimeOffset(1400, 1, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(1500, 1, 1, 0, 0, 0, TimeSpan.Zero));
        var raw = made.RawData;
        var at = raw.AsSpan().IndexOf("15000101"u8);
        System.Text.Encoding.ASCII.GetBytes(year).CopyTo(raw.AsSpan(at));
        var tls = new TlsSession("Tls13", "x", [raw], [raw], []);

        Assert.Equal(isRead, Certificates.Leaf(tls) is not null);
        var evaluated = RuleEngine.Evaluate(Cases.Of(TestObservations.With(TestObservations.Host(Host, TestObservations.Session("192.0.2.1", tls))), PolicyMode.Enforce, Host));
        Assert.Empty(evaluated.Failed);
        Assert.Equal(!isRead, evaluated.Findings.Any(finding => finding.Code == "mx.certificate.chain-unusable"));
    }

    private static async Task<SmtpSession> ProbeAsync(LongChain chain)
    {
        await using var server = new LongChainServer(chain, smtp: true);
        var guard = new EgressGuard(new EgressOptions { AllowedNetworks = [IPNetwork.Parse("127.0.0.0/8")], HttpsPort = 443, TrustedRoots = Trusting(chain) });
        return await new SmtpProbe(guard, Settings(server.Port), "check.example", TimeProvider.System).ProbeAsync(Host, IPAddress.Loopback, Cancellation);
    }

    private static CheckOptions Settings(int port) => new() { SmtpPort = port, HeloName = "check.example", ReferenceMxHosts = [], SessionTimeout = TimeSpan.FromMinutes(1), RetryDelay = TimeSpan.Zero };

    private static TrustedRoots Trusting(LongChain chain) => new(new X509Certificate2Collection(chain.Root));
}
