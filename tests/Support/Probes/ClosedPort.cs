using System.Net;
using System.Net.Sockets;

namespace StsFunctions.Tests.Probes;

/// <summary>A port that a network lets nothing out to: connections to it, at the addresses given, neither come about nor are refused.</summary>
internal sealed class ClosedPort : IDisposable
{
    private readonly List<Socket> _sockets = [];

    public ClosedPort(params IEnumerable<IPAddress> addresses)
    {
        foreach (var address in addresses)
        {
            CloseAt(address);
        }
    }

    /// <summary>Its number.</summary>
    public int Number { get; private set; }

    /// <summary>Closes it at one address more.</summary>
    public void CloseAt(IPAddress address)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _sockets.Add(listener);
        listener.Bind(new IPEndPoint(address, Number));
        Number = ((IPEndPoint)listener.LocalEndPoint!).Port;
        // Nothing is accepted, and the queue is full: Linux answers no further connection.
        listener.Listen(0);
        var waiting = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _sockets.Add(waiting);
        waiting.Connect(listener.LocalEndPoint!);
    }

    public void Dispose() => _sockets.ForEach(socket => socket.Dispose());
}
