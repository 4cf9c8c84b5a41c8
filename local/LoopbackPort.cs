using System.Net;
using System.Net.Sockets;

namespace StsFunctions.Local;

/// <summary>Ports for servers that need one as a setting.</summary>
public static class LoopbackPort
{
    /// <summary>A port on which no process listens.</summary>
    public static int Free()
    {
        while (true)
        {
            // Below the range of ports of outbound connections: a connection into that range can connect to itself.
            var port = Random.Shared.Next(15_000, 30_000);
            if (IsFree(port))
            {
                return port;
            }
        }
    }

    /// <summary>Whether no process listens on a port, at any address of this machine.</summary>
    public static bool IsFree(int port)
    {
        // Bound but never listening: the wildcard conflicts with any process that listens on the port of any loopback address.
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(IPAddress.Any, port));
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
