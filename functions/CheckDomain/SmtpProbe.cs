using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Outgoing;

namespace StsFunctions.CheckDomain;

/// <summary>Begins one SMTP session as a sending mail server does: greeting, EHLO, STARTTLS, TLS, EHLO, QUIT (RFC 8461 §4, RFC 3207).</summary>
internal sealed class SmtpProbe(OutgoingGate gate, CheckSettings settings, string heloName, TimeProvider time)
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan QuitTimeout = TimeSpan.FromSeconds(2);

    /// <summary>Looks at one address of an MX host. Whatever the server does, the answer is a session, within the settings' time.</summary>
    public async Task<SmtpSession> LookAsync(string mxHost, IPAddress address, CancellationToken cancellation)
    {
        var began = time.GetTimestamp();
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(settings.SessionTimeout);
        var session = await ConnectAndTalkAsync(mxHost, address, limit.Token);
        cancellation.ThrowIfCancellationRequested();
        return session with { Times = new SessionTimes(null, null, null, null, null, (int)time.GetElapsedTime(began).TotalMilliseconds) };
    }

    /// <summary>Whether anything at all answers at an address: all that a reference MX host is asked.</summary>
    public async Task<bool> AnswersAsync(IPAddress address, CancellationToken cancellation)
    {
        try
        {
            using var socket = await ConnectAsync(address, cancellation);
            return true;
        }
        catch (SocketException e)
        {
            // A refusal is an answer: it came back from outside.
            return e.SocketErrorCode == SocketError.ConnectionRefused;
        }
        catch (Exception e) when (e is AddressNotAllowedException or OperationCanceledException)
        {
            cancellation.ThrowIfCancellationRequested();
            return false;
        }
    }

    private async Task<SmtpSession> ConnectAndTalkAsync(string mxHost, IPAddress address, CancellationToken cancellation)
    {
        Socket socket;
        try
        {
            socket = await ConnectAsync(address, cancellation);
        }
        catch (AddressNotAllowedException e)
        {
            return new SmtpSession(address.ToString(), SmtpOutcome.AddressNotAllowed, Detail: e.Message);
        }
        catch (OperationCanceledException)
        {
            return new SmtpSession(address.ToString(), SmtpOutcome.ConnectionTimedOut);
        }
        catch (SocketException e)
        {
            return new SmtpSession(address.ToString(), OutcomeOf(e.SocketErrorCode, address), Detail: e.Message);
        }

        await using var stream = new NetworkStream(socket, ownsSocket: true);
        var talk = new SmtpTalk(stream);
        var session = new SmtpSession(address.ToString(), SmtpOutcome.BrokenOff);
        try
        {
            var greeting = await talk.ReadReplyAsync(cancellation);
            session = session with { Banner = greeting.FirstLine };
            if (greeting.Code != 220)
            {
                return session with { Outcome = SmtpOutcome.Turned, Detail = greeting.FirstLine };
            }

            var ehlo = await talk.SendAsync($"EHLO {heloName}", cancellation);
            if (ehlo.Code != 250)
            {
                return session with { Outcome = SmtpOutcome.Turned, Detail = ehlo.FirstLine };
            }

            if (!ehlo.Offers("STARTTLS"))
            {
                await QuitAsync(talk, cancellation);
                return session with { Outcome = SmtpOutcome.StartTlsMissing };
            }

            var startTls = await talk.SendAsync("STARTTLS", cancellation);
            session = session with { StartTlsReply = startTls.FirstLine };
            if (startTls.Code != 220)
            {
                await QuitAsync(talk, cancellation);
                return session with { Outcome = SmtpOutcome.StartTlsRefused, Detail = startTls.FirstLine };
            }

            // Whatever was sent before the handshake was not protected by it, and must not count after it (MX-3).
            return talk.HasUnread
                ? session with { Outcome = SmtpOutcome.StartTlsInjected, Detail = "plain text followed the answer to STARTTLS" }
                : await HandshakeAsync(session, mxHost, stream, cancellation);
        }
        catch (OperationCanceledException)
        {
            return session with { Detail = "no answer in time" };
        }
        catch (Exception e) when (e is IOException or SmtpTalkException)
        {
            return session with { Detail = e.Message };
        }
    }

    private async Task<SmtpSession> HandshakeAsync(SmtpSession session, string mxHost, NetworkStream stream, CancellationToken cancellation)
    {
        TlsSession? seen = null;
        await using var tls = new SslStream(stream, leaveInnerStreamOpen: true);
        var options = new SslClientAuthenticationOptions
        {
            // SNI is the MX host name (RFC 8461 §4.1).
            TargetHost = mxHost,
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            AllowRenegotiation = false,
            AllowTlsResume = false,
            CertificateChainPolicy = TrustNow(),
            // Whatever is shown is noted, and judged by the rules; the leaf is gone with the stream, so it is copied.
            RemoteCertificateValidationCallback = (_, certificate, chain, _) =>
            {
                seen = certificate is null ? null : Describe(certificate, chain!);
                return seen is not null;
            },
        };
        try
        {
            await tls.AuthenticateAsClientAsync(options, cancellation);
        }
        catch (Exception e) when (e is AuthenticationException or IOException or OperationCanceledException)
        {
            return session with
            {
                Outcome = IsVersionAlert(e) ? SmtpOutcome.TlsVersion : SmtpOutcome.TlsFailed,
                Detail = e is OperationCanceledException ? "no answer in time" : (e.InnerException ?? e).Message,
            };
        }

        if (seen is null)
        {
            return session with { Outcome = SmtpOutcome.TlsFailed, Detail = "the server showed no certificate" };
        }

        session = session with { Tls = seen with { Protocol = tls.SslProtocol.ToString(), CipherSuite = tls.NegotiatedCipherSuite.ToString() } };
        try
        {
            var inside = new SmtpTalk(tls);
            var ehlo = await inside.SendAsync($"EHLO {heloName}", cancellation);
            await QuitAsync(inside, cancellation);
            return session with { Outcome = ehlo.Code == 250 ? SmtpOutcome.Completed : SmtpOutcome.TlsFailed, Detail = ehlo.Code == 250 ? null : ehlo.FirstLine };
        }
        catch (Exception e) when (e is IOException or SmtpTalkException or OperationCanceledException)
        {
            return session with { Outcome = SmtpOutcome.TlsFailed, Detail = $"the server did not answer inside TLS: {e.Message}" };
        }
    }

    private X509ChainPolicy TrustNow()
    {
        var policy = gate.Trust();
        policy.VerificationTime = time.GetUtcNow().UtcDateTime;
        return policy;
    }

    private static TlsSession Describe(X509Certificate certificate, X509Chain chain)
    {
        var leaf = certificate.GetRawCertData();
        // ExtraStore is what the server sent; ChainElements is what was built of it.
        var sent = chain.ChainPolicy.ExtraStore.Select(c => c.RawData).Where(raw => !raw.AsSpan().SequenceEqual(leaf)).Prepend(leaf);
        return ChainTrust.Of(chain, new TlsSession("", "", [.. sent], Built: [], Trust: []));
    }

    // OpenSSL says it in words alone; SslStream hands them on.
    private static bool IsVersionAlert(Exception e)
    {
        for (var cause = e; cause is not null; cause = cause.InnerException)
        {
            if (cause.Message.Contains("protocol version", StringComparison.OrdinalIgnoreCase)
                || cause.Message.Contains("unsupported protocol", StringComparison.OrdinalIgnoreCase)
                || cause.Message.Contains("ProtocolVersion", StringComparison.OrdinalIgnoreCase))
            {
                return true;
            }
        }

        return false;
    }

    private static async Task QuitAsync(SmtpTalk talk, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(QuitTimeout);
        try
        {
            await talk.SendAsync("QUIT", limit.Token);
        }
        catch (Exception e) when (e is IOException or SmtpTalkException or OperationCanceledException)
        {
            // Many servers close without an answer, and some fall silent; everything worth knowing was seen before.
        }
    }

    private async Task<Socket> ConnectAsync(IPAddress address, CancellationToken cancellation)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        limit.CancelAfter(settings.SessionTimeout < ConnectTimeout ? settings.SessionTimeout : ConnectTimeout);
        return await gate.ConnectAsync(address, settings.SmtpPort, limit.Token);
    }

    private static SmtpOutcome OutcomeOf(SocketError error, IPAddress address) => error switch
    {
        SocketError.ConnectionRefused => SmtpOutcome.ConnectionRefused,
        SocketError.TimedOut => SmtpOutcome.ConnectionTimedOut,
        SocketError.NetworkUnreachable or SocketError.AddressFamilyNotSupported or SocketError.AddressNotAvailable => SmtpOutcome.NoRoute,
        SocketError.HostUnreachable when address.AddressFamily == AddressFamily.InterNetworkV6 => SmtpOutcome.NoRoute,
        SocketError.HostUnreachable => SmtpOutcome.ConnectionTimedOut,
        _ => SmtpOutcome.BrokenOff,
    };
}
