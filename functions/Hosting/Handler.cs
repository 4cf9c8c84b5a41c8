using System.Globalization;
using System.Net;
using StsFunctions.Api;
using StsFunctions.CheckDomain;
using StsFunctions.FetchReportMail;
using StsFunctions.IngestReport;
using StsFunctions.JudgeReports;
using StsFunctions.ReceiveMail;
using StsFunctions.ReceiveReport;
using StsFunctions.ScheduleChecks;
using StsFunctions.SendWarning;
using StsFunctions.ServePolicy;
using StsFunctions.SweepStorage;

namespace StsFunctions.Hosting;

/// <summary>The custom handler: the HTTP server that the Functions host starts and calls over loopback.</summary>
internal static class Handler
{
    /// <summary>The Functions host names the port here.</summary>
    public const string PortVariable = "FUNCTIONS_CUSTOMHANDLER_PORT";

    /// <summary>A setting is wrong.</summary>
    public const int WrongSettings = 2;

    // The host never stops a handler politely, and never restarts one that exits 0: any end is a fault.
    private const int Ended = 1;

    /// <summary>Serves until killed. Returns only when something is wrong, and never 0.</summary>
    public static async Task<int> RunAsync(string port)
    {
        var settings = Settings.Read(Environment.GetEnvironmentVariables(), out var faults);
        if (!ushort.TryParse(port, NumberStyles.None, CultureInfo.InvariantCulture, out var number) || number == 0)
        {
            faults = [.. faults, $"{PortVariable}: \"{port}\" is not a port; the Functions host sets it."];
        }

        if (faults.Count > 0)
        {
            foreach (var fault in faults)
            {
                await Console.Error.WriteLineAsync(fault);
            }

            return WrongSettings;
        }

        await using var app = Build(settings, number, MapFunctions);
        await app.RunAsync();
        return Ended;
    }

    /// <summary>The server, listening on loopback once it is started, with the functions that <paramref name="map"/> maps.</summary>
    public static WebApplication Build(Settings settings, int port, Action<IEndpointRouteBuilder> map, Action<WebApplicationBuilder>? configure = null)
    {
        // Empty: no configuration files to watch, which costs a cold start more than everything else together.
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel =>
        {
            // Said outright, since the environment that the host hands down may hold ASPNETCORE_URLS.
            kestrel.Listen(IPAddress.Loopback, port);
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = null;
        });
        builder.Services.AddRoutingCore();
        builder.AddTelemetry(settings.Telemetry);
        builder.Services.AddStsFunctions(settings);
        configure?.Invoke(builder);

        var app = builder.Build();
        app.UseRouting();
        var hostsApart = app.Services.GetRequiredService<HostsApart>();
        app.Use(next => context => hostsApart.InvokeAsync(context, next));
        map(app);
        return app;
    }

    /// <summary>Every function of the app.</summary>
    public static void MapFunctions(IEndpointRouteBuilder app)
    {
        // All services are singletons: the root finds them without the scope that a request's own services begin.
        var root = app.ServiceProvider;

        // The host polls this until it answers, then starts to call.
        app.MapHttp("/", Audience.FunctionsHost, [HttpMethods.Get], _ => Task.CompletedTask);

        app.MapHttp(ServePolicyFunction.Path, Audience.PolicyHost, [HttpMethods.Get, HttpMethods.Head], context =>
            root.GetRequiredService<ServePolicyFunction>().RunAsync(context));
        app.MapHttp(ReceiveReportFunction.Path, Audience.App, [HttpMethods.Post], context =>
            root.GetRequiredService<ReceiveReportFunction>().RunAsync(context));
        app.MapHttp(ReceiveMailFunction.Path, Audience.App, [HttpMethods.Post], context =>
            root.GetRequiredService<ReceiveMailFunction>().RunAsync(context));
        app.MapHttp(ApiFunction.Path, Audience.App, ApiFunction.Methods, context =>
            root.GetRequiredService<ApiFunction>().RunAsync(context));

        app.MapTimer("ScheduleChecks", (services, cancellation) => services.GetRequiredService<ScheduleChecksFunction>().RunAsync(cancellation));
        app.MapTimer("JudgeReports", (services, cancellation) => services.GetRequiredService<JudgeReportsFunction>().RunAsync(cancellation));
        app.MapTimer("SweepStorage", (services, cancellation) => services.GetRequiredService<SweepStorageFunction>().RunAsync(cancellation));
        app.MapTimer("FetchReportMail", (services, cancellation) => services.GetRequiredService<FetchReportMailFunction>().RunAsync(cancellation));
        app.MapTimer("SendWarning", (services, cancellation) => services.GetRequiredService<SendWarningFunction>().RunAsync(cancellation));
        app.MapQueue("CheckDomain", (services, message, cancellation) => services.GetRequiredService<CheckDomainFunction>().RunAsync(message, cancellation));
        app.MapQueue("IngestReport", (services, message, cancellation) => services.GetRequiredService<IngestReportFunction>().RunAsync(message, cancellation));
    }
}
