using System.Globalization;
using System.Net;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Yarp.ReverseProxy.Forwarder;

namespace StsFunctions.Tests.Storage;

/// <summary>One call of a storage client.</summary>
/// <param name="Service"><c>blob</c>, <c>queue</c> or <c>table</c>.</param>
/// <param name="Method">The HTTP method.</param>
/// <param name="Target">Path and query, as sent.</param>
public sealed record StorageCall(string Service, string Method, string Target);

/// <summary>What the wire does to a call.</summary>
public abstract record Fault
{
    /// <summary>The connection breaks before storage has received the call.</summary>
    public static Fault CutBefore { get; } = new Cut(BeforeStorage: true, null);

    /// <summary>Storage has done the call, and the connection breaks before the answer is there.</summary>
    public static Fault CutAfter { get; } = new Cut(BeforeStorage: false, null);

    /// <summary>Storage answers so, and has done nothing.</summary>
    public sealed record Answer(int Status, string? RetryAfter = null) : Fault;

    /// <summary>The connection breaks.</summary>
    /// <param name="BeforeStorage">Before storage has received the call, or once it has done it.</param>
    /// <param name="Then">What happens at that moment.</param>
    public sealed record Cut(bool BeforeStorage, Action? Then) : Fault;

    /// <summary>No answer comes, for as long as the client waits.</summary>
    public sealed record Silence : Fault;
}

/// <summary>A storage account at the other end of a wire that a test makes bad, call by call.</summary>
public sealed partial class FaultInjectionProxy : IAsyncDisposable
{
    private static readonly string[] Services = ["blob", "queue", "table"];

    private readonly WebApplication _app;
    private readonly Dictionary<int, (string Service, string Address)> _ends = [];
    private readonly HttpMessageInvoker _client = new(new SocketsHttpHandler
    {
        UseProxy = false,
        AllowAutoRedirect = false,
        AutomaticDecompression = DecompressionMethods.None,
        UseCookies = false,
        ActivityHeadersPropagator = null,
    });

    private FaultInjectionProxy(WebApplication app, string connectionString) => (_app, ConnectionString) = (app, connectionString);

    /// <summary>The account, through the wire.</summary>
    public string ConnectionString { get; private set; }

    /// <summary>What happens to a call; null lets it through.</summary>
    public Func<StorageCall, Fault?> OnCall { get; set; } = _ => null;

    /// <summary>Lays a wire to an account.</summary>
    public static async Task<FaultInjectionProxy> StartAsync(string connectionString, CancellationToken cancellationToken)
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = null;
            foreach (var _ in Services)
            {
                kestrel.Listen(IPAddress.Loopback, 0);
            }
        });
        builder.Logging.ClearProviders();
        builder.Services.AddRoutingCore();
        builder.Services.AddHttpForwarder();
        var proxy = new FaultInjectionProxy(builder.Build(), connectionString);
        var forwarder = proxy._app.Services.GetRequiredService<IHttpForwarder>();
        proxy._app.Run(context => proxy.CarryAsync(context, forwarder));
        await proxy._app.StartAsync(cancellationToken);
        foreach (var (service, url) in Services.Zip(proxy._app.Urls))
        {
            var end = Endpoint(service).Match(connectionString).Groups[1].Value;
            proxy._ends[new Uri(url).Port] = (service, end);
            proxy.ConnectionString = proxy.ConnectionString.Replace(end, url, StringComparison.Ordinal);
        }

        return proxy;
    }

    public async ValueTask DisposeAsync()
    {
        await _app.DisposeAsync();
        _client.Dispose();
    }

    private async Task CarryAsync(HttpContext context, IHttpForwarder forwarder)
    {
        var (service, end) = _ends[context.Connection.LocalPort];
        // As it was sent: the client has signed it so.
        var target = context.Features.Get<IHttpRequestFeature>()!.RawTarget;
        switch (OnCall(new StorageCall(service, context.Request.Method, target)))
        {
            case Fault.Answer answer:
                context.Response.StatusCode = answer.Status;
                context.Response.Headers.RetryAfter = answer.RetryAfter;
                return;
            case Fault.Silence:
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return;
            case Fault.Cut { BeforeStorage: true } cut:
                cut.Then?.Invoke();
                context.Abort();
                return;
            case Fault.Cut cut:
                await forwarder.SendAsync(context, end, _client, ForwarderRequestConfig.Empty, new FaultTransformer(end + target, cut.Then ?? (() => { })));
                return;
            default:
                await forwarder.SendAsync(context, end, _client, ForwarderRequestConfig.Empty, new FaultTransformer(end + target, null));
                return;
        }
    }

    private static Regex Endpoint(string service) =>
        new(string.Create(CultureInfo.InvariantCulture, $"{service}Endpoint=(http://[^/;]+)"), RegexOptions.IgnoreCase);

    private sealed class FaultTransformer(string address, Action? cutAfter) : HttpTransformer
    {
        public override async ValueTask TransformRequestAsync(HttpContext httpContext, HttpRequestMessage proxyRequest, string destinationPrefix, CancellationToken cancellationToken)
        {
            await base.TransformRequestAsync(httpContext, proxyRequest, destinationPrefix, cancellationToken);
            proxyRequest.RequestUri = new Uri(address, new UriCreationOptions { DangerousDisablePathAndQueryCanonicalization = true });
        }

        public override ValueTask<bool> TransformResponseAsync(HttpContext httpContext, HttpResponseMessage? proxyResponse, CancellationToken cancellationToken)
        {
            if (cutAfter is null)
            {
                return base.TransformResponseAsync(httpContext, proxyResponse, cancellationToken);
            }

            // The answer has begun to come, so storage has done what it was asked.
            cutAfter();
            httpContext.Abort();
            return ValueTask.FromResult(false);
        }
    }
}
