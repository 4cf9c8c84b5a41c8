using System.Net;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol.MtaSts;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>Dialogues with old, particular or slow servers, line by line.</summary>
public sealed class DialogueTests
{
    private const string Host = "mx1.example.com";
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    private readonly DialogueTime _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "MX-9")]
    public async Task A_server_without_EHLO_offers_no_STARTTLS_and_the_severity_depends_on_the_mode()
    {
        await using var server = DialogueServer.Play("ehlo-500", _time);

        var session = await SessionAsync(server, "probe.example.net");

        Assert.Equal(SmtpOutcome.StartTlsMissing, session.Outcome);
        Assert.Equal(["EHLO probe.example.net", "HELO probe.example.net", "QUIT"], server.Received);
        foreach (var (mode, severity) in ((PolicyMode, Severity)[])[(PolicyMode.Enforce, Severity.Critical), (PolicyMode.Testing, Severity.Warning), (PolicyMode.None, Severity.Info)])
        {
            var finding = Assert.Single(FindingsOf(session, mode), finding => finding.Code.StartsWith("mx.", StringComparison.Ordinal));
            Assert.Equal(("mx.starttls.missing", severity), (finding.Code, finding.Severity));
            Assert.Contains("EHLO was answered with 500 Unrecognized command: the server knows no extensions", finding.Evidence, StringComparison.Ordinal);
        }
    }

    [Fact]
    [Trait("Conformance", "MX-9")]
    public async Task A_server_that_rejects_the_EHLO_name_gives_a_finding_that_shows_the_name_and_the_setting()
    {
        await using var server = DialogueServer.Play("ehlo-wants-fqdn", _time);

        var session = await SessionAsync(server, "probe.example.net");

        var finding = Assert.Single(FindingsOf(session));
        Assert.Equal(("mx.session.rejected", Severity.Warning), (finding.Code, finding.Severity));
        Assert.Contains("EHLO probe.example.net was answered with 501 5.5.2 <localhost>: Helo command rejected", finding.Evidence, StringComparison.Ordinal);
        Assert.Contains(EhloName.Setting, finding.Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("localhost")]
    [InlineData("build-machine")]
    [InlineData("")]
    [Trait("Conformance", "MX-9")]
    public async Task The_address_literal_replaces_an_EHLO_name_without_a_dot(string name)
    {
        await using var server = DialogueServer.Play("ehlo-wants-fqdn", _time);

        await SessionAsync(server, name);

        Assert.Equal(["EHLO [127.0.0.1]"], server.Received);
    }

    [Theory]
    [InlineData("probe.example.net", "192.0.2.1", "probe.example.net")]
    [InlineData("localhost", "192.0.2.1", "[192.0.2.1]")]
    [InlineData("localhost", "::ffff:192.0.2.1", "[192.0.2.1]")]
    [InlineData("localhost", "2001:db8::1", "[IPv6:2001:db8::1]")]
    [InlineData("localhost", "fe80::1%3", "[IPv6:fe80::1]")]
    [InlineData("192.0.2.7", "192.0.2.1", "[192.0.2.1]")]
    [InlineData("a b.example", "192.0.2.1", "[192.0.2.1]")]
    [Trait("Conformance", "MX-9")]
    public void An_address_literal_is_written_as_RFC_5321_has_it(string name, string local, string said) =>
        Assert.Equal(said, EhloName.For(name, new IPEndPoint(IPAddress.Parse(local), 4711)));

    [Theory]
    [InlineData("greeting-after-31-s", "waiting for the greeting")]
    [InlineData("one-octet-a-second", "waiting for the greeting")]
    [Trait("Conformance", "MX-9")]
    public async Task A_server_slower_than_the_timeout_gives_evidence_that_the_check_gave_up(string dialogue, string stage)
    {
        await using var server = DialogueServer.Play(dialogue, _time);

        var session = await SessionAsync(server, "probe.example.net");

        Assert.Equal((SmtpOutcome.SessionTimedOut, $"this checker gave up after 30 s, {stage}"), (session.Outcome, session.Detail));
        foreach (var mode in Enum.GetValues<PolicyMode>())
        {
            var finding = Assert.Single(FindingsOf(session, mode), finding => finding.Code.StartsWith("mx.", StringComparison.Ordinal));
            Assert.Equal(("mx.session.slow", Severity.Warning, "RFC 5321 §4.5.3.2"), (finding.Code, finding.Severity, finding.Rfc));
            Assert.Contains("this checker gave up after 30 s", finding.Evidence, StringComparison.Ordinal);
            Assert.DoesNotContain("returned", finding.Meaning, StringComparison.Ordinal);
        }
    }

    [Fact]
    [Trait("Conformance", "MX-9")]
    public async Task A_retry_after_a_timeout_waits_for_all_the_time_that_the_check_has_left()
    {
        await using var server = DialogueServer.Play("greeting-after-31-s", _time);
        var settings = Settings(server);

        var probe = await new SmtpMxProbe(Probe(server, "probe.example.net"), new Retry(settings, _time), settings, _time).ProbeAsync(Host, IPAddress.Loopback, "1", null, Cancellation);

        // As far as STARTTLS: a dialogue in plain text ends there.
        Assert.Equal(("220 mx1.example.com ESMTP", SmtpOutcome.TlsFailed, ""), (probe.Default.Banner, probe.Default.Outcome, probe.Default.Outcome == SmtpOutcome.TlsFailed ? "" : probe.Default.Detail));
        Assert.Equal(2, server.Sessions);
        Assert.Equal(["EHLO probe.example.net", "STARTTLS"], server.Received);
    }

    private Task<SmtpSession> SessionAsync(DialogueServer server, string name) => Probe(server, name).ProbeAsync(Host, IPAddress.Loopback, Cancellation);

    private SmtpProbe Probe(DialogueServer server, string name) =>
        new(new EgressGuard(new EgressOptions { AllowedNetworks = [IPNetwork.Parse("127.0.0.0/8")], HttpsPort = 443 }), Settings(server), name, _time);

    private static CheckOptions Settings(DialogueServer server) => new() { SmtpPort = server.Port, ReferenceMxHosts = [], SessionTimeout = Timeout, RetryDelay = TimeSpan.Zero };

    private static IReadOnlyList<Finding> FindingsOf(SmtpSession session, PolicyMode mode = PolicyMode.Enforce) =>
        RuleEngine.Evaluate(Cases.Of(TestObservations.With(TestObservations.Host(Host, session with { Address = "192.0.2.1" })), mode, Host)).Findings;
}
