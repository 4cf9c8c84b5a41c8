using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace StsFunctions.Bench;

/// <summary>The answer to one GET over a socket: an HTTP client would bring its own start-up time into what is measured.</summary>
internal sealed record HttpAnswer(int Status, byte[] Body)
{
    private const int MaxBytes = 1 << 16;
    private const int ReceiveTimeout = 60_000;

    /// <summary>Sends one request; null if no process listens.</summary>
    public static HttpAnswer? Get(int port, Asked asked)
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true, ReceiveTimeout = ReceiveTimeout };
        try
        {
            socket.Connect(IPAddress.Loopback, port);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            return null;
        }

        // HTTP/1.0: the end of the connection is the end of the body, which is never chunked.
        socket.Send(Encoding.ASCII.GetBytes($"GET {asked.Path} HTTP/1.0\r\nHost: {asked.Host}\r\n\r\n"));
        var buffer = new byte[MaxBytes];
        var length = 0;
        while (socket.Receive(buffer.AsSpan(length)) is > 0 and var read)
        {
            length += read;
        }

        return Parse(buffer.AsSpan(0, length));
    }

    /// <summary>Requires the complete expected answer.</summary>
    /// <exception cref="InvalidOperationException">It is something else.</exception>
    public void Insist(Asked asked)
    {
        if (Status != 200 || !Body.AsSpan().SequenceEqual(asked.Body.Span))
        {
            throw new InvalidOperationException($"{asked.Host}{asked.Path} answered {Status} with {Body.Length} bytes where 200 with {asked.Body.Length} bytes was expected.");
        }
    }

    private static HttpAnswer Parse(ReadOnlySpan<byte> answer)
    {
        var end = answer.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            throw new InvalidOperationException($"The connection ended after {answer.Length} bytes, before the answer's headers did.");
        }

        var line = Encoding.ASCII.GetString(answer[..answer.IndexOf("\r\n"u8)]);
        return new HttpAnswer(int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture), answer[(end + 4)..].ToArray());
    }
}
