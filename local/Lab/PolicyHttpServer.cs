using System.Net;
using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.Logging.Abstractions;

namespace StsFunctions.Local.Lab;

/// <summary>
/// One Kestrel for every policy host: it speaks TLS and HTTP on the connections that the hosts take, each on an address of its
/// own, which can start and stop while Kestrel runs.
/// </summary>
internal sealed class PolicyHttpServer : IConnectionListenerFactory, IConnectionListenerFactorySelector, IConnectionListener
{
    private readonly Channel<ConnectionContext> _taken = Channel.CreateUnbounded<ConnectionContext>();
    private readonly SocketConnectionContextFactory _connections = new(new SocketConnectionFactoryOptions(), NullLogger.Instance);
    private readonly WebApplication _app;

    private PolicyHttpServer()
    {
        // Empty: neither the environment nor a settings file of this process applies.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Listen(EndPoint, listen => listen.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = hello => new(HostOf(hello.Connection.Features).ShakeHands(hello.ClientHelloInfo.ServerName)),
            }));
        });
        builder.Services.AddSingleton<IConnectionListenerFactory>(this);
        _app = builder.Build();
        _app.Run(context => HostOf(context.Features).AnswerAsync(context));
    }

    /// <summary>Not an address: connections come from the policy hosts.</summary>
    public EndPoint EndPoint { get; } = new PolicyHosts();

    public static async Task<PolicyHttpServer> StartAsync(CancellationToken cancellationToken)
    {
        var web = new PolicyHttpServer();
        await web._app.StartAsync(cancellationToken);
        return web;
    }

    /// <summary>Serves a connection that a policy host took, until it is closed.</summary>
    public async Task ServeAsync(PolicyHost host, Socket client, CancellationToken stop)
    {
        client.NoDelay = true;
        var connection = _connections.Create(client);
        connection.Features.Set(host);
        var closed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var onClosed = connection.ConnectionClosed.Register(closed.SetResult);
        using var onStop = stop.Register(() => connection.Abort(new ConnectionAbortedException("The policy host was stopped.")));
        if (_taken.Writer.TryWrite(connection))
        {
            await closed.Task;
        }
        else
        {
            await connection.DisposeAsync();
        }
    }

    public bool CanBind(EndPoint endpoint) => endpoint == EndPoint;

    public ValueTask<IConnectionListener> BindAsync(EndPoint endpoint, CancellationToken cancellationToken = default) => new(this);

    public async ValueTask<ConnectionContext?> AcceptAsync(CancellationToken cancellationToken = default) =>
        await _taken.Reader.WaitToReadAsync(cancellationToken) && _taken.Reader.TryRead(out var connection) ? connection : null;

    public ValueTask UnbindAsync(CancellationToken cancellationToken = default)
    {
        _taken.Writer.TryComplete();
        return ValueTask.CompletedTask;
    }

    // Called by Kestrel that stops.
    ValueTask IAsyncDisposable.DisposeAsync() => UnbindAsync();

    /// <summary>Stops Kestrel; the policy hosts were stopped before.</summary>
    public async ValueTask StopAsync()
    {
        // Do not wait for clients.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _connections.Dispose();
    }

    private static PolicyHost HostOf(IFeatureCollection features) => features.GetRequiredFeature<PolicyHost>();

    private sealed class PolicyHosts : EndPoint
    {
        public override string ToString() => "the policy hosts";
    }
}
