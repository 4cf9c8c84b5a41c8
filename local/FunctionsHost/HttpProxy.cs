using System.Net;
using Yarp.ReverseProxy.Forwarder;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>Hands a request to the worker's own HTTP server, as the host does.</summary>
internal sealed class HttpProxy(IHttpForwarder forwarder) : IDisposable
{
    // It identifies the invocation for the worker. The host adds it, and does not replace one from the client.
    private const string InvocationId = "x-ms-invocation-id";

    private static readonly ForwarderRequestConfig Request = new()
    {
        ActivityTimeout = TimeSpan.FromSeconds(240),
        Version = HttpVersion.Version11,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
    });

    /// <summary>Forwards the request and its answer; returns why that failed, or null. Never throws.</summary>
    public async Task<string?> ForwardAsync(HttpContext context, WorkerChannel channel, string invocationId)
    {
        if (channel.HttpUri is not { } worker)
        {
            return "the worker has no HTTP server: the app lacks ConfigureFunctionsWebApplication()";
        }

        context.Request.Headers.TryAdd(InvocationId, invocationId);
        // Host becomes the worker's address; X-Forwarded-For, -Host and -Proto are set by this host; the client's values are overwritten.
        var error = await forwarder.SendAsync(context, worker.GetLeftPart(UriPartial.Authority), _client, Request, HttpTransformer.Default, channel.Gone);
        if (error == ForwarderError.None)
        {
            return null;
        }

        channel.Cancel(invocationId);
        return $"{error}: {context.GetForwarderErrorFeature()?.Exception?.Message}";
    }

    public void Dispose() => _client.Dispose();
}
