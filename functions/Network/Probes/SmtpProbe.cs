using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Core.Observations;
using StsFunctions.Network.Egress;

namespace StsFunctions.Network.Probes;

/// <summary>Starts one SMTP session as a sending mail server does: greeting, EHLO, STARTTLS, TLS, EHLO, QUIT (RFC 8461 §4, RFC 3207).</summary>
internal sealed class SmtpProbe(EgressGuard guard, CheckOptions options, string heloName, TimeProvider time)
{
    private const int MaxEhloLines = 32;
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan QuitTimeout = TimeSpan.FromSeconds(2);

    // The replies to an unknown command (RFC 5321 §4.2.4).
    private const int CommandUnknown = 500;
    private const int CommandNotImplemented = 502;

    // In TLS 1.2 the suite names the kind of key (RFC 8422 §2). The offer is what OpenSSL has at its default security level.
    private static readonly CipherSuitesPolicy? RsaSuites = SuitesOf(
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        TlsCipherSuite.TLS_DHE_RSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256,
        TlsCipherSuite.TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
        TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
        TlsCipherSuite.TLS_DHE_RSA_WITH_AES_256_CBC_SHA,
        TlsCipherSuite.TLS_DHE_RSA_WITH_AES_128_CBC_SHA,
        TlsCipherSuite.TLS_RSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256,
        TlsCipherSuite.TLS_RSA_WITH_AES_256_CBC_SHA,
        TlsCipherSuite.TLS_RSA_WITH_AES_128_CBC_SHA);

    private static readonly CipherSuitesPolicy? EcdsaSuites = SuitesOf(
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
        TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA);

    private readonly PerAddressConcurrencyLimiter _turns = new();

    /// <summary>The offers besides the default; suites can be chosen only if TLS is OpenSSL's.</summary>
    public static IReadOnlyList<TlsOffer> RestrictedOffers { get; } =
        RsaSuites is null ? [TlsOffer.Tls13] : [TlsOffer.Tls12Rsa, TlsOffer.Tls12Ecdsa, TlsOffer.Tls13];

    /// <summary>Probes one address of an MX host as a default client does.</summary>
    /// <inheritdoc cref="ProbeAsync(string, IPAddress, TlsOffer, CancellationToken)"/>
    public Task<SmtpSession> ProbeAsync(string mxHost, IPAddress address, CancellationToken cancellationToken) =>
        ProbeAsync(mxHost, address, TlsOffer.Default, cancellationToken);

    /// <inheritdoc cref="ProbeAsync(string, IPAddress, TlsOffer, TimeSpan, CancellationToken)"/>
    public Task<SmtpSession> ProbeAsync(string mxHost, IPAddress address, TlsOffer offer, CancellationToken cancellationToken) =>
        ProbeAsync(mxHost, address, offer, options.SessionTimeout, cancellationToken);

    /// <summary>
    /// Probes one address of an MX host, when its turn comes. Whatever the server does, there is a session result within the
    /// given time limit from then on, or the settings'.
    /// </summary>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public async Task<SmtpSession> ProbeAsync(string mxHost, IPAddress address, TlsOffer offer, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var turn = await _turns.AcquireAsync(address, cancellationToken);
        var steps = new Steps(time, timeout);
        using var patience = new CancellationTokenSource(timeout, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        SmtpSession session;
        try
        {
            session = await RunSessionAsync(mxHost, address, offer, steps, limit.Token);
        }
        catch (Exception e) when (FailureIsolation.ConcernsItem(e))
        {
            session = new SmtpSession(address.ToString(), SmtpOutcome.NotObserved, Detail: FailureIsolation.Describe(e));
        }

        cancellationToken.ThrowIfCancellationRequested();
        return session with { Offer = offer, Times = steps.Times };
    }

    /// <summary>Whether an address answers, which is all that a reference MX host is used for.</summary>
    /// <param name="address">The address.</param>
    /// <param name="isRefusalAnswer">Whether a refusal is an answer too: not if a firewall for outbound connections may have sent it.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public async Task<bool> AnswersAsync(IPAddress address, bool isRefusalAnswer, CancellationToken cancellationToken)
    {
        try
        {
            using var socket = await ConnectAsync(address, cancellationToken);
            return true;
        }
        catch (SocketException e)
        {
            return isRefusalAnswer && e.SocketErrorCode == SocketError.ConnectionRefused;
        }
        catch (Exception e) when (e is OperationCanceledException || FailureIsolation.ConcernsItem(e))
        {
            cancellationToken.ThrowIfCancellationRequested();
            return false;
        }
    }

    private async Task<SmtpSession> RunSessionAsync(string mxHost, IPAddress address, TlsOffer offer, Steps steps, CancellationToken cancellationToken)
    {
        Socket socket;
        try
        {
            socket = await ConnectAsync(address, cancellationToken);
        }
        catch (AddressNotAllowedException e)
        {
            return new SmtpSession(address.ToString(), SmtpOutcome.AddressNotAllowed, Detail: e.Message);
        }
        catch (OperationCanceledException)
        {
            return new SmtpSession(address.ToString(), SmtpOutcome.ConnectionTimedOut, Detail: $"no connection within {ConnectTimeoutNow.TotalSeconds:0} s");
        }
        catch (SocketException e)
        {
            return new SmtpSession(address.ToString(), OutcomeOf(e.SocketErrorCode, address), Detail: e.Message);
        }

        steps.Connect = steps.Lap();
        await using var stream = new NetworkStream(socket, ownsSocket: true);
        return await RunSessionAsync(stream, mxHost, address, EhloName.For(heloName, socket.LocalEndPoint), offer, steps, cancellationToken);
    }

    /// <summary>Runs the session over an open connection. Whatever the server sends, there is a session result.</summary>
    /// <param name="stream">The connection.</param>
    /// <param name="mxHost">The MX host's name.</param>
    /// <param name="address">The address of the connection.</param>
    /// <param name="cancellationToken">Gives up: the session then says so.</param>
    internal Task<SmtpSession> RunSessionAsync(Stream stream, string mxHost, IPAddress address, CancellationToken cancellationToken) =>
        RunSessionAsync(stream, mxHost, address, heloName, TlsOffer.Default, new Steps(time, options.SessionTimeout), cancellationToken);

    private async Task<SmtpSession> RunSessionAsync(
        Stream stream, string mxHost, IPAddress address, string name, TlsOffer offer, Steps steps, CancellationToken cancellationToken)
    {
        var connection = new SmtpConnection(stream);
        var session = new SmtpSession(address.ToString(), SmtpOutcome.ConnectionDropped);
        try
        {
            steps.AwaitedNow = "the greeting";
            var greeting = await connection.ReadReplyAsync(cancellationToken);
            steps.Banner = steps.Lap();
            session = session with { Banner = greeting.FirstLine };
            if (greeting.Code != 220)
            {
                return session with { Outcome = SmtpOutcome.Rejected, Detail = greeting.FirstLine };
            }

            steps.AwaitedNow = "the answer to EHLO";
            var ehlo = await connection.SendAsync($"EHLO {name}", cancellationToken);
            steps.Ehlo = steps.Lap();
            session = session with { Ehlo = [.. ehlo.Lines.Take(MaxEhloLines)] };
            if (ehlo.Code is CommandUnknown or CommandNotImplemented)
            {
                return await SayHeloAsync(session, ehlo, name, connection, steps, cancellationToken);
            }

            if (ehlo.Code != 250)
            {
                // The EHLO name is part of the evidence: some servers reject the name alone.
                return session with { Outcome = SmtpOutcome.Rejected, Detail = $"EHLO {name} was answered with {ehlo.FirstLine}" };
            }

            if (!ehlo.Offers("STARTTLS"))
            {
                await QuitAsync(connection, cancellationToken);
                return session with { Outcome = SmtpOutcome.StartTlsMissing };
            }

            steps.AwaitedNow = "the answer to STARTTLS";
            var startTls = await connection.SendAsync("STARTTLS", cancellationToken);
            steps.StartTls = steps.Lap();
            session = session with { StartTlsReply = startTls.FirstLine };
            if (startTls.Code != 220)
            {
                await QuitAsync(connection, cancellationToken);
                return session with { Outcome = SmtpOutcome.StartTlsRefused, Detail = startTls.FirstLine };
            }

            // Data sent before the handshake was not protected by it, and must not count after it (MX-3).
            return connection.HasUnread
                ? session with { Outcome = SmtpOutcome.StartTlsInjected, Detail = "plain text followed the answer to STARTTLS" }
                : await HandshakeAsync(session, mxHost, name, offer, steps, stream, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return session with { Outcome = SmtpOutcome.SessionTimedOut, Detail = steps.GaveUp };
        }
        catch (Exception e) when (e is IOException or SmtpProtocolException)
        {
            return session with { Detail = e.Message };
        }
    }

    // RFC 5321 §3.2, §4.1.1.1: a server that does not know EHLO is greeted with HELO; without extensions it offers no STARTTLS.
    private static async Task<SmtpSession> SayHeloAsync(SmtpSession session, SmtpReply ehlo, string name, SmtpConnection connection, Steps steps, CancellationToken cancellationToken)
    {
        steps.AwaitedNow = "the answer to HELO";
        var helo = await connection.SendAsync($"HELO {name}", cancellationToken);
        if (helo.Code != 250)
        {
            return session with { Outcome = SmtpOutcome.Rejected, Detail = $"EHLO {name} was answered with {ehlo.FirstLine}, and HELO with {helo.FirstLine}" };
        }

        await QuitAsync(connection, cancellationToken);
        return session with { Outcome = SmtpOutcome.StartTlsMissing, Detail = $"EHLO was answered with {ehlo.FirstLine}: the server knows no extensions" };
    }

    private async Task<SmtpSession> HandshakeAsync(
        SmtpSession session, string mxHost, string name, TlsOffer offer, Steps steps, Stream stream, CancellationToken cancellationToken)
    {
        ServerCertificates? certificates = null;
        await using var tls = new SslStream(stream, leaveInnerStreamOpen: true);
        var authentication = HandshakeOptions(mxHost, offer);
        // Record any certificate; the rules evaluate it.
        authentication.RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
        {
            certificates = certificate is null ? null : ServerCertificates.Of(certificate, chain!);
            return certificates is { Sent: not [] };
        };
        steps.AwaitedNow = "the TLS handshake";
        try
        {
            await tls.AuthenticateAsClientAsync(authentication, cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return session with { Outcome = SmtpOutcome.SessionTimedOut, Detail = steps.GaveUp, Tls = certificates is null ? null : TlsOf(certificates, "", "") };
        }
        catch (CryptographicException)
        {
            // SslStream builds a chain before it calls the callback, and throws if .NET has no name for OpenSSL's reason.
            return session with { Outcome = SmtpOutcome.ChainUnusable, Detail = ServerCertificates.NoChain };
        }
        catch (AuthenticationException) when (certificates is { Sent: [] })
        {
            return session with { Outcome = SmtpOutcome.ChainUnusable, Detail = certificates.Faults[0] };
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            return session with
            {
                Outcome = OutcomeOf(e, hasCertificate: certificates is not null),
                Detail = SmtpConnection.Sanitize(e.GetBaseException().Message),
                Tls = certificates is null ? null : TlsOf(certificates, "", ""),
            };
        }

        steps.Handshake = steps.Lap();
        if (certificates is null)
        {
            return session with { Outcome = SmtpOutcome.TlsFailed, Detail = "the server sent no certificate" };
        }

        return await GreetInsideTlsAsync(
            session with { Tls = TlsOf(certificates, tls.SslProtocol.ToString(), tls.NegotiatedCipherSuite.ToString()) }, name, steps, tls, cancellationToken);
    }

    private SslClientAuthenticationOptions HandshakeOptions(string mxHost, TlsOffer offer) => new()
    {
        // SNI is the MX host name (RFC 8461 §4.1).
        TargetHost = mxHost,
        EnabledSslProtocols = offer switch
        {
            TlsOffer.Default => SslProtocols.Tls12 | SslProtocols.Tls13,
            TlsOffer.Tls13 => SslProtocols.Tls13,
            _ => SslProtocols.Tls12,
        },
        CipherSuitesPolicy = offer switch
        {
            TlsOffer.Tls12Rsa => RsaSuites,
            TlsOffer.Tls12Ecdsa => EcdsaSuites,
            _ => null,
        },
        AllowRenegotiation = false,
        AllowTlsResume = false,
        CertificateChainPolicy = TrustNow(),
    };

    // RFC 3207 §4.2: the client says EHLO again after the handshake.
    private static async Task<SmtpSession> GreetInsideTlsAsync(SmtpSession session, string name, Steps steps, SslStream tls, CancellationToken cancellationToken)
    {
        try
        {
            steps.AwaitedNow = "the answer to EHLO inside TLS";
            var inside = new SmtpConnection(tls);
            var ehlo = await inside.SendAsync($"EHLO {name}", cancellationToken);
            await QuitAsync(inside, cancellationToken);
            return session with { Outcome = ehlo.Code == 250 ? SmtpOutcome.Completed : SmtpOutcome.TlsFailed, Detail = ehlo.Code == 250 ? null : ehlo.FirstLine };
        }
        catch (OperationCanceledException)
        {
            return session with { Outcome = SmtpOutcome.SessionTimedOut, Detail = steps.GaveUp };
        }
        catch (Exception e) when (e is IOException or SmtpProtocolException)
        {
            return session with { Outcome = SmtpOutcome.TlsFailed, Detail = $"the server did not answer inside TLS: {e.Message}" };
        }
    }

    private X509ChainPolicy TrustNow()
    {
        var policy = guard.Trust();
        policy.VerificationTime = time.GetUtcNow().UtcDateTime;
        return policy;
    }

    private static TlsSession TlsOf(ServerCertificates certificates, string protocol, string cipherSuite) =>
        new(protocol, cipherSuite, certificates.Sent, certificates.Built, certificates.Faults, certificates.CountIfCut);

    private static CipherSuitesPolicy? SuitesOf(params TlsCipherSuite[] suites) => OperatingSystem.IsLinux() ? new CipherSuitesPolicy(suites) : null;

    // Only texts say which alert was received or why this side failed: SslStream's for an alert, or OpenSSL's.
    private static SmtpOutcome OutcomeOf(Exception failure, bool hasCertificate)
    {
        var said = new List<string>();
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            said.Add(cause.Message);
        }

        if (Says("protocol version", "unsupported protocol", "ProtocolVersion"))
        {
            return SmtpOutcome.TlsVersion;
        }

        // handshake_failure means that no set of parameters was acceptable (RFC 8446 §6.2), but after a certificate they were agreed.
        return !hasCertificate && Says("alert handshake failure", "HandshakeFailure", "insufficient security", "InsufficientSecurity")
            ? SmtpOutcome.TlsCipher
            : SmtpOutcome.TlsFailed;

        bool Says(params string[] words) => said.Exists(message => words.Any(word => message.Contains(word, StringComparison.OrdinalIgnoreCase)));
    }

    private static async Task QuitAsync(SmtpConnection connection, CancellationToken cancellationToken)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(QuitTimeout);
        try
        {
            await connection.SendAsync("QUIT", limit.Token);
        }
        catch (Exception e) when (e is IOException or SmtpProtocolException or OperationCanceledException)
        {
            // Many servers close without an answer, and some stop responding; everything of interest is known by now.
        }
    }

    private async Task<Socket> ConnectAsync(IPAddress address, CancellationToken cancellationToken)
    {
        using var patience = new CancellationTokenSource(ConnectTimeoutNow, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
        return await guard.ConnectAsync(address, options.SmtpPort, limit.Token);
    }

    private TimeSpan ConnectTimeoutNow => options.SessionTimeout < ConnectTimeout ? options.SessionTimeout : ConnectTimeout;

    private static SmtpOutcome OutcomeOf(SocketError error, IPAddress address) => error switch
    {
        SocketError.ConnectionRefused => SmtpOutcome.ConnectionRefused,
        SocketError.TimedOut => SmtpOutcome.ConnectionTimedOut,
        SocketError.NetworkUnreachable or SocketError.AddressFamilyNotSupported or SocketError.AddressNotAvailable => SmtpOutcome.NoRoute,
        SocketError.HostUnreachable when address.AddressFamily == AddressFamily.InterNetworkV6 => SmtpOutcome.NoRoute,
        SocketError.HostUnreachable => SmtpOutcome.ConnectionTimedOut,
        _ => SmtpOutcome.ConnectionDropped,
    };

    /// <summary>Measures the time of each step.</summary>
    private sealed class Steps(TimeProvider time, TimeSpan timeout)
    {
        private readonly long _began = time.GetTimestamp();
        private long _last = time.GetTimestamp();

        public int? Connect { get; set; }

        public int? Banner { get; set; }

        public int? Ehlo { get; set; }

        public int? StartTls { get; set; }

        public int? Handshake { get; set; }

        /// <summary>What the server should send next.</summary>
        public string AwaitedNow { get; set; } = "the connection";

        /// <summary>Who ended the session, and when: it is not certainly the server's fault.</summary>
        public string GaveUp => string.Create(CultureInfo.InvariantCulture, $"this checker gave up after {timeout.TotalSeconds:0} s, waiting for {AwaitedNow}");

        public SessionTimes Times => new(Connect, Banner, Ehlo, StartTls, Handshake, Since(_began));

        /// <summary>The milliseconds since the last step.</summary>
        public int Lap()
        {
            var lap = Since(_last);
            _last = time.GetTimestamp();
            return lap;
        }

        private int Since(long timestamp) => (int)time.GetElapsedTime(timestamp).TotalMilliseconds;
    }
}
