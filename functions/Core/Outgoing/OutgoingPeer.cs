using System.Net;
using System.Net.Security;
using System.Security.Authentication;

namespace StsFunctions.Outgoing;

/// <summary>Whom a client of <see cref="OutgoingHttp"/> met last, filled in as far as it came: also where nothing was asked, because the certificate was not good.</summary>
internal sealed class OutgoingPeer
{
    /// <summary>The address that was connected to; null where none was.</summary>
    public IPAddress? Address { get; set; }

    /// <summary>What the server showed; null where there was no handshake.</summary>
    public ServerCertificates? Certificates { get; set; }

    /// <summary>The version of TLS.</summary>
    public SslProtocols Protocol { get; set; }

    /// <summary>The cipher suite.</summary>
    public TlsCipherSuite CipherSuite { get; set; }
}
