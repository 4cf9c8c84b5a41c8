using System.Net;
using System.Net.Sockets;

namespace StsFunctions.Local;

/// <summary>Ports for servers that must be told one.</summary>
public static class LoopbackPort
{
    /// <summary>A port that nobody listens on.</summary>
    public static int Free()
    {
        while (true)
        {
            // Below the range that outgoing connections are given ports from: a connection into that range can meet itself.
            var port = Random.Shared.Next(15_000, 30_000);
            try
            {
                using var listener = new TcpListener(IPAddress.Loopback, port);
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // Taken: another.
            }
        }
    }
}
