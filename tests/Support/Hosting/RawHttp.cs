using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace StsFunctions.Tests.Hosting;

/// <summary>An answer as it came over the wire.</summary>
internal sealed record RawAnswer(int Status, IReadOnlyDictionary<string, string> Headers, byte[] Body)
{
    public string Text => Encoding.UTF8.GetString(Body);
}

/// <summary>Sends a request byte for byte as it is written, which no HTTP client does.</summary>
internal static class RawHttp
{
    private const int MaxHead = 64 * 1024;

    /// <summary>A request without a body. The lines may end in LF.</summary>
    public static Task<RawAnswer> SendAsync(IPEndPoint server, string head, CancellationToken cancellationToken) =>
        SendAsync(server, head, ReadOnlyMemory<byte>.Empty, cancellationToken);

    /// <summary>A request; where the head says that it is chunked, the body goes out in chunks of an odd size.</summary>
    public static async Task<RawAnswer> SendAsync(IPEndPoint server, string head, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        using var socket = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await socket.ConnectAsync(server, cancellationToken);
        await using var stream = new NetworkStream(socket);
        return await SendAsync(stream, head, body, cancellationToken);
    }

    /// <summary>A request over a connection that is there already.</summary>
    public static async Task<RawAnswer> SendAsync(NetworkStream stream, string head, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        var lines = head.ReplaceLineEndings("\r\n").TrimEnd() + "\r\n\r\n";
        await stream.WriteAsync(Encoding.UTF8.GetBytes(lines), cancellationToken);
        if (lines.Contains("Transfer-Encoding: chunked\r\n", StringComparison.OrdinalIgnoreCase))
        {
            await WriteChunksAsync(stream, body, cancellationToken);
        }
        else
        {
            await stream.WriteAsync(body, cancellationToken);
        }

        return await ReadAsync(stream, hasBody: !head.StartsWith("HEAD ", StringComparison.Ordinal), cancellationToken);
    }

    private static async Task WriteChunksAsync(NetworkStream stream, ReadOnlyMemory<byte> body, CancellationToken cancellationToken)
    {
        const int size = 97;
        for (var at = 0; at < body.Length; at += size)
        {
            var chunk = body.Slice(at, Math.Min(size, body.Length - at));
            await stream.WriteAsync(Encoding.ASCII.GetBytes($"{chunk.Length:x}\r\n"), cancellationToken);
            await stream.WriteAsync(chunk, cancellationToken);
            await stream.WriteAsync("\r\n"u8.ToArray(), cancellationToken);
        }

        await stream.WriteAsync("0\r\n\r\n"u8.ToArray(), cancellationToken);
    }

    private static async Task<byte[]> ReadChunksAsync(NetworkStream stream, CancellationToken cancellationToken)
    {
        var body = new List<byte>();
        while (true)
        {
            var line = "";
            var one = new byte[1];
            while (!line.EndsWith("\r\n", StringComparison.Ordinal))
            {
                await stream.ReadExactlyAsync(one, cancellationToken);
                line += (char)one[0];
            }

            var chunk = new byte[int.Parse(line.Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture) + 2];
            await stream.ReadExactlyAsync(chunk, cancellationToken);
            if (chunk.Length == 2)
            {
                return [.. body];
            }

            body.AddRange(chunk[..^2]);
        }
    }

    private static async Task<RawAnswer> ReadAsync(NetworkStream stream, bool hasBody, CancellationToken cancellationToken)
    {
        var head = new List<byte>();
        var one = new byte[1];
        while (head.Count < MaxHead && !(head is [.., (byte)'\r', (byte)'\n', (byte)'\r', (byte)'\n']))
        {
            await stream.ReadExactlyAsync(one, cancellationToken);
            head.Add(one[0]);
        }

        var lines = Encoding.UTF8.GetString([.. head]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2)).ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        if (hasBody && headers.TryGetValue("Transfer-Encoding", out var coding) && coding == "chunked")
        {
            return new RawAnswer(int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture), headers, await ReadChunksAsync(stream, cancellationToken));
        }

        var body = new byte[hasBody && headers.TryGetValue("Content-Length", out var length) ? int.Parse(length, CultureInfo.InvariantCulture) : 0];
        await stream.ReadExactlyAsync(body, cancellationToken);
        return new RawAnswer(int.Parse(lines[0].Split(' ')[1], CultureInfo.InvariantCulture), headers, body);
    }
}
