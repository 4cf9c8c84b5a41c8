using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace StsFunctions.Bench;

/// <summary>The answer to one GET for the policy, over a socket: an HTTP client would bring its own start-up time into what is measured.</summary>
internal sealed record PolicyAnswer(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    private const int MaxBytes = 1 << 16;
    private const int ReceiveTimeout = 30_000;

    private static readonly byte[] Request = Encoding.ASCII.GetBytes($"GET {HostedPolicy.Path} HTTP/1.1\r\nHost: {HostedPolicy.Host}\r\nConnection: close\r\n\r\n");

    /// <summary>Asks once; null when nobody listens yet.</summary>
    public static PolicyAnswer? Get(int port)
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

        socket.Send(Request);
        var buffer = new byte[MaxBytes];
        var length = 0;
        while (socket.Receive(buffer.AsSpan(length)) is > 0 and var read)
        {
            length += read;
        }

        return Parse(buffer.AsSpan(0, length));
    }

    /// <summary>Insists on the policy, whole.</summary>
    /// <exception cref="InvalidOperationException">It is something else.</exception>
    public PolicyAnswer Checked(string server) => Status == 200 && Body.AsSpan().SequenceEqual(HostedPolicy.Bytes.Span)
        ? this
        : throw new InvalidOperationException($"{server} answered {Status} with {Body.Length} bytes where 200 with the policy's {HostedPolicy.Bytes.Length} bytes was expected.");

    private static PolicyAnswer Parse(ReadOnlySpan<byte> answer)
    {
        var end = answer.IndexOf("\r\n\r\n"u8);
        if (end < 0)
        {
            throw new InvalidOperationException($"The connection ended after {answer.Length} bytes, before the answer's headers did.");
        }

        var lines = Encoding.ASCII.GetString(answer[..end]).Split("\r\n");
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        return new PolicyAnswer(int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture), headers, answer[(end + 4)..].ToArray());
    }
}
