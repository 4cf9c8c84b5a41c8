using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using StsFunctions.Hosting;
using Xunit;

namespace StsFunctions.Tests.Hosting;

/// <summary>The app's own server on a free loopback port, over a storage account.</summary>
internal sealed class RunningHandler : IAsyncDisposable
{
    public const string AppHost = "app.hosting.example";

    private readonly WebApplication _app;

    private RunningHandler(WebApplication app, IPEndPoint endPoint, RecordedLog log) => (_app, EndPoint, Log) = (app, endPoint, log);

    public IPEndPoint EndPoint { get; }

    public RecordedLog Log { get; }

    public T Service<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    /// <summary>Starts it, with all its functions or with those that a test maps, and with its own services or with some of a test's.</summary>
    public static async Task<RunningHandler> StartAsync(
        string connectionString, Action<IEndpointRouteBuilder>? map = null, Action<IServiceCollection>? services = null, params (string Name, string Value)[] more)
    {
        var environment = new Dictionary<string, string> { ["AzureWebJobsStorage"] = connectionString, ["Sts__AppHost"] = AppHost };
        foreach (var (name, value) in more)
        {
            environment[name] = value;
        }

        var settings = Settings.Read(environment, out var faults);
        Assert.Empty(faults);
        var log = new RecordedLog();
        var app = Handler.Build(settings, port: 0, map ?? Handler.MapFunctions, builder =>
        {
            builder.Logging.ClearProviders().AddProvider(log);
            services?.Invoke(builder.Services);
        });
        await app.StartAsync(TestContext.Current.CancellationToken);
        return new RunningHandler(app, IPEndPoint.Parse(new Uri(app.Urls.Single()).Authority), log);
    }

    public Task<RawAnswer> SendAsync(string head, ReadOnlyMemory<byte> body = default) =>
        RawHttp.SendAsync(EndPoint, head, body, TestContext.Current.CancellationToken);

    /// <summary>A request as a proxying Functions host passes it on.</summary>
    public Task<RawAnswer> AskAsync(string method, string path, string publicHost, params string[] headers) =>
        SendAsync($"{method} {path} HTTP/1.1\nHost: 127.0.0.1:{EndPoint.Port}\nX-Forwarded-Host: {publicHost}\n{string.Concat(headers.Select(h => h + "\n"))}");

    /// <summary>An invocation as the Functions host posts it.</summary>
    public Task<RawAnswer> InvokeAsync(string function, string body) => SendAsync(
        $"POST /{function} HTTP/1.1\nHost: 127.0.0.1:{EndPoint.Port}\nTransfer-Encoding: chunked\nContent-Type: application/json; charset=utf-8",
        System.Text.Encoding.UTF8.GetBytes(body));

    public ValueTask DisposeAsync() => _app.DisposeAsync();
}
