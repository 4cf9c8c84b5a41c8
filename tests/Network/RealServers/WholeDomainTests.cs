using System.Net.Sockets;
using System.Text;
using StsFunctions.Core.Observations;
using Xunit;
using static StsFunctions.Tests.RealServers.RealServerLab;

namespace StsFunctions.Tests.RealServers;

/// <summary>Observation and evaluation together, on domains of real servers.</summary>
public sealed class WholeDomainTests(RealServerLabFixture real)
{
    private static readonly string Exim = NameOf("exim", "good");
    private static readonly string Postfix = NameOf("postfix", "good");

    [Fact]
    [Trait("Conformance", "MX-6")]
    public async Task A_healthy_domain_of_Exim_and_Postfix_has_no_finding()
    {
        var observation = await new ProbeFactory(await real.LabAsync()).ObserveAsync(Well);

        Assert.Equal([Exim, Postfix], observation.MxHosts.Select(mx => mx.Host));
        Assert.Equal(Socket.OSSupportsIPv6 ? 2 : 1, ProbeFactory.SessionsOf(observation, Exim).Count);
        Assert.All(observation.MxHosts.SelectMany(mx => ProbeFactory.SessionsOf(observation, mx.Host)), session => Assert.Equal(SmtpOutcome.Completed, session.Outcome));
        Assert.Equal((PolicyFetchOutcome.Fetched, PolicyOf(Exim, Postfix)), (observation.PolicyHost.Fetch!.Outcome, Encoding.UTF8.GetString(observation.PolicyHost.Fetch.Body!)));
        Assert.All((DnsAnswer[])[observation.Mx, observation.StsRecords, observation.MxHosts[0].A, observation.MxHosts[0].Tlsa], answer => Assert.Equal((DnsOutcome.Found, true), (answer.Outcome, answer.Authentic)));
        Assert.Empty(ProbeFactory.FindingsOf(observation, PolicyOf(Exim, Postfix)));
    }

    [Fact]
    public async Task A_TLSA_record_in_a_signed_zone_that_matches_no_certificate_is_the_only_finding()
    {
        var host = NameOf("postfix", "tlsa");

        var observation = await new ProbeFactory(await real.LabAsync()).ObserveAsync(host);

        Assert.Equal([$"tlsa.record.mismatch {host}"], ProbeFactory.FindingsOf(observation, PolicyOf(host)));
    }

    [Fact]
    [Trait("Conformance", "MX-1")]
    public async Task An_MX_host_that_the_policy_omits_is_the_only_finding()
    {
        var observation = await new ProbeFactory(await real.LabAsync()).ObserveAsync(Well);

        Assert.Equal([$"mx.policy.mismatch {Postfix}"], ProbeFactory.FindingsOf(observation, PolicyOf(Exim)));
    }

    [Fact]
    [Trait("Conformance", "MX-4")]
    public async Task One_expired_certificate_of_two_is_the_only_finding()
    {
        var observation = await new ProbeFactory(await real.LabAsync()).ObserveAsync(HalfExpired);

        Assert.Equal([$"mx.certificate.expired {NameOf("postfix", "expired")}"], ProbeFactory.FindingsOf(observation, PolicyOf($"*.{SignedZone}")));
    }

    [Theory]
    [InlineData("exim", "tls12", "mx.tls.only-12")]
    [InlineData("exim", "rsa")]
    [InlineData("exim", "both")]
    [InlineData("exim", "plain", "mx.starttls.missing")]
    [InlineData("exim", "gone", "mx.starttls.refused")]
    [InlineData("exim", "old", ProbeFactory.HandshakeFailureCode)]
    [InlineData("exim", "expired", "mx.certificate.expired")]
    [InlineData("exim", "leaf-only", "mx.certificate.intermediate-missing")]
    [InlineData("exim", "self-signed", "mx.certificate.self-signed")]
    [InlineData("exim", "other-name", "mx.certificate.name-mismatch")]
    [InlineData("postfix", "tls12", "mx.tls.only-12")]
    [InlineData("postfix", "rsa")]
    [InlineData("postfix", "both")]
    [InlineData("postfix", "plain", "mx.starttls.missing")]
    [InlineData("postfix", "gone", ProbeFactory.HandshakeFailureCode)]
    [InlineData("postfix", "old", "mx.tls.old-version")]
    [InlineData("postfix", "expired", "mx.certificate.expired")]
    [InlineData("postfix", "leaf-only", "mx.certificate.intermediate-missing")]
    [InlineData("postfix", "self-signed", "mx.certificate.self-signed")]
    [InlineData("postfix", "other-name", "mx.certificate.name-mismatch")]
    [Trait("Conformance", "MX-3")]
    [Trait("Conformance", "MX-4")]
    [Trait("Conformance", "MX-5")]
    public async Task A_server_has_exactly_its_finding(string server, string setup, params string[] findings)
    {
        var host = NameOf(server, setup);

        var observation = await new ProbeFactory(await real.LabAsync()).ObserveAsync(host);

        Assert.Equal(findings.Select(code => $"{code} {host}"), ProbeFactory.FindingsOf(observation, PolicyOf(host)));
    }

    [Theory]
    [InlineData("exim")]
    [InlineData("postfix")]
    public async Task Each_of_two_certificates_is_observed_by_the_session_that_asks_for_it(string server)
    {
        var lab = await real.LabAsync();
        var host = NameOf(server, "both");

        var observation = await new ProbeFactory(lab).ObserveAsync(host);

        var narrow = Assert.Single(observation.MxHosts[0].Probes).Restricted;
        byte[] CertificateFor(TlsOffer offer) => narrow.Single(session => session.Offer == offer).Tls!.Chain[0];
        Assert.Equal(lab.Host(host).Certificates[0].Leaf.RawData, CertificateFor(TlsOffer.Tls12Ecdsa));
        Assert.Equal(lab.Host(host).Certificates[1].Leaf.RawData, CertificateFor(TlsOffer.Tls12Rsa));
        Assert.Equal("Tls13", narrow.Single(session => session.Offer == TlsOffer.Tls13).Tls!.Protocol);
    }
}
