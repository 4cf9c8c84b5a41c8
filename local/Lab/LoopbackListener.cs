using System.Net;
using System.Net.Sockets;

namespace StsFunctions.Local.Lab;

/// <summary>Takes connections on one address and port; it may be stopped, and started again.</summary>
/// <param name="endPoint">Where it listens, when it does.</param>
/// <param name="serve">Owns the connection until its task ends; cancelled when the listener stops.</param>
internal sealed class LoopbackListener(IPEndPoint endPoint, Func<Socket, CancellationToken, Task> serve) : IAsyncDisposable
{
    private const int MaxSessions = 256;

    private readonly TaskTracker _tasks = new();
    private readonly Lock _gate = new();
    private Listening? _listening;
    private bool _disposed;

    public IPEndPoint EndPoint => endPoint;

    public bool IsListening
    {
        get
        {
            lock (_gate)
            {
                return _listening is not null;
            }
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
            {
                return;
            }

            var listening = _listening = new Listening(Bind(endPoint), new CancellationTokenSource());
            _tasks.Run(() => AcceptAsync(listening));
        }
    }

    /// <summary>Stops listening and closes every session; a client is refused at once.</summary>
    public void Stop()
    {
        Listening? listening;
        lock (_gate)
        {
            (listening, _listening) = (_listening, null);
        }

        listening?.Socket.Dispose();
        listening?.Stop.Cancel();
    }

    /// <summary>Stops, and waits for the last session to end.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_gate)
        {
            _disposed = true;
        }

        Stop();
        await _tasks.WhenAllAsync();
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
                    : $"Could not listen on {endPoint}: {exception.Message}. Start the mail lab again for another port.",
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
                {
                    client.Dispose();
                }
                else
                {
                    _tasks.Run(() => serve(client, stop));
                }
            }
            catch (SocketException)
            {
                // The client disconnected before it was accepted, or the listener stopped, which the loop's condition checks.
            }
            catch (Exception exception) when (exception is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private sealed record Listening(Socket Socket, CancellationTokenSource Stop);
}
