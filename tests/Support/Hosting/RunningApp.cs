using System.Net;
using System.Reflection;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using StsFunctions.App.Hosting;
using StsFunctions.App.Middleware;
using Xunit;

namespace StsFunctions.Tests.Hosting;

/// <summary>
/// The app's functions, middleware and services on a free loopback port, over a storage account, without a Functions host:
/// routes and methods are those of the functions' own triggers, and requests come as the host passes them on.
/// </summary>
internal sealed class RunningApp : IAsyncDisposable
{
    public const string AppHost = "app.hosting.example";

    private readonly WebApplication _app;

    private RunningApp(WebApplication app, RecordedLog log) => (_app, EndPoint, Log) = (app, IPEndPoint.Parse(new Uri(app.Urls.Single()).Authority), log);

    public IPEndPoint EndPoint { get; }

    public RecordedLog Log { get; }

    public T Service<T>()
        where T : notnull => _app.Services.GetRequiredService<T>();

    /// <summary>Starts it, with its own services or with some of a test's.</summary>
    public static async Task<RunningApp> StartAsync(string connectionString, Action<IServiceCollection>? services = null, params (string Name, string Value)[] more)
    {
        var environment = new Dictionary<string, string> { ["AzureWebJobsStorage"] = connectionString, ["Sts__AppHost"] = AppHost };
        foreach (var (name, value) in more)
        {
            environment[name] = value;
        }

        var log = new RecordedLog();
        var builder = WebApplication.CreateSlimBuilder();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Configuration.AddInMemoryCollection(TestSettings.AsConfiguration(environment));
        builder.Logging.ClearProviders().AddProvider(log);
        // As the worker's ASP.NET Core integration has it, before the app's own services.
        builder.Services.Configure<ForwardedHeadersOptions>(options => options.ForwardedHeaders = ForwardedHeaders.All);
        builder.Services.AddStsFunctions();
        var pipeline = new TestPipeline(builder.Services);
        pipeline.UseStsMiddleware();
        services?.Invoke(builder.Services);

        var app = builder.Build();
        app.UseForwardedHeaders();
        app.UseRouting();
        foreach (var function in Functions.Where(function => function.Trigger is HttpTriggerAttribute))
        {
            Map(app, function, pipeline);
        }

        await app.StartAsync(TestContext.Current.CancellationToken);
        return new RunningApp(app, log);
    }

    public Task<RawAnswer> SendAsync(string head, ReadOnlyMemory<byte> body = default) =>
        RawHttp.SendAsync(EndPoint, head, body, TestContext.Current.CancellationToken);

    /// <summary>A request as the Functions host passes it on.</summary>
    public Task<RawAnswer> AskAsync(string method, string path, string publicHost, params string[] headers) =>
        SendAsync($"{method} {path} HTTP/1.1\nHost: 127.0.0.1:{EndPoint.Port}\nX-Forwarded-Host: {publicHost}\n{string.Concat(headers.Select(h => h + "\n"))}");

    /// <summary>Runs a timer function once.</summary>
    public Task RunTimerAsync(string function)
    {
        var (_, method, _) = Functions.Single(f => f.Name == function);
        var instance = ActivatorUtilities.CreateInstance(_app.Services, method.DeclaringType!);
        return (Task)method.Invoke(instance, [new TimerInfo(), TestContext.Current.CancellationToken])!;
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    /// <summary>Every function of the app, by its attributes.</summary>
    public static IReadOnlyList<(string Name, MethodInfo Method, object Trigger)> Functions { get; } =
    [
        .. from type in typeof(EndpointHostAttribute).Assembly.GetTypes()
           from method in type.GetMethods()
           let function = method.GetCustomAttribute<FunctionAttribute>()
           where function is not null
           select (function.Name, method, method.GetParameters()[0].GetCustomAttributes().First(a => a is HttpTriggerAttribute or TimerTriggerAttribute or QueueTriggerAttribute)),
    ];

    private static void Map(WebApplication app, (string Name, MethodInfo Method, object Trigger) function, TestPipeline pipeline)
    {
        var trigger = (HttpTriggerAttribute)function.Trigger;
        var definition = new TestFunctionDefinition(function.Name, $"{function.Method.DeclaringType!.FullName}.{function.Method.Name}");
        var activator = app.Services.GetRequiredService<IFunctionActivator>();
        var run = pipeline.Build(context => (Task)function.Method.Invoke(
            activator.CreateInstance(function.Method.DeclaringType!, context), [context.GetHttpContext()!.Request])!);
        app.Map(trigger.Route!, (RequestDelegate)(http =>
        {
            if (trigger.Methods!.Contains(http.Request.Method, StringComparer.OrdinalIgnoreCase))
            {
                return run(new TestFunctionContext(http, definition));
            }

            // The Functions host's answer to a wrong method.
            http.Response.StatusCode = StatusCodes.Status404NotFound;
            return Task.CompletedTask;
        }));
    }
}
