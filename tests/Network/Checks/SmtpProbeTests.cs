using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using StsFunctions.Core.Observations;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Probes;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>Single sessions with servers that are good, and bad in every way.</summary>
public sealed class SmtpProbeTests
{
    private const string Host = "mx.lab.example";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "MX-3")]
    public async Task A_good_server_is_observed_up_to_the_EHLO_after_TLS()
    {
        await using var lab = await StartAsync(SmtpScript.Good);

        var session = await lab.Probe().ProbeAsync(Host, lab.AddressOf(Host), Cancellation);

        Assert.Equal((SmtpOutcome.Completed, null), (session.Outcome, session.Detail));
        Assert.Equal("Tls13", session.Tls!.Protocol);
        Assert.StartsWith("TLS_", session.Tls.CipherSuite, StringComparison.Ordinal);
        Assert.Empty(session.Tls.Trust);
        Assert.Equal([lab.MailLab.Mx(Host).Certificate.Leaf.RawData, lab.MailLab.Ca.Intermediate.RawData], session.Tls.Chain);
        Assert.StartsWith("220 ", session.Banner, StringComparison.Ordinal);
        // SNI is the MX host's name; the session is ended in order.
        Assert.Equal(["EHLO check.example", "STARTTLS", $"SNI {Host}", "TLS Tls13", "EHLO check.example", "QUIT"], lab.MailLab.Mx(Host).Servers[0].Received);
    }

    public static TheoryData<string, SmtpScript, string> Servers => new()
    {
        { "one byte at a time", new() { OneByteAtATime = true }, nameof(SmtpOutcome.Completed) },
        { "TLS 1.2 only", new() { Protocols = System.Security.Authentication.SslProtocols.Tls12 }, nameof(SmtpOutcome.Completed) },
        { "no STARTTLS", SmtpScript.Plain, nameof(SmtpOutcome.StartTlsMissing) },
        { "turns away", new() { Banner = "554 5.7.1 your address is on a list" }, nameof(SmtpOutcome.Rejected) },
        { "is busy", new() { Banner = "421 try later" }, nameof(SmtpOutcome.Rejected) },
        { "is no mail server", new() { Banner = "SSH-2.0-OpenSSH_9.2" }, nameof(SmtpOutcome.ConnectionDropped) },
        { "refuses STARTTLS", new() { StartTlsAnswer = "454 4.7.0 TLS not available" }, nameof(SmtpOutcome.StartTlsRefused) },
        { "does not know STARTTLS", new() { StartTlsAnswer = "502 5.5.1 what?" }, nameof(SmtpOutcome.StartTlsRefused) },
        { "injects", new() { Injection = "250 injected\r\n" }, "StartTlsInjected|TlsFailed" },
        { "old TLS", SmtpScript.OldTls, nameof(SmtpOutcome.TlsVersion) },
        { "cuts off at the greeting", SmtpScript.CutsOffAt(SmtpStage.Banner), nameof(SmtpOutcome.ConnectionDropped) },
        { "cuts off at EHLO", SmtpScript.CutsOffAt(SmtpStage.Ehlo), nameof(SmtpOutcome.ConnectionDropped) },
        { "cuts off at STARTTLS", SmtpScript.CutsOffAt(SmtpStage.StartTls), nameof(SmtpOutcome.ConnectionDropped) },
        { "cuts off in the handshake", SmtpScript.CutsOffAt(SmtpStage.Handshake), nameof(SmtpOutcome.TlsFailed) },
        { "cuts off inside TLS", SmtpScript.CutsOffAt(SmtpStage.EhloInTls), nameof(SmtpOutcome.TlsFailed) },
        { "floods the greeting", SmtpScript.FloodsAt(SmtpStage.Banner), nameof(SmtpOutcome.ConnectionDropped) },
        { "floods at EHLO", SmtpScript.FloodsAt(SmtpStage.Ehlo), nameof(SmtpOutcome.ConnectionDropped) },
        { "floods at STARTTLS", SmtpScript.FloodsAt(SmtpStage.StartTls), nameof(SmtpOutcome.ConnectionDropped) },
        { "floods inside TLS", SmtpScript.FloodsAt(SmtpStage.EhloInTls), nameof(SmtpOutcome.TlsFailed) },
        { "one line without end", new() { Fault = new(SmtpStage.Ehlo, SmtpFaultKind.EndlessLine) }, nameof(SmtpOutcome.ConnectionDropped) },
    };

    [Theory]
    [MemberData(nameof(Servers))]
    [Trait("Conformance", "MX-3")]
    [Trait("Conformance", "MX-5")]
    public async Task The_outcome_for_every_behaviour_of_a_server_is_the_stage_that_it_reached(string server, SmtpScript script, string outcome)
    {
        await using var lab = await StartAsync(script);

        var session = await lab.Probe().ProbeAsync(Host, lab.AddressOf(Host), Cancellation);

        Assert.True(outcome.Split('|').Contains(session.Outcome.ToString()), $"{server}: {session.Outcome} {session.Detail}");
    }

    [Fact]
    public async Task The_offered_extensions_are_stored_and_each_step_is_timed()
    {
        await using var lab = await StartAsync(SmtpScript.Good);
        var whole = await lab.Probe().ProbeAsync(Host, lab.AddressOf(Host), Cancellation);
        Assert.Equal([Host, "SIZE 10485760", "8BITMIME", "PIPELINING", "STARTTLS", "ENHANCEDSTATUSCODES"], whole.Ehlo);
        Assert.Equal("220 2.0.0 Ready to start TLS", whole.StartTlsReply);
        Assert.True(whole.Times is { Connect: >= 0, Banner: >= 0, Ehlo: >= 0, StartTls: >= 0, Handshake: >= 0 }, $"{whole.Times}");
        Assert.True(whole.Times!.Total >= whole.Times.Connect + whole.Times.Banner + whole.Times.Ehlo + whole.Times.StartTls + whole.Times.Handshake, $"{whole.Times}");

        lab.MailLab.Mx(Host).Script = SmtpScript.CutsOffAt(SmtpStage.StartTls);
        var cut = await lab.Probe().ProbeAsync(Host, lab.AddressOf(Host), Cancellation);
        Assert.True(cut.Times is { Connect: >= 0, Banner: >= 0, Ehlo: >= 0, StartTls: null, Handshake: null }, $"{cut.Times}");

        lab.MailLab.Mx(Host).Stop();
        var refused = await lab.Probe().ProbeAsync(Host, lab.AddressOf(Host), Cancellation);
        Assert.True(refused.Times is { Connect: null, Banner: null, Ehlo: null, StartTls: null, Handshake: null, Total: >= 0 }, $"{refused.Times}");
    }

    [Fact]
    public async Task The_first_32_lines_of_a_very_long_EHLO_reply_are_stored()
    {
        await using var lab = await StartAsync(SmtpScript.Good);

        var session = await ProbeAsync(lab, async stream =>
        {
            await SendLineAsync(stream, "220 hello");
            await ReceiveAsync(stream);
            await SendLineAsync(stream, string.Concat(Enumerable.Range(0, 60).Select(n => $"250-X{n} {new string('x', 1000)}\r\n")) + "250 END");
            await ReceiveAsync(stream);
        });

        Assert.Equal((SmtpOutcome.StartTlsMissing, 32), (session.Outcome, session.Ehlo!.Count));
        Assert.All(session.Ehlo, line => Assert.Equal(200, line.Length));
    }

    [Theory]
    [InlineData(System.Security.Authentication.SslProtocols.Tls12, SentChain.InOrder)]
    [InlineData(System.Security.Authentication.SslProtocols.Tls13, SentChain.InOrder)]
    [InlineData(System.Security.Authentication.SslProtocols.Tls12, SentChain.Misordered)]
    [InlineData(System.Security.Authentication.SslProtocols.Tls13, SentChain.Misordered)]
    [InlineData(System.Security.Authentication.SslProtocols.Tls12, SentChain.LeafOnly)]
    [InlineData(System.Security.Authentication.SslProtocols.Tls13, SentChain.LeafOnly)]
    [Trait("Conformance", "MX-4")]
    public async Task The_chain_is_stored_as_sent_and_as_built(System.Security.Authentication.SslProtocols protocol, SentChain sent)
    {
        await using var lab = await Lab.StartAsync(new LabDomain("lab.example", "")
        {
            Mx = [new(Host) { Script = new() { Protocols = protocol }, Certificate = CertificateSpec.For(Host) with { Sends = sent } }],
        });
        var (shown, ca) = (lab.MailLab.Mx(Host).Certificate, lab.MailLab.Ca);

        var tls = (await lab.Probe().ProbeAsync(Host, lab.AddressOf(Host), Cancellation)).Tls!;

        Assert.Equal(protocol.ToString(), tls.Protocol);
        Assert.Equal([shown.Leaf.RawData, .. shown.Chain.Select(certificate => certificate.RawData)], tls.Chain);
        if (sent == SentChain.LeafOnly)
        {
            Assert.Equal([shown.Leaf.RawData], tls.Built);
            Assert.StartsWith("PartialChain: ", Assert.Single(tls.Trust), StringComparison.Ordinal);
        }
        else
        {
            Assert.Equal([shown.Leaf.RawData, ca.Intermediate.RawData, ca.Root.RawData], tls.Built);
            Assert.Empty(tls.Trust);
        }
    }

    public static TheoryData<string, CertificateSpec, string?> Trusts => new()
    {
        { "in date for nobody any more", CertificateSpec.For(Host) with { NotBeforeFromNow = TimeSpan.FromDays(-9), NotAfterFromNow = TimeSpan.FromDays(-1) }, null },
        { "for another name", CertificateSpec.For("elsewhere.example"), null },
        { "signed by itself", CertificateSpec.For(Host) with { Signer = CertificateSigner.Itself }, "UntrustedRoot: CN=mx.lab.example" },
        { "for clients", CertificateSpec.For(Host) with { ExtendedKeyUsage = CertificateSpec.ClientAuthentication }, "NotValidForUsage: CN=mx.lab.example" },
    };

    [Theory]
    [MemberData(nameof(Trusts))]
    [Trait("Conformance", "MX-4")]
    public async Task The_reason_for_an_untrusted_chain_is_stored_beside_name_and_dates(string certificate, CertificateSpec spec, string? fault)
    {
        await using var lab = await Lab.StartAsync(new LabDomain("lab.example", "") { Mx = [new(Host) { Certificate = spec }] });

        var session = await lab.Probe().ProbeAsync(Host, lab.AddressOf(Host), Cancellation);

        Assert.Equal(SmtpOutcome.Completed, session.Outcome);
        Assert.True(fault is null ? session.Tls!.Trust is [] : session.Tls!.Trust.Contains(fault), $"{certificate}: {string.Join("; ", session.Tls.Trust)}");
    }

    [Theory]
    [InlineData(nameof(TlsOffer.Tls12Rsa), "Tls12", KeyKind.Rsa)]
    [InlineData(nameof(TlsOffer.Tls12Ecdsa), "Tls12", KeyKind.Ecdsa)]
    [InlineData(nameof(TlsOffer.Tls13), "Tls13", KeyKind.Ecdsa)]
    [Trait("Conformance", "MX-5")]
    public async Task A_restricted_session_observes_the_certificate_for_such_a_sender(string offer, string protocol, KeyKind key)
    {
        await using var lab = await Lab.StartAsync(new LabDomain("lab.example", "")
        {
            Mx = [new(Host) { SecondCertificate = CertificateSpec.For(Host) with { Key = KeyKind.Rsa } }],
        });

        var session = await lab.Probe().ProbeAsync(Host, lab.AddressOf(Host), Enum.Parse<TlsOffer>(offer), Cancellation);

        Assert.Equal((SmtpOutcome.Completed, protocol, offer), (session.Outcome, session.Tls!.Protocol, session.Offer.ToString()));
        Assert.Equal(lab.MailLab.Mx(Host).Certificates.Single(certificate => certificate.Spec.Key == key).Leaf.RawData, session.Tls.Chain[0]);
    }

    [Fact]
    [Trait("Conformance", "MX-5")]
    public async Task A_missing_TLS_version_or_cipher_is_observed_as_nothing_in_common()
    {
        await using var lab = await StartAsync(new() { Protocols = System.Security.Authentication.SslProtocols.Tls12 });
        async Task<SmtpOutcome> OutcomeAsync(TlsOffer offer) => (await lab.Probe().ProbeAsync(Host, lab.AddressOf(Host), offer, Cancellation)).Outcome;

        Assert.Equal(SmtpOutcome.Completed, await OutcomeAsync(TlsOffer.Tls12Ecdsa));
        Assert.Equal(SmtpOutcome.TlsCipher, await OutcomeAsync(TlsOffer.Tls12Rsa));
        Assert.Equal(SmtpOutcome.TlsVersion, await OutcomeAsync(TlsOffer.Tls13));
    }

    // The descriptions of RFC 8446 §6.
    [Theory]
    [InlineData(70, SmtpOutcome.TlsVersion)]
    [InlineData(40, SmtpOutcome.TlsCipher)]
    [InlineData(71, SmtpOutcome.TlsCipher)]
    [InlineData(80, SmtpOutcome.TlsFailed)]
    [InlineData(10, SmtpOutcome.TlsFailed)]
    [Trait("Conformance", "MX-5")]
    internal async Task A_TLS_alert_after_the_hello_shows_what_is_not_in_common(byte alert, SmtpOutcome outcome)
    {
        await using var lab = await StartAsync(SmtpScript.Good);

        var session = await ProbeAsync(lab, async stream =>
        {
            await SendLineAsync(stream, "220 hello");
            await ReceiveAsync(stream);
            await SendLineAsync(stream, "250-hello\r\n250 STARTTLS");
            await ReceiveAsync(stream);
            await SendLineAsync(stream, "220 go");
            await ReceiveAsync(stream);
            await stream.WriteAsync(new byte[] { 21, 3, 3, 0, 2, 2, alert }, Cancellation);
            await ReceiveAsync(stream);
        });

        Assert.True(session.Outcome == outcome, $"{session.Outcome}: {session.Detail}");
        Assert.NotEmpty(session.Detail!);
        Assert.Null(session.Tls);
    }

    [Fact]
    public async Task A_server_that_falls_silent_times_out()
    {
        (SmtpStage Stage, SmtpOutcome Outcome)[] silences =
        [
            (SmtpStage.Banner, SmtpOutcome.SessionTimedOut), (SmtpStage.Ehlo, SmtpOutcome.SessionTimedOut), (SmtpStage.StartTls, SmtpOutcome.SessionTimedOut),
            (SmtpStage.Handshake, SmtpOutcome.SessionTimedOut), (SmtpStage.EhloInTls, SmtpOutcome.SessionTimedOut),
        ];
        await using var lab = await Lab.StartAsync(new LabDomain("lab.example", "")
        {
            Mx = [.. silences.Select(silence => new LabMx($"{silence.Stage}.lab.example".ToLowerInvariant()) { Script = SmtpScript.HangsAt(silence.Stage) })],
        });
        // Long enough that the stages before the silence are over on any machine.
        var probe = lab.Probe(TimeSpan.FromSeconds(3));

        var sessions = await Task.WhenAll(lab.MailLab.Domains[0].Mx.Select(mx => probe.ProbeAsync(mx.Host, lab.AddressOf(mx.Host), Cancellation)));

        Assert.Equal(silences.Select(silence => silence.Outcome), sessions.Select(session => session.Outcome));
        Assert.All(sessions, session => Assert.StartsWith("this checker gave up after 3 s, waiting for the ", session.Detail, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(false, SmtpOutcome.StartTlsMissing)]
    [InlineData(true, SmtpOutcome.Completed)]
    internal async Task A_server_that_never_answers_QUIT_is_evaluated_by_its_earlier_replies(bool tls, SmtpOutcome outcome)
    {
        await using var lab = await StartAsync(SmtpScript.Good);
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeWithoutGoodbyeAsync(listener, tls ? lab.MailLab.Mx(Host).Certificate.Context : null);
        var options = lab.Options() with { SmtpPort = ((IPEndPoint)listener.LocalEndpoint).Port };
        var probe = new SmtpProbe(lab.Guard(), options, "check.example", TimeProvider.System);

        var session = await probe.ProbeAsync(Host, IPAddress.Loopback, Cancellation);

        Assert.Equal(outcome, session.Outcome);
        await serving;
    }

    [Fact]
    public async Task A_probe_that_is_cancelled_has_no_result()
    {
        await using var lab = await StartAsync(SmtpScript.HangsAt(SmtpStage.Banner));
        using var giveUp = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => lab.Probe().ProbeAsync(Host, lab.AddressOf(Host), giveUp.Token));
    }

    [Fact]
    public async Task An_address_that_is_not_globally_reachable_is_not_connected_to()
    {
        await using var lab = await StartAsync(SmtpScript.Good);

        var session = await lab.Probe(everyAddress: false).ProbeAsync(Host, lab.AddressOf(Host), Cancellation);

        Assert.Equal(SmtpOutcome.AddressNotAllowed, session.Outcome);
        Assert.Empty(lab.MailLab.Mx(Host).Servers[0].Received);
        Assert.False(await lab.Probe(everyAddress: false).AnswersAsync(lab.AddressOf(Host), isRefusalAnswer: true, Cancellation));
    }

    [Fact]
    public async Task A_refused_connection_is_a_remote_answer_unless_a_local_firewall_may_have_sent_it()
    {
        await using var lab = await StartAsync(SmtpScript.Good);
        lab.MailLab.Mx(Host).Stop();

        Assert.Equal(SmtpOutcome.ConnectionRefused, (await lab.Probe().ProbeAsync(Host, lab.AddressOf(Host), Cancellation)).Outcome);
        Assert.True(await lab.Probe().AnswersAsync(lab.AddressOf(Host), isRefusalAnswer: true, Cancellation));
        Assert.False(await lab.Probe().AnswersAsync(lab.AddressOf(Host), isRefusalAnswer: false, Cancellation));
    }

    [Theory]
    [InlineData("under_score.lab.example")]
    [InlineData("-leading.lab.example")]
    [InlineData("a\\000b.lab.example")]
    [InlineData("a b")]
    [InlineData("b\u00fccher.example")]
    [InlineData("xn--a.example")]
    [InlineData("192.0.2.1")]
    [InlineData("..")]
    public async Task A_probe_ends_for_every_odd_name_of_an_MX_host(string name)
    {
        await using var lab = await StartAsync(SmtpScript.Good);

        var session = await lab.Probe().ProbeAsync(name, lab.AddressOf(Host), Cancellation);

        Assert.True(session.Outcome is SmtpOutcome.Completed or SmtpOutcome.TlsFailed, $"{session.Outcome} {session.Detail}");
    }

    /// <summary>Probes a server that follows a dialogue and closes.</summary>
    private static async Task<SmtpSession> ProbeAsync(Lab lab, Func<Stream, Task> dialogue)
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var serving = ServeAsync();
        var options = lab.Options() with { SmtpPort = ((IPEndPoint)listener.LocalEndpoint).Port };
        var session = await new SmtpProbe(lab.Guard(), options, "check.example", TimeProvider.System).ProbeAsync(Host, IPAddress.Loopback, Cancellation);
        await serving;
        return session;

        async Task ServeAsync()
        {
            using var client = await listener.AcceptTcpClientAsync(Cancellation);
            await dialogue(client.GetStream());
        }
    }

    private static async Task SendLineAsync(Stream stream, string line) => await stream.WriteAsync(Encoding.ASCII.GetBytes(line + "\r\n"), Cancellation);

    private static async Task ReceiveAsync(Stream stream) => _ = await stream.ReadAsync(new byte[4096], Cancellation);

    private static Task<Lab> StartAsync(SmtpScript script) => Lab.StartAsync(new LabDomain("lab.example", "") { Mx = [new(Host) { Script = script }] });

    private static async Task ServeWithoutGoodbyeAsync(TcpListener listener, SslStreamCertificateContext? certificate)
    {
        using var client = await listener.AcceptTcpClientAsync(Cancellation);
        Stream stream = client.GetStream();
        await SendLineAsync(stream, "220 hello");
        await ReceiveAsync(stream);
        await SendLineAsync(stream, certificate is null ? "250 hello" : "250-hello\r\n250 STARTTLS");
        await ReceiveAsync(stream);
        if (certificate is not null)
        {
            await SendLineAsync(stream, "220 go");
            var tls = new SslStream(stream);
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = certificate }, Cancellation);
            stream = tls;
            await ReceiveAsync(stream);
            await SendLineAsync(stream, "250 hello");
            await ReceiveAsync(stream);
        }

        // Silent until the client goes.
        while (await stream.ReadAsync(new byte[100], Cancellation) > 0)
        {
        }
    }
}
