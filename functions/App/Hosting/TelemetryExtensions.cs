using Azure.Identity;
using Azure.Monitor.OpenTelemetry.Exporter;
using Microsoft.Azure.Functions.Worker.OpenTelemetry;
using Microsoft.Extensions.Hosting;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using StsFunctions.App.Options;
using StsFunctions.Core.Options;

namespace StsFunctions.App.Hosting;

/// <summary>Sends logs to the Functions host always, and traces, metrics and logs to Azure Monitor if a connection string is set.</summary>
internal static class TelemetryExtensions
{
    /// <summary>Adds logging and, if it is set, the exporter.</summary>
    public static void AddTelemetry(this IHostApplicationBuilder builder)
    {
        var options = TelemetryOptions.Bind(new SettingsBinder(builder.Configuration));
        builder.Logging
            .AddFilter("Microsoft", LogLevel.Warning)
            // It logs nothing above Information, but starts a span and a scope for every request if logging is enabled.
            .AddFilter("Microsoft.AspNetCore.Hosting.Diagnostics", LogLevel.None)
            .AddFilter("Azure", LogLevel.Warning)
            .SetMinimumLevel(LogLevel.Information);

        if (options.ConnectionString is not null)
        {
            builder.AddExporter(options);
        }
    }

    // A separate method, so that without an exporter none of its assemblies is loaded.
    private static void AddExporter(this IHostApplicationBuilder builder, TelemetryOptions options)
    {
        var telemetry = builder.Services.AddOpenTelemetry();
        telemetry.UseFunctionsWorkerDefaults();
        telemetry
            .ConfigureResource(resource => resource.AddService("StsFunctions"))
            .WithTracing(traces => traces.AddAzureMonitorTraceExporter(Configure))
            .WithMetrics(metrics => metrics
                .AddAspNetCoreInstrumentation()
                .AddAzureMonitorMetricExporter(Configure));
        builder.Logging.AddOpenTelemetry(logs => logs.AddAzureMonitorLogExporter(Configure));

        void Configure(AzureMonitorExporterOptions exporter)
        {
            exporter.ConnectionString = options.ConnectionString;
            // A rate limit counts from a process's start, and most processes are short: retain every span.
            exporter.TracesPerSecond = null;
            exporter.SamplingRatio = 1;
            exporter.Credential = CredentialOf(options.AuthenticationString);
        }
    }

    // In the format of the Functions host: ClientId=<id>;Authorization=AAD.
    private static ManagedIdentityCredential? CredentialOf(string? authentication)
    {
        if (authentication?.Contains("Authorization=AAD", StringComparison.OrdinalIgnoreCase) != true)
        {
            return null;
        }

        var clientId = authentication.Split(';')
            .Select(part => part.Split('=', 2))
            .FirstOrDefault(pair => pair is [var name, _] && name.Trim().Equals("ClientId", StringComparison.OrdinalIgnoreCase))?[1].Trim();
        return new ManagedIdentityCredential(clientId is null ? ManagedIdentityId.SystemAssigned : ManagedIdentityId.FromUserAssignedClientId(clientId));
    }
}
