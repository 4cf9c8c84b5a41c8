using System.Collections.Concurrent;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Text;
using StsFunctions.Local.Lab;

namespace StsFunctions.Tests.Egress;

/// <summary>What a listener does with a request: the head of it, and the stream to answer on.</summary>
internal delegate Task Answering(string head, Stream stream, CancellationToken cancellationToken);

/// <summary>An HTTPS server on one address that answers with given bytes; without a certificate, one that only counts connections.</summary>
internal sealed class Listener : IAsyncDisposable
{
    private const int MaxHead = 64 * 1024;

    private readonly Socket _socket;
    private readonly IssuedCertificate? _certificate;
    private readonly Answering? _answer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _accepting;
    private int _connections;

    private Listener(IPEndPoint endPoint, IssuedCertificate? certificate, Answering? answer)
    {
        (_certificate, _answer) = (certificate, answer);
        _socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        _socket.Bind(endPoint);
        _socket.Listen();
        EndPoint = (IPEndPoint)_socket.LocalEndPoint!;
        _accepting = AcceptAsync();
    }

    public IPEndPoint EndPoint { get; }

    /// <summary>What it shows; null for a trap.</summary>
    public IssuedCertificate? Certificate => _certificate;

    /// <summary>How many connections came.</summary>
    public int Connections => Volatile.Read(ref _connections);

    /// <summary>The server name of each handshake.</summary>
    public ConcurrentQueue<string> ServerNames { get; } = new();

    /// <summary>The head of each request.</summary>
    public ConcurrentQueue<string> Heads { get; } = new();

    /// <summary>A server at an address; its port is a free one, or that of another.</summary>
    public static Listener Start(string address, int port, IssuedCertificate certificate, Answering answer) =>
        new(new IPEndPoint(IPAddress.Parse(address), port), certificate, answer);

    /// <summary>A trap: a connection to it went to a forbidden address.</summary>
    public static Listener Trap(string address, int port = 0) => new(new IPEndPoint(IPAddress.Parse(address), port), null, null);

    /// <summary>Answers with this text, whose lines may end in LF before the body.</summary>
    public static Answering Responding(string head, string body = "") => Responding(Encoding.UTF8.GetBytes(head.ReplaceLineEndings("\r\n") + "\r\n\r\n" + body));

    public static Answering Responding(byte[] answer) => (_, stream, cancellationToken) => stream.WriteAsync(answer, cancellationToken).AsTask();

    /// <summary>Answers with a whole file.</summary>
    public static Answering File(string text, string type = "text/plain; charset=utf-8") =>
        Responding($"HTTP/1.1 200 OK\nContent-Type: {type}\nContent-Length: {Encoding.UTF8.GetByteCount(text)}", text);

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _socket.Dispose();
        await _accepting;
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _socket.AcceptAsync(_stop.Token);
                Interlocked.Increment(ref _connections);
                serving.Add(ServeAsync(client));
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(Socket client)
    {
        await using var stream = new NetworkStream(client, ownsSocket: true);
        if (_certificate is null)
        {
            return;
        }

        try
        {
            await using var tls = new SslStream(stream);
            await tls.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificateContext = _certificate.Context }, _stop.Token);
            ServerNames.Enqueue(tls.TargetHostName);
            var head = await ReadHeadAsync(tls);
            Heads.Enqueue(head);
            await _answer!(head, tls, _stop.Token);
            await tls.ShutdownAsync();
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or System.Security.Authentication.AuthenticationException)
        {
            // The client did not accept the certificate, or has read enough.
        }
    }

    private async Task<string> ReadHeadAsync(SslStream stream)
    {
        var head = new StringBuilder();
        var buffer = new byte[1024];
        while (!head.ToString().Contains("\r\n\r\n", StringComparison.Ordinal) && head.Length < MaxHead)
        {
            var read = await stream.ReadAsync(buffer, _stop.Token);
            if (read == 0)
            {
                throw new IOException("The client is gone.");
            }

            head.Append(Encoding.Latin1.GetString(buffer, 0, read));
        }

        return head.ToString();
    }
}
