using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace StsFunctions.Network.Egress;

/// <summary>A name of another party resolves to an address that the app must not connect to.</summary>
internal sealed class AddressNotAllowedException : Exception
{
    // A hostile zone may have thousands of addresses, and the message appears in findings and mails.
    private const int MaxNamed = 8;

    public AddressNotAllowedException(IPAddress address)
        : base($"{address} is not a globally reachable address; it is not connected to.")
    {
    }

    public AddressNotAllowedException(string host, IReadOnlyList<IPAddress> addresses)
        : base($"{host} leads to {string.Join(", ", addresses.Take(MaxNamed))}{(addresses.Count > MaxNamed ? ", …" : "")}: none of these is globally reachable, and none is connected to.")
    {
    }
}

/// <summary>
/// Guards outbound connections to hosts with names from other parties: MX hosts, policy hosts, webhooks. A name is resolved once, and the
/// checked address is the one that is connected to, so an answer that changes later has no effect.
/// </summary>
/// <remarks>
/// Hosts that the operator configures do not pass this guard: storage, Communication Services, a mail relay. Those names are trusted,
/// and are often private on purpose (a private endpoint, a relay in the same network).
/// </remarks>
internal sealed class EgressGuard(EgressOptions options)
{
    /// <summary>Whether an address may be connected to.</summary>
    public bool IsAllowed(IPAddress address) =>
        IanaSpecialPurpose.IsGloballyReachable(address) || options.AllowedNetworks.Any(network => network.Contains(address));

    /// <summary>Connects to a globally reachable address.</summary>
    /// <exception cref="AddressNotAllowedException">The address is private, special or the platform's own.</exception>
    /// <exception cref="SocketException">No connection could be made.</exception>
    public async Task<Socket> ConnectAsync(IPAddress address, int port, CancellationToken cancellationToken)
    {
        if (!IsAllowed(address))
        {
            throw new AddressNotAllowedException(address);
        }

        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, port), cancellationToken);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The validation policy for the certificates of remote servers: public roots, and only the certificates that the server sends.</summary>
    public X509ChainPolicy Trust()
    {
        var policy = new X509ChainPolicy
        {
            // A downloaded intermediate would hide that the server omits it, which makes strict senders fail.
            // The server also chooses the download address, like a revocation list's, and the download would bypass this guard.
            DisableCertificateDownloads = true,
            RevocationMode = X509RevocationMode.NoCheck,
        };
        policy.ApplicationPolicy.Add(new Oid("1.3.6.1.5.5.7.3.1", "TLS Web Server Authentication"));
        if (options.TrustedRoots is { } roots)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(roots.Certificates);
        }

        return policy;
    }
}
