using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Probes;
using StsFunctions.Network.Egress;

namespace StsFunctions.UseCases.Probes;

/// <summary>An agent sent an invalid result; the message says what is wrong.</summary>
internal sealed class InvalidProbeResultException(string message) : Exception(message);

/// <summary>
/// Reads a result from a probe agent. Only its observations are believed: this app evaluates whether a chain is trusted, sets the times,
/// and limits every size.
/// </summary>
internal sealed class ProbeResultReader(EgressGuard guard, TimeProvider time)
{
    /// <summary>The longest result, in bytes.</summary>
    public const int MaxBytes = 1 << 20;

    // As long as the longest line that the probe accepts, with space for a description.
    private const int MaxText = 4096;
    private const int MaxEhloLines = 32;
    private const int MaxRestricted = 8;

    // OpenSSL accepts chains up to 100 KiB. All sessions of a probe, with the chains built from them, fit into a row as JSON.
    private const int MaxCertificateBytes = 128 * 1024;

    // The most certificates that an agent may report as sent: more than fit into a handshake.
    private const int MaxCount = 10_000;

    private static readonly int LongestStep = (int)TimeSpan.FromMinutes(10).TotalMilliseconds;

    /// <summary>Reads a result.</summary>
    /// <exception cref="InvalidProbeResultException">It is not a valid result.</exception>
    public static ProbeResultJson Read(ReadOnlySpan<byte> json)
    {
        try
        {
            // The serializer leaves missing members null, even where their type is not nullable.
            if (JsonSerializer.Deserialize(json, AgentJson.Default.ProbeResultJson) is { Host: not null, Address: not null, Nonce: not null, Result: { Default: not null, Restricted: not null } } result)
            {
                return result;
            }
        }
        catch (JsonException)
        {
        }

        throw new InvalidProbeResultException("The body is not a result; docs/AGENT.md shows one.");
    }

    /// <summary>The result as this app would store its own probe, with the agent's name.</summary>
    /// <exception cref="InvalidProbeResultException">It is not a result for that address, or exceeds a limit.</exception>
    public MxProbeResult ResultOf(ProbeResultJson result, IPAddress address, string agent)
    {
        var probe = result.Result;
        Require(probe.Restricted.Count <= MaxRestricted && probe.Restricted.All(session => session is not null), $"narrow has at most {MaxRestricted} sessions");
        IReadOnlyList<SmtpSession> sessions = [probe.Default, .. probe.Restricted];
        foreach (var session in sessions)
        {
            CheckSession(session, address);
        }

        Require(probe.Default.Offer == TlsOffer.Default, "session is the one with the default offer");
        Require(sessions.Sum(session => session.Tls?.Chain.Sum(raw => (long)raw.Length) ?? 0) <= MaxCertificateBytes, $"the certificates of a probe have at most {MaxCertificateBytes} bytes together");
        return new MxProbeResult(Checked(probe.Default, address), [.. probe.Restricted.Select(session => Checked(session, address))], probe.Restricted is [] ? null : time.GetUtcNow(), agent);
    }

    private static void CheckSession(SmtpSession session, IPAddress address)
    {
        Require(IPAddress.TryParse(session.Address, out var parsed) && parsed.Equals(address), "the address of a session is the one of the result");
        Require(Enum.IsDefined(session.Outcome) && Enum.IsDefined(session.Offer), "outcome and offer are known values");
        Require(
            ((string?[])[session.Banner, session.StartTlsReply, session.Detail, session.Tls?.Protocol, session.Tls?.CipherSuite, .. session.Ehlo ?? []])
                .All(text => text is null || text.Length <= MaxText),
            $"a text has at most {MaxText} characters");
        Require(session.Ehlo is null || (session.Ehlo.Count <= MaxEhloLines && session.Ehlo.All(line => line is not null)), $"ehlo has at most {MaxEhloLines} lines");
        Require(
            session.Times is not { } times || ((int?[])[times.Connect, times.Banner, times.Ehlo, times.StartTls, times.Handshake, times.Total]).All(span => span is null || (span >= 0 && span <= LongestStep)),
            "a time is in milliseconds, and within 10 minutes");
        Require(session.Outcome != SmtpOutcome.Completed || session.Tls is not null, "a completed session has a TLS session");
        Require(session.Tls is null || session.Outcome is SmtpOutcome.Completed or SmtpOutcome.TlsFailed or SmtpOutcome.SessionTimedOut, "a session without TLS has no TLS session");
        Require(
            session.Tls is not { } tls || (tls is { Protocol: not null, CipherSuite: not null, Chain.Count: > 0 and <= TlsSession.MaxCertificates, Sent: null or (> 0 and <= MaxCount) } && tls.Chain.All(raw => raw is { Length: > 0 and <= ServerCertificates.MaxCertificateBytes })),
            $"a chain has 1 to {TlsSession.MaxCertificates} certificates, each of at most {ServerCertificates.MaxCertificateBytes} bytes");
    }

    private SmtpSession Checked(SmtpSession session, IPAddress address)
    {
        try
        {
            return session with { Address = address.ToString(), Tls = session.Tls is { } tls ? Rebuilt(tls) : null };
        }
        catch (CryptographicException)
        {
            throw new InvalidProbeResultException("The result is not valid: a chain consists of certificates, each as DER in base64.");
        }
    }

    private TlsSession Rebuilt(TlsSession tls)
    {
        var evaluated = ServerCertificates.Rebuilt(tls.Chain, TrustNow());
        return tls with { Chain = evaluated.Sent, Built = evaluated.Built, Trust = evaluated.Faults };
    }

    private System.Security.Cryptography.X509Certificates.X509ChainPolicy TrustNow()
    {
        var policy = guard.Trust();
        policy.VerificationTime = time.GetUtcNow().UtcDateTime;
        return policy;
    }

    private static void Require(bool holds, string rule)
    {
        if (!holds)
        {
            throw new InvalidProbeResultException($"The result is not valid: {rule}.");
        }
    }
}
