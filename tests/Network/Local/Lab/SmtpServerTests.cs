using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using MailKit.Net.Smtp;
using MailKit.Security;
using Microsoft.Extensions.Time.Testing;
using MimeKit;
using Org.BouncyCastle.Tls;
using Org.BouncyCastle.Tls.Crypto.Impl.BC;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.Local.Lab;

public sealed class SmtpServerTests : IAsyncDisposable
{
    private const string Host = "mx.example.com";
    private const string Ready = "220 2.0.0 Ready to start TLS";

    private readonly FakeTimeProvider _time = new(DateTimeOffset.UtcNow);
    private readonly PrivateCa _ca;
    private readonly SmtpServer _server;

    public SmtpServerTests()
    {
        _ca = new PrivateCa(_time);
        _server = new SmtpServer(Host, new IPEndPoint(IPAddress.Loopback, FreePort()), _ca.Issue(CertificateSpec.For(Host)), _time);
        _server.Start();
    }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_good_server_greets_offers_STARTTLS_and_says_goodbye()
    {
        await using var connection = await Connect();

        Assert.Equal("220 mx.example.com ESMTP", await connection.ReplyAsync(Cancellation));
        Assert.Contains("250-STARTTLS", (await connection.AskAsync("EHLO probe.example", Cancellation)).Split('\n'));
        Assert.Equal(Ready, await connection.AskAsync("STARTTLS", Cancellation));
        await connection.HandshakeAsync(Host, Cancellation);
        Assert.DoesNotContain("STARTTLS", await connection.AskAsync("EHLO probe.example", Cancellation), StringComparison.Ordinal);
        Assert.StartsWith("221", await connection.AskAsync("QUIT", Cancellation), StringComparison.Ordinal);
        Assert.Equal("", await connection.ReadAsync(1, Cancellation));
        Assert.Equal(
            ["EHLO probe.example", "STARTTLS", $"SNI {Host}", "TLS Tls13", "EHLO probe.example", "QUIT"],
            _server.Received);
    }

    [Theory]
    [InlineData(SentChain.InOrder)]
    [InlineData(SentChain.LeafOnly)]
    [InlineData(SentChain.Misordered)]
    public async Task The_chain_is_sent_as_configured(SentChain sends)
    {
        _server.Certificate = _ca.Issue(CertificateSpec.For(Host) with { Sends = sends });
        await using var connection = await Connect();

        var sent = await connection.StartTlsAsync(Host, Cancellation);

        Assert.Equal(_server.Certificate.Leaf.RawData, connection.Tls.RemoteCertificate!.GetRawCertData());
        Assert.Equal(
            sends switch
            {
                SentChain.InOrder => [_ca.Intermediate.Subject],
                SentChain.Misordered => [_ca.Root.Subject, _ca.Intermediate.Subject],
                _ => (string[])[],
            },
            sent.Select(certificate => certificate.Subject));
    }

    [Theory]
    [InlineData(KeyKind.Ecdsa)]
    [InlineData(KeyKind.Rsa)]
    public async Task Both_kinds_of_key_work_in_both_versions_of_TLS(KeyKind key)
    {
        _server.Certificate = _ca.Issue(CertificateSpec.For(Host) with { Key = key });
        foreach (var version in new[] { SslProtocols.Tls12, SslProtocols.Tls13 })
        {
            await using var connection = await Connect();
            await connection.StartTlsAsync(Host, Cancellation, version);
            Assert.Equal(version, connection.Tls.SslProtocol);
        }
    }

    public static TheoryData<string, SslProtocols, TlsCipherSuite[], KeyKind> Choices => new()
    {
        { "a client that can use either", SslProtocols.Tls12 | SslProtocols.Tls13, [], KeyKind.Ecdsa },
        { "TLS 1.3, where cipher suites do not show the kind of key", SslProtocols.Tls13, [], KeyKind.Ecdsa },
        { "TLS 1.2 with ECDSA suites", SslProtocols.Tls12, [TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], KeyKind.Ecdsa },
        { "TLS 1.2 with RSA suites", SslProtocols.Tls12, [TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], KeyKind.Rsa },
        { "TLS 1.2 with both, RSA preferred", SslProtocols.Tls12, [TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], KeyKind.Ecdsa },
    };

    [Theory]
    [MemberData(nameof(Choices))]
    public async Task A_client_gets_the_first_of_two_certificates_that_it_supports(string client, SslProtocols versions, TlsCipherSuite[] suites, KeyKind expected)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows lets no client choose its cipher suites.");
        _server.Certificates = [_ca.Issue(CertificateSpec.For(Host)), _ca.Issue(CertificateSpec.For(Host) with { Key = KeyKind.Rsa })];
        await using var connection = await Connect();

        var sent = await connection.StartTlsAsync(Host, Cancellation, versions, suites);

        Assert.Equal((client, expected), (client, KeyOf(connection.Tls.RemoteCertificate!)));
        Assert.Equal([_ca.Intermediate.Subject], sent.Select(certificate => certificate.Subject));
        Assert.StartsWith("250", await connection.AskAsync("EHLO probe.example", Cancellation), StringComparison.Ordinal);
        Assert.Contains($"SNI {Host}", _server.Received);
    }

    [Theory]
    [InlineData(KeyKind.Rsa, KeyKind.Ecdsa, KeyKind.Rsa)]
    [InlineData(KeyKind.Ecdsa, KeyKind.Rsa, KeyKind.Ecdsa)]
    public async Task The_order_of_two_certificates_is_the_servers_preference(KeyKind first, KeyKind second, KeyKind expected)
    {
        _server.Certificates = [_ca.Issue(CertificateSpec.For(Host) with { Key = first }), _ca.Issue(CertificateSpec.For(Host) with { Key = second })];
        await using var connection = await Connect();

        await connection.StartTlsAsync(Host, Cancellation);

        Assert.Equal(expected, KeyOf(connection.Tls.RemoteCertificate!));
    }

    [Theory]
    [InlineData(KeyKind.Rsa, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256)]
    [InlineData(KeyKind.Ecdsa, TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256)]
    public async Task A_server_with_one_kind_of_key_refuses_a_client_of_the_other(KeyKind key, TlsCipherSuite suite)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows lets no client choose its cipher suites.");
        _server.Certificate = _ca.Issue(CertificateSpec.For(Host) with { Key = key });
        await using var connection = await Connect();

        await Assert.ThrowsAsync<System.Security.Authentication.AuthenticationException>(() => connection.StartTlsAsync(Host, Cancellation, SslProtocols.Tls12, [suite]));
    }

    [Fact]
    public async Task A_TLS_1_3_client_that_only_verifies_RSA_gets_the_RSA_certificate()
    {
        _server.Certificates = [_ca.Issue(CertificateSpec.For(Host)), _ca.Issue(CertificateSpec.For(Host) with { Key = KeyKind.Rsa })];
        await using var connection = await Connect();
        await connection.ReplyAsync(Cancellation);
        await connection.AskAsync("STARTTLS", Cancellation);

        // SslStream offers every signature scheme; this client offers the given ones.
        var client = new RsaOnlyClient();
        var protocol = new TlsClientProtocol(connection.Network);
        await Task.Run(() => protocol.Connect(client), Cancellation);

        Assert.Equal((ProtocolVersion.TLSv13, KeyKind.Rsa), (client.Version, client.Presented));
        await Task.Run(protocol.Close, Cancellation);
    }

    [Fact]
    public async Task A_fragmented_hello_is_reassembled_and_an_invalid_one_ends_only_its_session()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows lets no client choose its cipher suites.");
        _server.Certificates = [_ca.Issue(CertificateSpec.For(Host)), _ca.Issue(CertificateSpec.For(Host) with { Key = KeyKind.Rsa })];
        await using (var bad = await Connect())
        {
            await bad.ReplyAsync(Cancellation);
            await bad.AskAsync("STARTTLS", Cancellation);
            await bad.SendLineAsync("EHLO in the clear", Cancellation);
            Assert.DoesNotContain("250", await bad.ReadAsync(1_000, Cancellation), StringComparison.Ordinal);
        }

        await using var slow = await Connect();
        await slow.ReplyAsync(Cancellation);
        await slow.AskAsync("STARTTLS", Cancellation);
        await slow.HandshakeAsync(Host, Cancellation, SslProtocols.Tls12, [TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], oneByteAtATime: true);
        Assert.Equal(KeyKind.Rsa, KeyOf(slow.Tls.RemoteCertificate!));
    }

    [Fact]
    public void Two_certificates_of_the_same_kind_of_key_leave_no_choice()
    {
        var certificate = _ca.Issue(CertificateSpec.For(Host));

        Assert.Throws<ArgumentException>(() => _server.Certificates = [certificate, certificate]);
        Assert.Throws<ArgumentException>(() => _server.Certificates = []);
    }

    [Fact]
    [Trait("Conformance", "MX-5")]
    public async Task A_TLS_1_2_server_supports_no_other_version()
    {
        _server.Script = SmtpScript.Good with { Protocols = SslProtocols.Tls12 };
        await using var both = await Connect();
        await using var newer = await Connect();

        await both.StartTlsAsync(Host, Cancellation);

        Assert.Equal(SslProtocols.Tls12, both.Tls.SslProtocol);
        await Assert.ThrowsAsync<System.Security.Authentication.AuthenticationException>(() => newer.StartTlsAsync(Host, Cancellation, SslProtocols.Tls13));
    }

    [Fact]
    [Trait("Conformance", "MX-5")]
    public async Task A_server_of_an_old_TLS_has_no_version_in_common()
    {
        _server.Script = SmtpScript.OldTls;
        await using var connection = await Connect();

        var refused = await Assert.ThrowsAsync<System.Security.Authentication.AuthenticationException>(() => connection.StartTlsAsync(Host, Cancellation));

        Assert.Contains("alert protocol version", refused.InnerException!.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "MX-3")]
    public async Task Data_injected_after_the_STARTTLS_reply_is_sent_in_the_clear_before_the_handshake()
    {
        _server.Script = SmtpScript.Good with { Injection = "250 I am on the path\r\n" };
        await using var connection = await Connect();
        await connection.ReplyAsync(Cancellation);
        await connection.AskAsync("EHLO probe.example", Cancellation);

        await connection.SendLineAsync("STARTTLS", Cancellation);

        const string expected = $"{Ready}\r\n250 I am on the path\r\n";
        Assert.Equal(expected, await connection.ReadAsync(expected.Length, Cancellation));
        await connection.HandshakeAsync(Host, Cancellation);
    }

    [Fact]
    [Trait("Conformance", "MX-3")]
    public async Task Commands_that_a_client_pipelines_after_STARTTLS_are_discarded_at_the_handshake()
    {
        await using var connection = await Connect();
        await connection.ReplyAsync(Cancellation);
        await connection.SendLineAsync("STARTTLS\r\nRSET", Cancellation);
        await connection.ReplyAsync(Cancellation);
        await connection.HandshakeAsync(Host, Cancellation);

        Assert.StartsWith("250-mx.example.com", await connection.AskAsync("EHLO probe.example", Cancellation), StringComparison.Ordinal);
        Assert.DoesNotContain("RSET", _server.Received);
    }

    [Fact]
    public async Task A_plain_server_does_not_offer_or_know_STARTTLS()
    {
        _server.Script = SmtpScript.Plain;
        await using var connection = await Connect();
        await connection.ReplyAsync(Cancellation);

        Assert.DoesNotContain("STARTTLS", await connection.AskAsync("EHLO probe.example", Cancellation), StringComparison.Ordinal);
        Assert.StartsWith("502", await connection.AskAsync("STARTTLS", Cancellation), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("454 4.7.0 TLS not available")]
    [InlineData("501 5.5.4 No")]
    [InlineData("what?")]
    public async Task STARTTLS_can_be_answered_with_any_reply_and_the_session_continues(string answer)
    {
        _server.Script = SmtpScript.Good with { StartTlsAnswer = answer };
        await using var connection = await Connect();
        await connection.ReplyAsync(Cancellation);

        Assert.Equal(answer, await connection.AskAsync("STARTTLS", Cancellation));
        Assert.StartsWith("221", await connection.AskAsync("QUIT", Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_421_banner_ends_the_session()
    {
        _server.Script = SmtpScript.Good with { Banner = "421 4.3.2 Come back later" };
        await using var connection = await Connect();

        Assert.Equal("421 4.3.2 Come back later", await connection.ReplyAsync(Cancellation));
        Assert.Equal("", await connection.ReadAsync(1, Cancellation));
    }

    [Theory]
    [InlineData(SmtpStage.Banner)]
    [InlineData(SmtpStage.Ehlo)]
    [InlineData(SmtpStage.StartTls)]
    [InlineData(SmtpStage.Handshake)]
    [InlineData(SmtpStage.EhloInTls)]
    public async Task A_server_that_drops_the_connection_sends_nothing_at_that_stage(SmtpStage stage)
    {
        _server.Script = SmtpScript.CutsOffAt(stage);
        await using var connection = await Connect();

        await RunUpTo(stage, connection);

        Assert.Equal("", await connection.ReadAsync(1, Cancellation));
    }

    [Theory]
    [InlineData(SmtpStage.Banner)]
    [InlineData(SmtpStage.Ehlo)]
    [InlineData(SmtpStage.StartTls)]
    [InlineData(SmtpStage.Handshake)]
    [InlineData(SmtpStage.EhloInTls)]
    public async Task A_server_that_hangs_is_silent_until_it_is_stopped(SmtpStage stage)
    {
        _server.Script = SmtpScript.HangsAt(stage);
        await using var connection = await Connect();
        await RunUpTo(stage, connection);

        // A hung session reads on: it accepts commands, and answers none.
        await connection.SendLineAsync("NOOP", Cancellation);
        var answer = connection.ReadAsync(1, Cancellation);
        await _server.DisposeAsync();

        Assert.Equal("", await answer);
        Assert.DoesNotContain("NOOP", _server.Received);
    }

    [Fact]
    public async Task A_client_of_a_server_that_hangs_can_cancel()
    {
        _server.Script = SmtpScript.HangsAt(SmtpStage.Handshake);
        using var timeout = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        await using var connection = await Connect();
        await RunUpTo(SmtpStage.Handshake, connection);

        var handshake = connection.HandshakeAsync(Host, timeout.Token);
        await timeout.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => handshake);
    }

    [Fact]
    public async Task A_session_ends_after_five_minutes()
    {
        _server.Script = SmtpScript.HangsAt(SmtpStage.Ehlo);
        await using var connection = await Connect();
        await RunUpTo(SmtpStage.Ehlo, connection);

        _time.Advance(TimeSpan.FromMinutes(5));

        Assert.Equal("", await connection.ReadAsync(1, Cancellation));
    }

    [Theory]
    [InlineData(SmtpStage.Banner, SmtpFaultKind.EndlessLines, "220-and so on\r\n")]
    [InlineData(SmtpStage.Ehlo, SmtpFaultKind.EndlessLines, "250-and so on\r\n")]
    [InlineData(SmtpStage.EhloInTls, SmtpFaultKind.EndlessLines, "250-and so on\r\n")]
    [InlineData(SmtpStage.Banner, SmtpFaultKind.EndlessLine, "and so on ")]
    [InlineData(SmtpStage.Handshake, SmtpFaultKind.EndlessLine, "and so on ")]
    public async Task A_server_that_floods_never_stops(SmtpStage stage, SmtpFaultKind kind, string expected)
    {
        _server.Script = SmtpScript.Good with { Fault = new(stage, kind) };
        await using var connection = await Connect();
        await RunUpTo(stage, connection);

        var flood = await connection.ReadAsync(1 << 20, Cancellation);

        Assert.Equal(1 << 20, flood.Length);
        Assert.StartsWith(expected + expected, flood, StringComparison.Ordinal);
    }

    [Fact]
    public async Task One_byte_at_a_time_makes_the_same_session_before_and_after_TLS()
    {
        _server.Script = SmtpScript.Good with { OneByteAtATime = true };

        await SendAsync(SecureSocketOptions.StartTls, "Slowly.");

        Assert.Contains("Slowly.", Encoding.ASCII.GetString(Assert.Single(_server.Mails).Message.Span), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SecureSocketOptions.None, SslProtocols.None)]
    [InlineData(SecureSocketOptions.StartTls, SslProtocols.Tls13)]
    public async Task Mail_is_delivered_into_memory(SecureSocketOptions security, SslProtocols expected)
    {
        await SendAsync(security, "Hello\r\n.\r\n..and a dot");

        var mail = Assert.Single(_server.Mails);
        Assert.Equal("alice@example.net", mail.From);
        Assert.Equal(["bob@example.com", "carol@example.com"], mail.Recipients);
        Assert.Equal(expected, mail.Tls);
        Assert.Equal(_time.GetUtcNow(), mail.At);
        using var stream = new MemoryStream(mail.Message.ToArray());
        using var message = await MimeMessage.LoadAsync(stream, Cancellation);
        Assert.Equal("A warning", message.Subject);
        Assert.Equal("Hello\n.\n..and a dot", message.TextBody!.ReplaceLineEndings("\n").TrimEnd());
    }

    [Fact]
    public async Task A_message_needs_a_sender_and_a_recipient_first()
    {
        await using var connection = await Connect();
        await connection.ReplyAsync(Cancellation);

        Assert.StartsWith("503", await connection.AskAsync("RCPT TO:<bob@example.com>", Cancellation), StringComparison.Ordinal);
        Assert.StartsWith("250", await connection.AskAsync("MAIL FROM:<>", Cancellation), StringComparison.Ordinal);
        Assert.StartsWith("503", await connection.AskAsync("DATA", Cancellation), StringComparison.Ordinal);
        Assert.StartsWith("501", await connection.AskAsync("RCPT TO:bob", Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_server_that_drops_the_connection_after_the_message_has_accepted_it()
    {
        _server.Script = SmtpScript.CutsOffAt(SmtpStage.Data);
        await using var connection = await Connect();
        await connection.ReplyAsync(Cancellation);
        foreach (var line in new[] { "MAIL FROM:<a@example.net>", "RCPT TO:<b@example.net>", "DATA" })
        {
            await connection.AskAsync(line, Cancellation);
        }

        await connection.SendLineAsync("Subject: x\r\n\r\nHi\r\n.", Cancellation);

        Assert.Equal("", await connection.ReadAsync(1, Cancellation));
        Assert.Single(_server.Mails);
    }

    [Fact]
    public async Task A_session_has_at_most_a_thousand_commands()
    {
        await using var connection = await Connect();
        await connection.ReplyAsync(Cancellation);
        await connection.SendLineAsync(string.Concat(Enumerable.Repeat("NOOP\r\n", 999)) + "NOOP", Cancellation);

        for (var n = 0; n < 1_000; n++)
        {
            Assert.StartsWith("250", await connection.ReplyAsync(Cancellation), StringComparison.Ordinal);
        }

        Assert.StartsWith("421", await connection.ReplyAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_line_without_end_ends_its_session_and_no_other()
    {
        await using var long_ = await Connect();
        await long_.ReplyAsync(Cancellation);
        await long_.SendLineAsync(new string('x', 4_000), Cancellation);
        Assert.Equal("", await long_.ReadAsync(1, Cancellation));

        await using var other = await Connect();
        Assert.StartsWith("220", await other.ReplyAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_is_replaced_at_run_time_even_during_a_session()
    {
        await using var early = await Connect();
        await early.ReplyAsync(Cancellation);

        _server.Certificate = _ca.Issue(CertificateSpec.For("other.example.com"));
        await early.AskAsync("STARTTLS", Cancellation);
        await early.HandshakeAsync(Host, Cancellation);

        Assert.Equal(_server.Certificate.Leaf.GetCertHashString(), early.Tls.RemoteCertificate!.GetCertHashString());
    }

    [Fact]
    public async Task A_script_is_replaced_for_the_next_session()
    {
        await using var early = await Connect();
        await early.ReplyAsync(Cancellation);
        _server.Script = SmtpScript.Plain;
        await using var late = await Connect();
        await late.ReplyAsync(Cancellation);

        Assert.Contains("STARTTLS", await early.AskAsync("EHLO probe.example", Cancellation), StringComparison.Ordinal);
        Assert.DoesNotContain("STARTTLS", await late.AskAsync("EHLO probe.example", Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stopped_server_refuses_and_drops_connections_and_a_started_one_accepts_them()
    {
        await using var open = await Connect();
        await open.ReplyAsync(Cancellation);

        _server.Stop();

        Assert.False(_server.IsListening);
        Assert.Equal("", await open.ReadAsync(1, Cancellation));
        Assert.Equal(SocketError.ConnectionRefused, (await Assert.ThrowsAsync<SocketException>(Connect)).SocketErrorCode);

        _server.Start();
        await using var again = await Connect();
        Assert.StartsWith("220", await again.ReplyAsync(Cancellation), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_and_a_missing_address_give_errors_that_say_what_to_do()
    {
        await using var same = new SmtpServer(Host, _server.EndPoint, _server.Certificate, _time);
        await using var elsewhere = new SmtpServer(Host, new IPEndPoint(IPAddress.Parse("192.0.2.1"), 2525), _server.Certificate, _time);

        Assert.Contains("Start the mail lab again", Assert.Throws<InvalidOperationException>(same.Start).Message, StringComparison.Ordinal);
        Assert.Contains("ifconfig lo0 alias", Assert.Throws<InvalidOperationException>(elsewhere.Start).Message, StringComparison.Ordinal);
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        _ca.Dispose();
    }

    private static KeyKind KeyOf(X509Certificate certificate) => new X509Certificate2(certificate).GetRSAPublicKey() is null ? KeyKind.Ecdsa : KeyKind.Rsa;

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private Task<SmtpConnection> Connect() => SmtpConnection.ConnectAsync(_server.EndPoint, Cancellation);

    private static async Task RunUpTo(SmtpStage stage, SmtpConnection connection)
    {
        if (stage == SmtpStage.Banner)
        {
            return;
        }

        await connection.ReplyAsync(Cancellation);
        if (stage == SmtpStage.Ehlo)
        {
            await connection.SendLineAsync("EHLO probe.example", Cancellation);
            return;
        }

        await connection.AskAsync("EHLO probe.example", Cancellation);
        await connection.SendLineAsync("STARTTLS", Cancellation);
        if (stage == SmtpStage.StartTls)
        {
            return;
        }

        await connection.ReplyAsync(Cancellation);
        if (stage == SmtpStage.Handshake)
        {
            return;
        }

        await connection.HandshakeAsync(Host, Cancellation);
        await connection.SendLineAsync("EHLO probe.example", Cancellation);
    }

    private async Task SendAsync(SecureSocketOptions security, string text)
    {
        using var message = new MimeMessage();
        message.From.Add(new MailboxAddress("Alice", "alice@example.net"));
        message.To.Add(new MailboxAddress("Bob", "bob@example.com"));
        message.To.Add(new MailboxAddress("Carol", "carol@example.com"));
        message.Subject = "A warning";
        message.Body = new TextPart("plain") { Text = text };
        using var client = new SmtpClient { CheckCertificateRevocation = false };
        client.ServerCertificateValidationCallback = (_, certificate, _, errors) =>
            certificate!.GetCertHashString() == _server.Certificate.Leaf.GetCertHashString()
            && !errors.HasFlag(SslPolicyErrors.RemoteCertificateNotAvailable);
        await client.ConnectAsync(_server.EndPoint.Address.ToString(), _server.EndPoint.Port, security, Cancellation);
        await client.SendAsync(message, Cancellation);
        await client.DisconnectAsync(true, Cancellation);
    }

    /// <summary>A client of TLS 1.3 that can verify RSA signatures and no others.</summary>
    private sealed class RsaOnlyClient() : DefaultTlsClient(new BcTlsCrypto())
    {
        public KeyKind? Presented { get; private set; }

        public ProtocolVersion Version => m_context.ServerVersion;

        public override TlsAuthentication GetAuthentication() => new Trusting(this);

        protected override ProtocolVersion[] GetSupportedVersions() => ProtocolVersion.TLSv13.Only();

        protected override IList<SignatureAndHashAlgorithm> GetSupportedSignatureAlgorithms() =>
            [SignatureAndHashAlgorithm.rsa_pss_rsae_sha256, SignatureAndHashAlgorithm.rsa_pss_rsae_sha384];

        private sealed class Trusting(RsaOnlyClient client) : TlsAuthentication
        {
            public void NotifyServerCertificate(TlsServerCertificate serverCertificate) =>
                client.Presented = KeyOf(X509CertificateLoader.LoadCertificate(serverCertificate.Certificate.GetCertificateAt(0).GetEncoded()));

            public TlsCredentials? GetClientCredentials(Org.BouncyCastle.Tls.CertificateRequest certificateRequest) => null;
        }
    }
}
