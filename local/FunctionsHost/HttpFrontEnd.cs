using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Yarp.ReverseProxy.Forwarder;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>The host's HTTP side: routes of function.json, and nothing else.</summary>
internal sealed class HttpFrontEnd : IAsyncDisposable
{
    private const long LargestBody = 100 * 1024 * 1024;

    private static readonly ForwarderRequestConfig Proxying = new()
    {
        ActivityTimeout = TimeSpan.FromSeconds(240),
        Version = HttpVersion.Version11,
        VersionPolicy = HttpVersionPolicy.RequestVersionExact,
    };

    private readonly HandlerProcess _handler;
    private readonly HostConfiguration _host;
    private readonly StandInHostOptions _options;
    private readonly ActivityCount _activity;
    private readonly Action<HostLog> _log;
    private readonly WebApplication _app;
    private readonly IHttpForwarder _forwarder;
    private readonly HttpMessageInvoker _proxy;
    private readonly HttpClient _forward = new(new SocketsHttpHandler { UseProxy = false, UseCookies = false, ActivityHeadersPropagator = null }) { Timeout = Timeout.InfiniteTimeSpan };

    public HttpFrontEnd(IEnumerable<FunctionDefinition> functions, HandlerProcess handler, HostConfiguration host, StandInHostOptions options, ActivityCount activity, Action<HostLog> log)
    {
        (_handler, _host, _options, _activity, _log) = (handler, host, options, activity, log);
        _proxy = new HttpMessageInvoker(new ReplayingHandler(
            new SocketsHttpHandler { UseProxy = false, UseCookies = false, AllowAutoRedirect = false, AutomaticDecompression = DecompressionMethods.None, ActivityHeadersPropagator = null },
            log));

        // Empty: neither the environment nor a settings file of this process has a say.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(Listen);
        builder.Services.AddRoutingCore().AddHttpForwarder();
        _app = builder.Build();
        _forwarder = _app.Services.GetRequiredService<IHttpForwarder>();
        _app.UseRouting();
        foreach (var function in functions)
        {
            if (function.Trigger is not HttpTrigger http)
                continue;
            RequestDelegate serve = context => ServeAsync(context, function);
            _ = http.Methods.Count > 0 ? _app.MapMethods(http.Route, http.Methods, serve) : _app.Map(http.Route, serve);
        }
        // Takes what no route has, a wrong method too, which would otherwise be 405.
        _app.Map("/{**rest}", context =>
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        });
    }

    /// <summary>Known once started.</summary>
    public Uri HttpAddress { get; private set; } = new("http://127.0.0.1");

    public Uri? HttpsAddress { get; private set; }

    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _app.StartAsync(cancellationToken);
        HttpAddress = Address("http");
        HttpsAddress = _options.CertificateFor is null ? null : Address("https");
    }

    public async ValueTask DisposeAsync()
    {
        // Nobody is waited for: the handler is gone.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _proxy.Dispose();
        _forward.Dispose();
    }

    private Uri Address(string scheme) => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!
        .Addresses.First(address => address.StartsWith(scheme + "://", StringComparison.Ordinal)));

    private void Listen(KestrelServerOptions kestrel)
    {
        kestrel.Limits.MaxRequestBodySize = LargestBody;
        kestrel.Listen(IPAddress.Loopback, _options.HttpPort);
        if (_options.CertificateFor is not { } certificateFor)
            return;
        kestrel.Listen(IPAddress.Loopback, _options.HttpsPort, listen => listen.UseHttps(new TlsHandshakeCallbackOptions
        {
            OnConnection = hello => new ValueTask<SslServerAuthenticationOptions>(new SslServerAuthenticationOptions
            {
                ServerCertificateContext = certificateFor(hello.ClientHelloInfo.ServerName is { Length: > 0 } name ? name : null)
                    ?? throw new AuthenticationException($"No certificate for '{hello.ClientHelloInfo.ServerName}'."),
            }),
        }));
    }

    private async Task ServeAsync(HttpContext context, FunctionDefinition function)
    {
        using var active = _activity.Begin();
        var id = Guid.NewGuid();
        var started = _options.Time.GetUtcNow();
        var clock = Stopwatch.StartNew();
        string? error;
        if (_handler.Exited)
            error = "the handler exited with code 0 and is not started again";
        else if (_host.HttpMode == HttpMode.Proxying)
            error = await ProxyAsync(context, id);
        else
            error = await ForwardAsync(context, id);
        if (error is not null)
        {
            _log(new HostLog(LogLevel.Error, "host", $"{function.Name} ({context.Request.Method} {context.Request.Path}) failed: {error}"));
            if (!context.Response.HasStarted)
            {
                context.Response.Clear();
                context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            }
        }
        _options.OnInvocation?.Invoke(new Invocation(
            id, function.Name, TriggerKind.Http, error is null ? InvocationStatus.Succeeded : InvocationStatus.Failed, started, clock.Elapsed, context.Response.StatusCode, error));
    }

    private async Task<string?> ProxyAsync(HttpContext context, Guid id)
    {
        var error = await _forwarder.SendAsync(context, $"http://127.0.0.1:{_handler.Port}", _proxy, Proxying, new ProxyTransformer(id), context.RequestAborted);
        return error == ForwarderError.None ? null : $"{error}: {context.GetForwarderErrorFeature()?.Exception?.Message}";
    }

    private async Task<string?> ForwardAsync(HttpContext context, Guid id)
    {
        try
        {
            using var request = await ForwardedRequest.CreateAsync(context, _handler.Port, id, context.RequestAborted);
            using var answer = await _forward.SendAsync(request, context.RequestAborted);
            await ForwardedRequest.CopyAsync(answer, context.Response, context.RequestAborted);
            return null;
        }
        catch (Exception e) when (e is HttpRequestException or NotSupportedException or FormatException or IOException or OperationCanceledException)
        {
            return e.Message;
        }
    }
}
