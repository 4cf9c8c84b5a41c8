namespace StsFunctions.Core.Observations;

/// <summary>How the fetch of a policy ended.</summary>
internal enum PolicyFetchOutcome
{
    /// <summary>With status 200 and a whole body.</summary>
    Fetched,

    /// <summary>Not begun: no address of the policy host is one that the world can reach.</summary>
    AddressNotAllowed,

    /// <summary>The policy host has no address, or none accepts a connection.</summary>
    NotReached,

    /// <summary>TLS was not established, or the certificate is not valid for the policy host.</summary>
    TlsFailed,

    /// <summary>The connection was dropped, or the response is not HTTP.</summary>
    ConnectionDropped,

    /// <summary>The answer was not whole within the time that senders wait.</summary>
    TimedOut,

    /// <summary>With another status than 200, which is no policy; a redirect is one of them (RFC 8461 §3.3).</summary>
    OtherStatus,

    /// <summary>With more bytes than senders read (RFC 8461 §3.3).</summary>
    TooLarge,
}

/// <summary>The result of one fetch of a policy.</summary>
/// <param name="Url">The URL that was asked.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="Status">The status, once there is one.</param>
/// <param name="ContentType">The media type as it came, or null.</param>
/// <param name="Location">The target of a redirect, as received; it is not followed.</param>
/// <param name="Body">The file, if it was fetched.</param>
/// <param name="Detail">The text of a failure.</param>
/// <param name="Address">The address that was connected to, once one was.</param>
/// <param name="Tls">The result of the handshake, once there was a certificate: also if it was invalid and no request was sent.</param>
/// <param name="Milliseconds">How long the whole fetch took, in milliseconds.</param>
internal sealed record PolicyFetch(
    Uri Url,
    PolicyFetchOutcome Outcome,
    int? Status = null,
    string? ContentType = null,
    string? Location = null,
    byte[]? Body = null,
    string? Detail = null,
    string? Address = null,
    TlsSession? Tls = null,
    int Milliseconds = 0);
