using System.Net;
using System.Net.Sockets;

namespace StsFunctions.Outgoing;

/// <summary>An address that a name outside our control gave us, and that we will not connect to.</summary>
internal sealed class AddressNotAllowedException(IPAddress address)
    : Exception($"{address} is not a globally reachable address; it is not connected to.");

/// <summary>
/// The one way out to hosts whose names come from outside. The caller resolves a name once and hands over the address:
/// what is checked is what is connected to, so an answer that changes in between gains nothing.
/// </summary>
internal sealed class OutgoingGate(OutgoingSettings settings)
{
    /// <summary>Connects to an address that the world can reach.</summary>
    /// <exception cref="AddressNotAllowedException">The address is private, special or the platform's own.</exception>
    /// <exception cref="SocketException">No connection could be made.</exception>
    public async Task<Socket> ConnectAsync(IPAddress address, int port, CancellationToken cancellation)
    {
        if (!settings.AllowEveryAddress && !GlobalReach.Has(address))
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
}
