using System.Net;
using System.Net.Sockets;
using StsFunctions.Local.Lab;

namespace StsFunctions.Tests.Checks;

/// <summary>A host that drops all packets, as a firewall does: a connection to it neither succeeds nor is refused.</summary>
internal sealed class SilentHost : IDisposable
{
    private static int s_last;

    private readonly MailLab _lab;
    private readonly IPAddress _address = new([127, 77, 0, (byte)(1 + (Interlocked.Increment(ref s_last) % 250))]);
    private readonly List<Socket> _sockets = [];

    /// <summary>A listener that accepts nothing and whose queue is full: Linux answers no further connection.</summary>
    public SilentHost(MailLab lab)
    {
        _lab = lab;
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _sockets.Add(listener);
        listener.Bind(new IPEndPoint(_address, lab.SmtpPort));
        listener.Listen(0);
        var waiting = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        _sockets.Add(waiting);
        waiting.Connect(listener.LocalEndPoint!);
    }

    /// <summary>Points a name at this host.</summary>
    public void Take(string host) => _lab.Zone.Set(host, DnsRecord.Address(_address));

    public void Dispose() => _sockets.ForEach(socket => socket.Dispose());
}
