using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;

namespace StsFunctions.Tests.Egress;

/// <summary>A resolver that answers with given bytes, over UDP and over TCP, on one port of 127.0.0.1.</summary>
internal sealed class StubDnsServer : IAsyncDisposable
{
    /// <summary>The answer to a query, both whole messages.</summary>
    public delegate byte[] Answer(byte[] query);

    private readonly Answer _answer;
    private readonly Socket _udp;
    private readonly Socket _tcp;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    private StubDnsServer(Answer answer, Socket udp, Socket tcp)
    {
        (_answer, _udp, _tcp) = (answer, udp, tcp);
        _serving = Task.WhenAll(ServeUdpAsync(), ServeTcpAsync());
    }

    /// <summary>The resolver client of the app.</summary>
    public DnsResolver Resolver => ResolverOf(validates: false);

    /// <summary>The observer that uses it.</summary>
    public DnsObserver Dns => new(Resolver);

    /// <summary>The options to use it.</summary>
    public EgressOptions Settings => new() { DnsServer = (IPEndPoint)_udp.LocalEndPoint! };

    public DnsResolver ResolverOf(bool validates) => new(Settings with { DnsValidates = validates });

    public static StubDnsServer Start(Answer answer)
    {
        for (var attempt = 1; ; attempt++)
        {
            var (udp, tcp) = (new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp), new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp));
            try
            {
                tcp.Bind(new IPEndPoint(IPAddress.Loopback, 0));
                tcp.Listen();
                udp.Bind(tcp.LocalEndPoint!);
                return new StubDnsServer(answer, udp, tcp);
            }
            catch (SocketException) when (attempt < 16)
            {
                udp.Dispose();
                tcp.Dispose();
            }
        }
    }

    /// <summary>Answers every question with one record of the type that is asked for.</summary>
    public static StubDnsServer Of(params byte[] data) => Start(query => Response(query, (TypeOf(query), data)));

    /// <summary>A response with records at the name that is asked for.</summary>
    public static byte[] Response(byte[] query, params (ushort Type, byte[] Data)[] records)
    {
        var question = query.AsSpan(12, QuestionLength(query));
        var message = new List<byte>();
        message.AddRange(query.AsSpan(0, 2));
        message.AddRange([0x81, 0x80, 0, 1, (byte)(records.Length >> 8), (byte)records.Length, 0, 0, 0, 0]);
        message.AddRange(question);
        foreach (var (type, data) in records)
        {
            message.AddRange([0xC0, 12, (byte)(type >> 8), (byte)type, 0, 1, 0, 0, 1, 44, (byte)(data.Length >> 8), (byte)data.Length]);
            message.AddRange(data);
        }

        return [.. message];
    }

    /// <summary>The type that a query asks for.</summary>
    public static ushort TypeOf(byte[] query) => BinaryPrimitives.ReadUInt16BigEndian(query.AsSpan(12 + QuestionLength(query) - 4));

    /// <summary>The name that a query asks for.</summary>
    public static string NameOf(byte[] query)
    {
        var labels = new List<string>();
        for (var at = 12; query[at] != 0; at += query[at] + 1)
        {
            labels.Add(System.Text.Encoding.ASCII.GetString(query, at + 1, query[at]));
        }

        return string.Join('.', labels);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _udp.Dispose();
        _tcp.Dispose();
        await _serving;
        _stop.Dispose();
    }

    private static int QuestionLength(byte[] query)
    {
        var at = 12;
        while (query[at] != 0)
        {
            at += query[at] + 1;
        }

        return at - 12 + 5;
    }

    private async Task ServeUdpAsync()
    {
        var buffer = new byte[4096];
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                var received = await _udp.ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), _stop.Token);
                await _udp.SendToAsync(_answer(buffer[..received.ReceivedBytes]), received.RemoteEndPoint, _stop.Token);
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
                // The client is gone, or the test is over.
            }
        }
    }

    private async Task ServeTcpAsync()
    {
        var serving = new List<Task>();
        while (!_stop.IsCancellationRequested)
        {
            try
            {
                serving.Add(ServeAsync(await _tcp.AcceptAsync(_stop.Token)));
            }
            catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
            {
            }
        }

        await Task.WhenAll(serving);
    }

    private async Task ServeAsync(Socket client)
    {
        await using var stream = new NetworkStream(client, ownsSocket: true);
        try
        {
            while (true)
            {
                var length = new byte[2];
                await stream.ReadExactlyAsync(length, _stop.Token);
                var query = new byte[BinaryPrimitives.ReadUInt16BigEndian(length)];
                await stream.ReadExactlyAsync(query, _stop.Token);
                var answer = _answer(query);
                BinaryPrimitives.WriteUInt16BigEndian(length, (ushort)answer.Length);
                await stream.WriteAsync((byte[])[.. length, .. answer], _stop.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException)
        {
            // The client disconnected, or the test is over.
        }
    }
}
