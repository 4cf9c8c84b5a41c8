using System.Net;
using System.Net.Sockets;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Local;

namespace StsFunctions.Tests.Checks;

/// <summary>
/// An SMTP server that plays its part of a dialogue of tests/Support/Checks/Dialogues, each line with S: or C: before it. What takes time
/// there takes it by the test's clock, which advances as soon as the client is connected.
/// </summary>
internal sealed class DialogueServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly DialogueTime _time;
    private readonly string[] _lines;
    private readonly Task _serving;

    private DialogueServer(string[] lines, DialogueTime time)
    {
        (_lines, _time) = (lines, time);
        _listener.Start();
        _serving = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

    /// <summary>The lines that clients sent.</summary>
    public List<string> Received { get; } = [];

    /// <summary>How many sessions were begun.</summary>
    public int Sessions { get; private set; }

    public static DialogueServer Play(string name, DialogueTime time) =>
        new(File.ReadAllLines(Path.Combine(Repository.Root, "tests", "Support", "Checks", "Dialogues", name + ".txt")), time);

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _serving;
    }

    private async Task AcceptAsync()
    {
        var serving = new List<Task>();
        try
        {
            while (true)
            {
                var client = await _listener.AcceptTcpClientAsync();
                Sessions++;
                serving.Add(ServeAsync(client));
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            await Task.WhenAll(serving);
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        var stream = client.GetStream();
        using var reader = new StreamReader(stream, Encoding.ASCII);
        while (_time.IsAnyoneConnecting)
        {
            await Task.Delay(1);
        }

        var isSlow = _lines.Contains("(sends one octet each second)");
        try
        {
            foreach (var line in _lines)
            {
                switch (line)
                {
                    case ['S', ':', ' ', .. var said]:
                        foreach (var part in isSlow ? said.Select(c => $"{c}").Append("\r\n") : [said + "\r\n"])
                        {
                            await stream.WriteAsync(Encoding.ASCII.GetBytes(part));
                            if (isSlow)
                            {
                                _time.Advance(TimeSpan.FromSeconds(1));
                            }
                        }

                        break;
                    case ['C', ':', ..]:
                        if (await reader.ReadLineAsync() is not { } received)
                        {
                            return;
                        }

                        lock (Received)
                        {
                            Received.Add(received);
                        }

                        break;
                    case ['(', 'w', 'a', 'i', 't', ' ', .. var seconds, ' ', 's', ')']:
                        _time.Advance(TimeSpan.FromSeconds(int.Parse(seconds, System.Globalization.CultureInfo.InvariantCulture)));
                        break;
                    case "(sends one octet each second)":
                        break;
                    default:
                        // What follows is TLS, which no dialogue in plain text shows.
                        return;
                }
            }

            while (await reader.ReadLineAsync() is not null)
            {
            }
        }
        catch (IOException)
        {
            // The client has gone.
        }
    }
}

/// <summary>A clock that a server advances. It knows whether a client still waits for its connection, which must not time out by what the server does.</summary>
internal sealed class DialogueTime() : FakeTimeProvider(TestObservations.At)
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);
    private int _connecting;

    public bool IsAnyoneConnecting => Volatile.Read(ref _connecting) > 0;

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = base.CreateTimer(callback, state, dueTime, period);
        return dueTime == ConnectTimeout ? new ConnectTimer(this, timer) : timer;
    }

    private sealed class ConnectTimer : ITimer
    {
        private readonly DialogueTime _time;
        private readonly ITimer _timer;
        private int _isOver;

        public ConnectTimer(DialogueTime time, ITimer timer)
        {
            (_time, _timer) = (time, timer);
            Interlocked.Increment(ref time._connecting);
        }

        public bool Change(TimeSpan dueTime, TimeSpan period) => _timer.Change(dueTime, period);

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isOver, 1) == 0)
            {
                Interlocked.Decrement(ref _time._connecting);
            }

            _timer.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
