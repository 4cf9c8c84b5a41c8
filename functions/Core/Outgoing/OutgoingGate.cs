using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace StsFunctions.Outgoing;

/// <summary>What a name outside our control leads to, and we will not connect to.</summary>
internal sealed class AddressNotAllowedException : Exception
{
    // A hostile zone has thousands, and the message goes into findings and mails.
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
/// The one way out to hosts whose names come from outside: MX hosts, policy hosts, webhooks. A name is resolved once, and what is
/// checked is what is connected to, so an answer that changes in between gains nothing.
/// </summary>
/// <remarks>
/// What an operator configures does not come this way: storage, Communication Services, a mail relay. Those names are trusted,
/// and are often private on purpose (a private endpoint, a relay in the same network).
/// </remarks>
internal sealed class OutgoingGate(EgressOptions options)
{
    /// <summary>Whether an address may be connected to.</summary>
    public bool Allows(IPAddress address) =>
        GlobalReach.Has(address) || options.AllowedNetworks.Any(network => network.Contains(address));

    /// <summary>Connects to an address that the world can reach.</summary>
    /// <exception cref="AddressNotAllowedException">The address is private, special or the platform's own.</exception>
    /// <exception cref="SocketException">No connection could be made.</exception>
    public async Task<Socket> ConnectAsync(IPAddress address, int port, CancellationToken cancellation)
    {
        if (!Allows(address))
        {
            throw new AddressNotAllowedException(address);
        }

        var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(new IPEndPoint(address, port), cancellation);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>How the certificate of a server out there is judged: by the world's roots, and by what the server itself sends.</summary>
    public X509ChainPolicy Trust()
    {
        var policy = new X509ChainPolicy
        {
            // An intermediate fetched from elsewhere would hide that the server leaves it out, where strict senders fail;
            // and its address, like a revocation list's, is the server's to choose, and would be called past this gate.
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
