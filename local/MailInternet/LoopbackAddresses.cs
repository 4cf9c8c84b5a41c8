using System.Net;
using System.Net.Sockets;

namespace StsFunctions.Local.MailInternet;

/// <summary>Hands out loopback addresses, one for each MX host: 127.0.1.1 and up.</summary>
internal sealed class LoopbackAddresses
{
    private int _last;

    /// <exception cref="InvalidOperationException">All 65,000 are used up.</exception>
    public IPAddress Next()
    {
        var next = Interlocked.Increment(ref _last);
        var (high, low) = (1 + (next - 1) / 254, 1 + (next - 1) % 254);
        return high <= 255
            ? new IPAddress([127, 0, (byte)high, (byte)low])
            : throw new InvalidOperationException("There are no loopback addresses left: add fewer domains.");
    }

    /// <exception cref="InvalidOperationException">This machine answers on 127.0.0.1 only.</exception>
    public static void Require()
    {
        var address = new IPAddress([127, 0, 1, 1]);
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, 0));
        }
        catch (SocketException exception)
        {
            throw new InvalidOperationException(HowToAdd(address), exception);
        }
    }

    public static string HowToAdd(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6
        ? $"{address} is not an address of this machine: switch IPv6 on for its loopback interface, or leave out the domain that needs it."
        : $"{address} is not an address of this machine. Every MX host of the mail internet has a loopback address of its own; Linux " +
          "answers on all of 127.0.0.0/8, macOS on 127.0.0.1 only. On macOS add them first: " +
          "for i in $(seq 1 40); do sudo ifconfig lo0 alias 127.0.1.$i; done";
}
