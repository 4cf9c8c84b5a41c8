using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Yarp.ReverseProxy.Forwarder;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>The host's HTTP front end: the functions' routes, the administrators' API, and the home page.</summary>
internal sealed class HttpFrontEnd : IAsyncDisposable
{
    private const long LargestBody = 100 * 1024 * 1024;
    private const string HomePage = "<!DOCTYPE html><html><head><title>Your Functions host is up and running</title></head><body>Your Functions host is up and running</body></html>";

    private readonly WebApplication _app;

    public HttpFrontEnd(FunctionsHostOptions options, ActivityCount activity)
    {
        Activity = activity;
        Options = options;
        // Empty: neither the environment nor a settings file of this process applies.
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            kestrel.Limits.MaxRequestBodySize = LargestBody;
            kestrel.Listen(IPAddress.Loopback, options.HttpPort);
        });
        builder.Services.AddRoutingCore().AddHttpForwarder();
        _app = builder.Build();
        Proxy = new HttpProxy(_app.Services.GetRequiredService<IHttpForwarder>());
    }

    /// <summary>The proxy to the worker.</summary>
    public HttpProxy Proxy { get; }

    /// <summary>Known once started.</summary>
    public Uri Address { get; private set; } = new("http://127.0.0.1");

    private FunctionsHostOptions Options { get; }

    private ActivityCount Activity { get; }

    /// <summary>Serves the functions' routes; <paramref name="invoke"/> starts a function for an administrator, or reports that it can't.</summary>
    public async Task StartAsync(IEnumerable<FunctionDefinition> functions, Invoker invoker, Func<string, string, int> invoke, CancellationToken cancellationToken)
    {
        _app.Use(ApplyForwardedHeadersAsync);
        _app.UseRouting();
        foreach (var function in functions.Where(function => !function.IsDisabled))
        {
            if (function.Trigger is not HttpTrigger http)
            {
                continue;
            }

            RequestDelegate serve = context => ServeAsync(context, function, invoker);
            _ = http.Methods.Count > 0 ? _app.MapMethods(http.Route, http.Methods, serve) : _app.Map(http.Route, serve);
        }

        _app.MapPost("/admin/functions/{name}", context => AsAdministratorAsync(context, () => InvokeAsync(context, invoke)));
        _app.MapGet("/admin/host/status", context => AsAdministratorAsync(context, () => WriteAsync(context, new() { ["state"] = "Running", ["version"] = FunctionsHostEmulator.HostVersion })));
        _app.MapGet("/admin/host/drain/status", context => AsAdministratorAsync(context, () => WriteAsync(context, new() { ["state"] = "Disabled", ["outstandingInvocations"] = Activity.Running, ["outstandingRetries"] = 0 })));
        // For requests without a route, including a wrong method, which would otherwise be 405.
        _app.Map("/{**rest}", NoFunctionAsync);
        await _app.StartAsync(cancellationToken);
        Address = new Uri(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
    }

    public async ValueTask DisposeAsync()
    {
        // Do not wait for clients: the worker has ended.
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        Proxy.Dispose();
    }

    // The front end in Azure terminates TLS; the host uses the scheme that it reports.
    private static Task ApplyForwardedHeadersAsync(HttpContext context, RequestDelegate next)
    {
        if (context.Request.Headers["X-Forwarded-Proto"].FirstOrDefault() is { Length: > 0 } scheme)
        {
            context.Request.Scheme = scheme;
        }

        return next(context);
    }

    private static async Task ServeAsync(HttpContext context, FunctionDefinition function, Invoker invoker)
    {
        // HTTP/1.0 allows it, and the host's proxy fails on it.
        if (!context.Request.Host.HasValue)
        {
            context.Response.StatusCode = StatusCodes.Status500InternalServerError;
            return;
        }

        await invoker.InvokeAsync(function, context);
    }

    private async Task AsAdministratorAsync(HttpContext context, Func<Task> serve)
    {
        if (Options.AdminKey is { } key
            && !CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(key), Encoding.UTF8.GetBytes(context.Request.Headers["x-functions-key"].ToString())))
        {
            context.Response.StatusCode = StatusCodes.Status401Unauthorized;
            return;
        }

        await serve();
    }

    private static async Task InvokeAsync(HttpContext context, Func<string, string, int> invoke)
    {
        try
        {
            using var body = await JsonDocument.ParseAsync(context.Request.Body, cancellationToken: context.RequestAborted);
            context.Response.StatusCode = body.RootElement.ValueKind == JsonValueKind.Object
                ? invoke((string)context.Request.RouteValues["name"]!, body.RootElement.Text("input") ?? "")
                : StatusCodes.Status400BadRequest;
        }
        catch (JsonException)
        {
            context.Response.StatusCode = StatusCodes.Status400BadRequest;
        }
    }

    private static async Task WriteAsync(HttpContext context, Dictionary<string, object> answer)
    {
        context.Response.ContentType = "application/json";
        await JsonSerializer.SerializeAsync(context.Response.Body, answer, cancellationToken: context.RequestAborted);
    }

    private Task NoFunctionAsync(HttpContext context)
    {
        if (context.Request.Path != "/")
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }

        if (string.Equals(Options.Settings.GetValueOrDefault("AzureWebJobsDisableHomepage"), bool.TrueString, StringComparison.OrdinalIgnoreCase))
        {
            context.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        }

        context.Response.ContentType = "text/html";
        return context.Response.WriteAsync(HomePage);
    }
}
