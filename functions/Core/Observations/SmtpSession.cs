namespace StsFunctions.Core.Observations;

/// <summary>How far an SMTP session came.</summary>
internal enum SmtpOutcome
{
    /// <summary>To TLS, and a second EHLO was answered.</summary>
    Completed,

    /// <summary>Not begun: the address is not reachable from the Internet.</summary>
    AddressNotAllowed,

    /// <summary>Not begun: this machine has no route, as most clouds have none for IPv6. Says nothing about the MX.</summary>
    NoRoute,

    /// <summary>Not begun: the check had no time left for it.</summary>
    DeadlineExceeded,

    /// <summary>This checker itself failed. Says nothing about the MX.</summary>
    NotObserved,

    /// <summary>The connection was refused.</summary>
    ConnectionRefused,

    /// <summary>No connection was established in time.</summary>
    ConnectionTimedOut,

    /// <summary>The connection was dropped, or the server sent something that is not SMTP, before STARTTLS was answered.</summary>
    ConnectionDropped,

    /// <summary>This checker gave up before the session was over: RFC 5321 §4.5.3.2 grants a server five minutes an answer, and senders may wait so long.</summary>
    SessionTimedOut,

    /// <summary>The server greeted with something other than 220, or refused EHLO.</summary>
    Rejected,

    /// <summary>STARTTLS was not offered.</summary>
    StartTlsMissing,

    /// <summary>STARTTLS was offered and then refused.</summary>
    StartTlsRefused,

    /// <summary>Plain text came after the answer to STARTTLS (MX-3).</summary>
    StartTlsInjected,

    /// <summary>TLS was established, but no chain can be built from the certificates.</summary>
    ChainUnusable,

    /// <summary>The TLS handshake failed.</summary>
    TlsFailed,

    /// <summary>The TLS handshake failed: there is no common version.</summary>
    TlsVersion,

    /// <summary>The TLS handshake failed: there is no common cipher suite.</summary>
    TlsCipher,
}

/// <summary>What a session offers in its ClientHello.</summary>
internal enum TlsOffer
{
    /// <summary>TLS 1.2 and 1.3 with the usual suites, as a sending mail server does. It alone decides whether a server has a fault.</summary>
    Default,

    /// <summary>TLS 1.2 alone, with suites for RSA certificates alone.</summary>
    Tls12Rsa,

    /// <summary>TLS 1.2 alone, with suites for ECDSA certificates alone.</summary>
    Tls12Ecdsa,

    /// <summary>TLS 1.3 alone.</summary>
    Tls13,
}

/// <summary>How long each step of a session took, in milliseconds; null for a step that it did not reach.</summary>
/// <param name="Connect">The TCP connection.</param>
/// <param name="Banner">From there to the greeting.</param>
/// <param name="Ehlo">From there to the answer to EHLO.</param>
/// <param name="StartTls">From there to the answer to STARTTLS.</param>
/// <param name="Handshake">The TLS handshake.</param>
/// <param name="Total">The whole session.</param>
internal sealed record SessionTimes(int? Connect, int? Banner, int? Ehlo, int? StartTls, int? Handshake, int Total);

/// <summary>One SMTP session with one address.</summary>
/// <param name="Address">The address, IPv4 or IPv6.</param>
/// <param name="Outcome">How far it came.</param>
/// <param name="Offer">What it offered.</param>
/// <param name="Banner">The greeting's first line.</param>
/// <param name="Ehlo">The lines of the answer to the first EHLO, without their codes; at most 32 are stored.</param>
/// <param name="StartTlsReply">The answer to STARTTLS, its first line.</param>
/// <param name="Detail">The text of a failure.</param>
/// <param name="Tls">The result of the handshake, once there was a certificate.</param>
/// <param name="Times">How long it took.</param>
internal sealed record SmtpSession(
    string Address,
    SmtpOutcome Outcome,
    TlsOffer Offer = TlsOffer.Default,
    string? Banner = null,
    IReadOnlyList<string>? Ehlo = null,
    string? StartTlsReply = null,
    string? Detail = null,
    TlsSession? Tls = null,
    SessionTimes? Times = null);

/// <summary>The result of a TLS handshake.</summary>
/// <param name="Protocol">The version: <c>Tls12</c>, <c>Tls13</c>.</param>
/// <param name="CipherSuite">The suite's IANA name.</param>
/// <param name="Chain">The certificates as sent, DER, the server's own first, the others in the order in which they came.</param>
/// <param name="Built">The certificates as built, DER, from the server's own up to the root where one was found.</param>
/// <param name="Trust">Why the chain is not trusted, other than by the dates of the server's own: empty when it is.</param>
/// <param name="Sent">How many certificates were sent, if that is more than are stored; null otherwise.</param>
internal sealed record TlsSession(
    string Protocol, string CipherSuite, IReadOnlyList<byte[]> Chain, IReadOnlyList<byte[]> Built, IReadOnlyList<string> Trust, int? Sent = null)
{
    /// <summary>
    /// How many certificates of a server are stored. A public CA's chain has two to five; Postfix verifies 9 above the server's own by
    /// default, GnuTLS 16: no sender uses more.
    /// </summary>
    public const int MaxCertificates = 32;
}
