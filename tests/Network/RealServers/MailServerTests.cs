using StsFunctions.Core.Observations;
using Xunit;

namespace StsFunctions.Tests.RealServers;

/// <summary>Single sessions with Exim and Postfix, well and not.</summary>
public sealed class MailServerTests(RealServerLabFixture real)
{
    [Theory]
    [InlineData("exim", "Exim")]
    [InlineData("postfix", "Postfix")]
    [Trait("Conformance", "MX-3")]
    [Trait("Conformance", "MX-4")]
    public async Task A_healthy_server_is_observed_as_it_is(string server, string banner)
    {
        var lab = await real.LabAsync();
        var host = RealServerLab.NameOf(server, "good");

        var session = await new ProbeFactory(lab).SessionAsync(host);

        Assert.Equal((SmtpOutcome.Completed, null), (session.Outcome, session.Detail));
        Assert.StartsWith($"220 {host} ESMTP {banner}", session.Banner, StringComparison.Ordinal);
        Assert.Equal("Tls13", session.Tls!.Protocol);
        Assert.Equal([lab.Host(host).Certificates[0].Leaf.RawData, lab.Ca.Intermediate.RawData], session.Tls.Chain);
        Assert.Empty(session.Tls.Trust);
    }

    [Theory]
    [InlineData("exim", "plain", nameof(SmtpOutcome.StartTlsMissing))]
    [InlineData("postfix", "plain", nameof(SmtpOutcome.StartTlsMissing))]
    // What each of them does when it cannot read its certificate.
    [InlineData("exim", "gone", nameof(SmtpOutcome.StartTlsRefused))]
    [InlineData("postfix", "gone", ProbeFactory.HandshakeFailure)]
    // GnuTLS first selects its own version, and then finds no suite for it among those of a current sender; OpenSSL reports the version.
    [InlineData("exim", "old", ProbeFactory.HandshakeFailure)]
    [InlineData("postfix", "old", nameof(SmtpOutcome.TlsVersion))]
    [Trait("Conformance", "MX-3")]
    [Trait("Conformance", "MX-5")]
    public async Task A_server_without_TLS_is_observed_up_to_where_it_fails(string server, string setup, string outcome)
    {
        var session = await new ProbeFactory(await real.LabAsync()).SessionAsync(RealServerLab.NameOf(server, setup));

        Assert.True(session.Outcome.ToString() == outcome, $"{session.Outcome} {session.Detail}");
        Assert.Null(session.Tls);
    }

    [Theory]
    [InlineData("exim")]
    [InlineData("postfix")]
    [Trait("Conformance", "MX-5")]
    public async Task A_TLS_1_2_server_is_observed_at_its_version(string server)
    {
        var session = await new ProbeFactory(await real.LabAsync()).SessionAsync(RealServerLab.NameOf(server, "tls12"));

        Assert.Equal((SmtpOutcome.Completed, "Tls12"), (session.Outcome, session.Tls?.Protocol));
        Assert.Empty(session.Tls!.Trust);
    }

    [Theory]
    [InlineData("exim", "rsa")]
    [InlineData("exim", "both")]
    [InlineData("exim", "expired")]
    [InlineData("exim", "self-signed")]
    [InlineData("exim", "leaf-only")]
    [InlineData("exim", "misordered")]
    [InlineData("exim", "other-name")]
    [InlineData("postfix", "rsa")]
    [InlineData("postfix", "both")]
    [InlineData("postfix", "expired")]
    [InlineData("postfix", "self-signed")]
    [InlineData("postfix", "leaf-only")]
    [InlineData("postfix", "misordered")]
    [InlineData("postfix", "other-name")]
    [Trait("Conformance", "MX-4")]
    public async Task The_sent_certificates_are_observed_and_no_others(string server, string setup)
    {
        var lab = await real.LabAsync();
        var host = RealServerLab.NameOf(server, setup);

        var session = await new ProbeFactory(lab).SessionAsync(host);

        Assert.Equal((SmtpOutcome.Completed, null), (session.Outcome, session.Detail));
        Assert.Contains(
            lab.Host(host).Certificates,
            shown => session.Tls!.Chain.Select(Convert.ToHexString).Order().SequenceEqual(
                shown.Chain.Prepend(shown.Leaf).Select(certificate => Convert.ToHexString(certificate.RawData)).Order())
                && session.Tls.Chain[0].AsSpan().SequenceEqual(shown.Leaf.RawData));
        Assert.Equal(setup is "leaf-only" or "self-signed", session.Tls!.Trust is not []);
    }
}
