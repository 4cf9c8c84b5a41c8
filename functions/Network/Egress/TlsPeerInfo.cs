using System.Net;
using System.Net.Security;
using System.Security.Authentication;

namespace StsFunctions.Network.Egress;

/// <summary>The server that a client of <see cref="EgressHttp"/> last connected to, as far as known: also if no request was sent because the certificate was not valid.</summary>
internal sealed class TlsPeerInfo
{
    /// <summary>The address of the connection; null if there was none.</summary>
    public IPAddress? Address { get; set; }

    /// <summary>The server's certificates; null if there was no handshake.</summary>
    public ServerCertificates? Certificates { get; set; }

    /// <summary>The version of TLS.</summary>
    public SslProtocols Protocol { get; set; }

    /// <summary>The cipher suite.</summary>
    public TlsCipherSuite CipherSuite { get; set; }
}
