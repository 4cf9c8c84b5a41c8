using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;

namespace StsFunctions.Local.Lab;

/// <summary>Answers from a <see cref="DnsZone"/> over UDP and TCP, on one free port of 127.0.0.1.</summary>
public sealed class DnsServer : IAsyncDisposable
{
    private const int PortAttempts = 16;
    private const int MaxConnections = 256;
    private const int MaxQuery = 4096; // a question is at most 271 bytes; the rest is room for options
    private static readonly TimeSpan IdleLimit = TimeSpan.FromMinutes(2);

    private readonly DnsZone _zone;
    private readonly TimeProvider _time;
    private readonly Socket _udp;
    private readonly Socket _tcp;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskTracker _tasks = new();

    private DnsServer(DnsZone zone, TimeProvider time, Socket udp, Socket tcp)
    {
        (_zone, _time, _udp, _tcp) = (zone, time, udp, tcp);
        EndPoint = (IPEndPoint)udp.LocalEndPoint!;
    }

    /// <summary>Where it listens.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>Starts to answer. The time provider counts how long a connection may be idle.</summary>
    /// <exception cref="InvalidOperationException">No port was free for both UDP and TCP.</exception>
    public static DnsServer Start(DnsZone zone, TimeProvider time)
    {
        for (var attempt = 0; attempt < PortAttempts; attempt++)
        {
            var tcp = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            var udp = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            try
            {
                tcp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
                tcp.Listen(128);
                udp.Bind(tcp.LocalEndPoint!);
            }
            catch (SocketException)
            {
                tcp.Dispose();
                udp.Dispose();
                continue;
            }

            var server = new DnsServer(zone, time, udp, tcp);
            server._tasks.Run(server.AnswerDatagramsAsync);
            server._tasks.Run(server.AcceptAsync);
            return server;
        }

        throw new InvalidOperationException($"No port of 127.0.0.1 was free for both UDP and TCP in {PortAttempts} attempts; try again.");
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested)
        {
            return;
        }

        await _stop.CancelAsync();
        _udp.Dispose();
        _tcp.Dispose();
        await _tasks.WhenAllAsync();
        _stop.Dispose();
    }

    private async Task AnswerDatagramsAsync()
    {
        var buffer = GC.AllocateArray<byte>(MaxQuery, pinned: true);
        var anyone = new IPEndPoint(IPAddress.Any, 0);
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var received = await _udp.ReceiveFromAsync(buffer, anyone, _stop.Token);
                if (Answer(buffer.AsMemory(0, received.ReceivedBytes), overUdp: true) is { } response)
                {
                    await _udp.SendToAsync(response, received.RemoteEndPoint, _stop.Token);
                }
            }
            catch (SocketException)
            {
                // The client has closed its port, or a datagram is too long: continue with the next one.
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task AcceptAsync()
    {
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var client = await _tcp.AcceptAsync(_stop.Token);
                if (_tasks.Count > MaxConnections)
                {
                    client.Dispose();
                }
                else
                {
                    _tasks.Run(() => AnswerConnectionAsync(client));
                }
            }
            catch (SocketException)
            {
                // The client disconnected before it was accepted.
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task AnswerConnectionAsync(Socket client)
    {
        using var idle = new CancellationTokenSource(IdleLimit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(idle.Token, _stop.Token);
        await using var stream = new NetworkStream(client, ownsSocket: true);
        var buffer = new byte[MaxQuery];
        try
        {
            while (true)
            {
                await stream.ReadExactlyAsync(buffer.AsMemory(0, 2), either.Token);
                var length = BinaryPrimitives.ReadUInt16BigEndian(buffer);
                if (length > buffer.Length)
                {
                    return;
                }

                await stream.ReadExactlyAsync(buffer.AsMemory(0, length), either.Token);
                if (Answer(buffer.AsMemory(0, length), overUdp: false) is not { } response)
                {
                    continue;
                }

                var framed = new byte[2 + response.Length];
                BinaryPrimitives.WriteUInt16BigEndian(framed, (ushort)response.Length);
                response.CopyTo(framed.AsMemory(2));
                await stream.WriteAsync(framed, either.Token);
                idle.CancelAfter(IdleLimit);
            }
        }
        catch (Exception exception) when (exception is IOException or OperationCanceledException)
        {
            // The client hung up (an end of stream is an IOException too), was idle too long, or the server stops.
        }
    }

    private ReadOnlyMemory<byte>? Answer(ReadOnlyMemory<byte> query, bool overUdp)
    {
        if (DnsQuestion.Read(query) is not { } question)
        {
            return null;
        }

        var answer = question.Fault == DnsResponseCode.NoError
            ? _zone.Answer(question.Name, question.Type)
            : DnsAnswer.Failure(question.Fault);
        // Not by a conditional, whose null would be a datagram without a byte.
        if (answer is null)
        {
            return null;
        }

        return DnsResponse.Write(question, answer, overUdp);
    }
}
