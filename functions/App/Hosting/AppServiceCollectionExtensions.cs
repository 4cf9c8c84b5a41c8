using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Core.FunctionMetadata;
using StsFunctions.App.Authentication;
using StsFunctions.App.Functions;
using StsFunctions.App.Options;
using StsFunctions.Core.Options;
using StsFunctions.UseCases.Hosting;
using StsFunctions.UseCases.Policies;

namespace StsFunctions.App.Hosting;

/// <summary>The services of the app. Each is created when it is first needed, so that serving a policy after a cold start creates nothing else.</summary>
internal static class AppServiceCollectionExtensions
{
    private const int MaxRequestBufferSize = 64 * 1024;

    /// <summary>Adds all services of the functions.</summary>
    public static IServiceCollection AddStsFunctions(this IServiceCollection services)
    {
        services.AddOptions<AuthOptions, AuthOptionsValidator>(AuthOptions.Bind);
        services.AddOptions(FrontDoorOptions.Bind);
        services.AddOptions(FunctionSetOptions.Bind);
        services.AddOptions(TelemetryOptions.Bind);
        services.AddStsCore();
        services.AddStsStorage();

        services.AddSingleton<IFunctionMetadataTransformer, FunctionSetFilter>();
        services.Configure<KestrelServerOptions>(kestrel =>
        {
            kestrel.AddServerHeader = false;
            // Each function limits its own request bodies.
            kestrel.Limits.MaxRequestBodySize = null;
            // The default is a megabyte per connection, held for every body that is refused or waits. Each reader counts what it reads.
            kestrel.Limits.MaxRequestBufferSize = MaxRequestBufferSize;
        });
        services.Configure<SocketTransportOptions>(sockets => sockets.MaxReadBufferSize = MaxRequestBufferSize);
        // HostFilteringMiddleware reads the raw headers: the framework converts A-labels to U-labels, and throws on invalid ones.
        services.Configure<ForwardedHeadersOptions>(forwarded => forwarded.ForwardedHeaders = ForwardedHeaders.None);
        services.AddSingleton<IFunctionActivator, SingletonFunctionActivator>();
        services.AddSingleton(provider => new ServePolicy(provider.GetRequiredService<PolicyCache>(), provider.GetRequiredService<ILogger<ServePolicy>>()));
        services.AddSingleton<PostRateLimiter>();
        services.AddSingleton<BearerTokens>();
        return services;
    }
}
