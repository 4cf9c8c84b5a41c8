using System.Net;
using System.Net.Sockets;
using System.Security.Authentication;

namespace StsFunctions.Local.MailInternet;

/// <summary>
/// An SMTP server on one address and port. Its script and certificate may be swapped while it runs, and it may be stopped
/// and started again: the next connection sees the change.
/// </summary>
public sealed class SmtpServer : IAsyncDisposable
{
    private const int MaxSessions = 256;
    private const int MaxMails = 1_000;
    private const int MaxHeard = 1_000;
    private static readonly TimeSpan s_sessionLimit = TimeSpan.FromMinutes(5);

    private readonly TimeProvider _time;
    private readonly TaskSet _tasks = new();
    private readonly Lock _gate = new();
    private readonly List<ReceivedMail> _mails = [];
    private readonly Queue<string> _heard = [];
    private volatile SmtpScript _script = SmtpScript.Good;
    private volatile IssuedCertificate _certificate;
    private Listening? _listening;
    private bool _disposed;

    /// <summary>A server that does not listen yet.</summary>
    /// <param name="hostName">The name that it gives for itself.</param>
    /// <param name="endPoint">Where it will listen.</param>
    /// <param name="certificate">What it shows in TLS.</param>
    /// <param name="time">The time of the mail that it takes, and of the five minutes that a session may last.</param>
    public SmtpServer(string hostName, IPEndPoint endPoint, IssuedCertificate certificate, TimeProvider time) =>
        (HostName, EndPoint, _certificate, _time) = (hostName, endPoint, certificate, time);

    /// <summary>The name that it gives for itself.</summary>
    public string HostName { get; }

    /// <summary>Where it listens, when it does.</summary>
    public IPEndPoint EndPoint { get; }

    /// <summary>What it shows in TLS.</summary>
    public IssuedCertificate Certificate
    {
        get => _certificate;
        set => _certificate = value;
    }

    /// <summary>How it talks.</summary>
    public SmtpScript Script
    {
        get => _script;
        set => _script = value;
    }

    /// <summary>Whether a client can connect.</summary>
    public bool IsListening
    {
        get
        {
            lock (_gate)
                return _listening is not null;
        }
    }

    /// <summary>The mail that it took, oldest first; after 1,000 it takes no more.</summary>
    public IReadOnlyList<ReceivedMail> Mails
    {
        get
        {
            lock (_gate)
                return [.. _mails];
        }
    }

    /// <summary>
    /// The last 1,000 things that clients said: command lines as they came, <c>SNI name</c> for a client hello,
    /// <c>TLS version</c> for a handshake that succeeded.
    /// </summary>
    public IReadOnlyList<string> Heard
    {
        get
        {
            lock (_gate)
                return [.. _heard];
        }
    }

    /// <summary>Listens; does nothing when it already does.</summary>
    /// <exception cref="InvalidOperationException">The address is not this machine's, or its port is taken.</exception>
    public void Start()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_listening is not null)
                return;
            var listening = _listening = new Listening(Bind(EndPoint), new CancellationTokenSource());
            _tasks.Run(() => AcceptAsync(listening));
        }
    }

    /// <summary>Stops listening and cuts off every session; a client is refused at once.</summary>
    public void Stop()
    {
        Listening? listening;
        lock (_gate)
            (listening, _listening) = (_listening, null);
        listening?.Socket.Dispose();
        listening?.Stop.Cancel();
    }

    /// <summary>Stops, and waits for the last session to end.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
            _disposed = true;
        Stop();
        await _tasks.WhenAllAsync();
    }

    internal bool Take(string from, IReadOnlyList<string> recipients, ReadOnlyMemory<byte> message, SslProtocols tls)
    {
        lock (_gate)
        {
            if (_mails.Count == MaxMails)
                return false;
            _mails.Add(new ReceivedMail(from, recipients, message, tls, _time.GetUtcNow()));
            return true;
        }
    }

    internal void Hear(string said)
    {
        lock (_gate)
        {
            if (_heard.Count == MaxHeard)
                _heard.Dequeue();
            _heard.Enqueue(said);
        }
    }

    private static Socket Bind(IPEndPoint endPoint)
    {
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(endPoint);
            socket.Listen(128);
            return socket;
        }
        catch (SocketException exception)
        {
            socket.Dispose();
            throw new InvalidOperationException(
                exception.SocketErrorCode == SocketError.AddressNotAvailable
                    ? LoopbackAddresses.HowToAdd(endPoint.Address)
                    : $"Could not listen on {endPoint}: {exception.Message}. Start the mail internet again for another port.",
                exception);
        }
    }

    private async Task AcceptAsync(Listening listening)
    {
        var stop = listening.Stop.Token;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var client = await listening.Socket.AcceptAsync(stop);
                if (_tasks.Count > MaxSessions)
                    client.Dispose();
                else
                    _tasks.Run(() => ServeAsync(client, stop));
            }
            catch (SocketException)
            {
                // The client was gone before it was accepted, or the listener is: the loop's condition tells.
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ServeAsync(Socket client, CancellationToken stop)
    {
        using var limit = new CancellationTokenSource(s_sessionLimit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(stop, limit.Token);
        await using var session = new SmtpSession(this, client, either.Token);
        await session.RunAsync();
    }

    private sealed record Listening(Socket Socket, CancellationTokenSource Stop);
}
