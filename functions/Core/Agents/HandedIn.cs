using System.Net;
using System.Security.Cryptography;
using System.Text.Json;
using StsFunctions.CheckDomain;
using StsFunctions.Outgoing;

namespace StsFunctions.Agents;

/// <summary>What an agent handed in is not a result; the message says what is wrong.</summary>
internal sealed class ResultFaultException(string message) : Exception(message);

/// <summary>
/// Reads what an agent hands in. It is believed to have seen what it says, and nothing else: whether a chain is trusted is judged here, times
/// are the app's, and everything is bounded.
/// </summary>
internal sealed class HandedIn(OutgoingGate gate, TimeProvider time)
{
    /// <summary>The longest result, in bytes.</summary>
    public const int MaxBytes = 1 << 20;

    // As long as a line that the probe itself takes, with room for words of its own.
    private const int MaxText = 4096;
    private const int MaxEhloLines = 32;
    private const int MaxNarrow = 8;

    // OpenSSL takes no chain longer than 100 KiB; all sessions of a look together fit into a row, as JSON, with what is built of them.
    private const int MaxCertificateBytes = 128 * 1024;

    // How many an agent may say that it was sent: as many as fit into a handshake, and some.
    private const int MaxCount = 10_000;

    private static readonly int s_longestStep = (int)TimeSpan.FromMinutes(10).TotalMilliseconds;

    /// <summary>Reads a result.</summary>
    /// <exception cref="ResultFaultException">It is none.</exception>
    public static AgentResultJson Read(ReadOnlySpan<byte> json)
    {
        try
        {
            // What is left out is null, whatever its type says.
            if (JsonSerializer.Deserialize(json, AgentJson.Default.AgentResultJson) is { Host: not null, Address: not null, Nonce: not null, Look: { Session: not null, Narrow: not null } } result)
            {
                return result;
            }
        }
        catch (JsonException)
        {
        }

        throw new ResultFaultException("The body is not a result; docs/AGENT.md shows one.");
    }

    /// <summary>The look as this app would keep it had it looked itself, under the agent's name.</summary>
    /// <exception cref="ResultFaultException">It is none of that address, or not within bounds.</exception>
    public AddressLook LookOf(AgentResultJson result, IPAddress address, string agent)
    {
        var look = result.Look;
        Require(look.Narrow.Count <= MaxNarrow && look.Narrow.All(session => session is not null), $"narrow has at most {MaxNarrow} sessions");
        IReadOnlyList<SmtpSession> sessions = [look.Session, .. look.Narrow];
        foreach (var session in sessions)
        {
            CheckSession(session, address);
        }

        Require(look.Session.Offer == TlsOffer.Default, "session is the one with the default offer");
        Require(sessions.Sum(session => session.Tls?.Chain.Sum(raw => (long)raw.Length) ?? 0) <= MaxCertificateBytes, $"the certificates of a look have at most {MaxCertificateBytes} bytes together");
        return new AddressLook(Kept(look.Session, address), [.. look.Narrow.Select(session => Kept(session, address))], look.Narrow is [] ? null : time.GetUtcNow(), agent);
    }

    private static void CheckSession(SmtpSession session, IPAddress address)
    {
        Require(IPAddress.TryParse(session.Address, out var seen) && seen.Equals(address), "the address of a session is the one that was given");
        Require(Enum.IsDefined(session.Outcome) && Enum.IsDefined(session.Offer), "outcome and offer are among those that there are");
        Require(
            ((string?[])[session.Banner, session.StartTlsReply, session.Detail, session.Tls?.Protocol, session.Tls?.CipherSuite, .. session.Ehlo ?? []])
                .All(text => text is null || text.Length <= MaxText),
            $"a text has at most {MaxText} characters");
        Require(session.Ehlo is null || (session.Ehlo.Count <= MaxEhloLines && session.Ehlo.All(line => line is not null)), $"ehlo has at most {MaxEhloLines} lines");
        Require(
            session.Times is not { } times || ((int?[])[times.Connect, times.Banner, times.Ehlo, times.StartTls, times.Handshake, times.Total]).All(span => span is null || (span >= 0 && span <= s_longestStep)),
            "a time is in milliseconds, and within 10 minutes");
        Require(session.Outcome != SmtpOutcome.Completed || session.Tls is not null, "a completed session has a TLS session");
        Require(session.Tls is null || session.Outcome is SmtpOutcome.Completed or SmtpOutcome.TlsFailed or SmtpOutcome.SessionTimedOut, "a session without TLS has no TLS session");
        Require(
            session.Tls is not { } tls || (tls is { Protocol: not null, CipherSuite: not null, Chain.Count: > 0 and <= ServerCertificates.MaxCertificates, Sent: null or (> 0 and <= MaxCount) } && tls.Chain.All(raw => raw is { Length: > 0 and <= ServerCertificates.MaxCertificateBytes })),
            $"a chain has 1 to {ServerCertificates.MaxCertificates} certificates, each of at most {ServerCertificates.MaxCertificateBytes} bytes");
    }

    private SmtpSession Kept(SmtpSession session, IPAddress address)
    {
        try
        {
            return session with { Address = address.ToString(), Tls = session.Tls is { } tls ? Rebuilt(tls) : null };
        }
        catch (CryptographicException)
        {
            throw new ResultFaultException("The look does not hold: a chain is of certificates, each as DER in base64.");
        }
    }

    private TlsSession Rebuilt(TlsSession tls)
    {
        var shown = ServerCertificates.Rebuilt(tls.Chain, TrustNow());
        return tls with { Chain = shown.Sent, Built = shown.Built, Trust = shown.Faults };
    }

    private System.Security.Cryptography.X509Certificates.X509ChainPolicy TrustNow()
    {
        var policy = gate.Trust();
        policy.VerificationTime = time.GetUtcNow().UtcDateTime;
        return policy;
    }

    private static void Require(bool holds, string rule)
    {
        if (!holds)
        {
            throw new ResultFaultException($"The look does not hold: {rule}.");
        }
    }
}
