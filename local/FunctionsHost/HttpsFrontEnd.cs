using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Yarp.ReverseProxy.Forwarder;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>What Azure's front end does before a host: it terminates TLS with a certificate for each host name, and forwards the request by HTTP.</summary>
internal sealed class HttpsFrontEnd : IAsyncDisposable
{
    private static readonly ForwarderRequestConfig Request = new()
    {
        // Azure's front end waits 230 s.
        ActivityTimeout = TimeSpan.FromSeconds(230),
        Version = HttpVersion.Version11,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    private readonly WebApplication _app;
    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler
    {
        UseProxy = false,
        UseCookies = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        ActivityHeadersPropagator = null,
    });

    private HttpsFrontEnd(WebApplication app) => _app = app;

    public Uri Address { get; private set; } = new("https://127.0.0.1");

    /// <summary>Listens on loopback; null without a choice of certificates.</summary>
    public static async Task<HttpsFrontEnd?> StartAsync(FunctionsHostOptions options, Uri host, CancellationToken cancellationToken)
    {
        if (options.CertificateFor is not { } certificateFor)
        {
            return null;
        }

        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => Listen(kestrel, options.HttpsPort, certificateFor));
        builder.Services.AddHttpForwarder();
        var app = builder.Build();
        var frontEnd = new HttpsFrontEnd(app);
        var forwarder = app.Services.GetRequiredService<IHttpForwarder>();
        var prefix = host.GetLeftPart(UriPartial.Authority);
        app.Run(async context => await forwarder.SendAsync(context, prefix, frontEnd._client, Request, Transformer.Instance));
        try
        {
            await app.StartAsync(cancellationToken);
        }
        catch
        {
            await frontEnd.DisposeAsync();
            throw;
        }

        frontEnd.Address = new Uri(app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return frontEnd;
    }

    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _client.Dispose();
    }

    private static void Listen(KestrelServerOptions kestrel, int port, Func<string?, SslStreamCertificateContext?> certificateFor)
    {
        // The host limits sizes.
        kestrel.Limits.MaxRequestBodySize = null;
        kestrel.Listen(IPAddress.Loopback, port, listen => listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = hello => new ValueTask<SslServerAuthenticationOptions>(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = certificateFor(hello.ClientHelloInfo.ServerName is { Length: > 0 } name ? name : null)
                    ?? throw new AuthenticationException($"No certificate for '{hello.ClientHelloInfo.ServerName}'."),
            }),
        }));
    }

    private sealed class Transformer : HttpTransformer
    {
        public static readonly Transformer Instance = new();

        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            // Host and all other headers are unchanged.
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
            proxyRequest.Headers.Remove("X-Forwarded-Proto");
            proxyRequest.Headers.TryAddWithoutValidation("X-Forwarded-Proto", httpContext.Request.Scheme);
        }
    }
}
