using System.Collections.Concurrent;
using System.Net;
using Grpc.Core;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using StsFunctions.Local.FunctionsHost.Rpc;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>Where workers call the host: gRPC over HTTP/2 on loopback, without TLS.</summary>
internal sealed class RpcServer : IAsyncDisposable
{
    private readonly WebApplication _app;
    private readonly Service _service;

    private RpcServer(WebApplication app, Service service) => (_app, _service) = (app, service);

    /// <summary>What a worker gets as <c>--functions-uri</c>.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1");

    public static async Task<RpcServer> StartAsync(CancellationToken cancellationToken)
    {
        // Empty: neither the environment nor a settings file of this process applies.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => listen.Protocols = HttpProtocols.Http2));
        builder.Services.AddRoutingCore();
        builder.Services.AddGrpc(grpc => (grpc.MaxReceiveMessageSize, grpc.MaxSendMessageSize) = (null, null));
        var service = new Service();
        builder.Services.AddSingleton(service);
        var app = builder.Build();
        var server = new RpcServer(app, service);
        app.UseRouting();
        app.MapGrpcService<Service>();
        await app.StartAsync(cancellationToken);
        server.Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return server;
    }

    /// <summary>Accepts the worker that announces itself with the channel's id.</summary>
    public void Expect(WorkerChannel channel) => _service.Expected[channel.Id] = channel;

    /// <summary>Accepts it no longer.</summary>
    public void Forget(WorkerChannel channel) => _service.Expected.TryRemove(channel.Id, out _);

    public async ValueTask DisposeAsync()
    {
        // Do not wait for workers: they have ended.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
    }

    private sealed class Service : FunctionRpc.FunctionRpcBase
    {
        public ConcurrentDictionary<string, WorkerChannel> Expected { get; } = new();

        public override async Task EventStream(IAsyncStreamReader<StreamingMessage> requestStream, IServerStreamWriter<StreamingMessage> responseStream, ServerCallContext context)
        {
            if (await requestStream.MoveNext(context.CancellationToken)
                && requestStream.Current.StartStream is { } start
                && Expected.TryRemove(start.WorkerId, out var channel))
            {
                await channel.RunAsync(requestStream, responseStream, context.CancellationToken);
            }
        }
    }
}
