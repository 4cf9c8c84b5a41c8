using System.Net;
using System.Net.Sockets;

namespace StsFunctions.Local.Lab;

/// <summary>Hands out loopback addresses, one for each server: 127.0.N.1 and up.</summary>
/// <param name="first">N, of the first.</param>
internal sealed class LoopbackAddresses(int first)
{
    /// <summary>N for MX hosts.</summary>
    public const int Mx = 1;

    /// <summary>N for policy hosts.</summary>
    public const int Policy = 128;

    private int _last;

    /// <exception cref="InvalidOperationException">All addresses are used: more than 32,000.</exception>
    public IPAddress Next()
    {
        var next = Interlocked.Increment(ref _last);
        var (high, low) = (first + (next - 1) / 254, 1 + (next - 1) % 254);
        return high <= (first < Policy ? Policy - 1 : 255)
            ? new IPAddress([127, 0, (byte)high, (byte)low])
            : throw new InvalidOperationException("There are no loopback addresses left: add fewer domains.");
    }

    /// <exception cref="InvalidOperationException">This machine answers on 127.0.0.1 only.</exception>
    public static void Require()
    {
        foreach (var address in (IPAddress[])[new([127, 0, Mx, 1]), new([127, 0, Policy, 1])])
        {
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
    }

    public static string HowToAdd(IPAddress address) => address.AddressFamily == AddressFamily.InterNetworkV6
        ? $"{address} is not an address of this machine: enable IPv6 on its loopback interface, or leave out the domain that needs it."
        : $"{address} is not an address of this machine. Every server of the mail lab has a loopback address of its own; Linux " +
          "answers on all of 127.0.0.0/8, macOS on 127.0.0.1 only. On macOS add them first: " +
          $"for i in $(seq 1 60); do sudo ifconfig lo0 alias 127.0.{Mx}.$i; sudo ifconfig lo0 alias 127.0.{Policy}.$i; done";
}
