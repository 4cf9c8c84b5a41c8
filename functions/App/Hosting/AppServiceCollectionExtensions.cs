using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Core.FunctionMetadata;
using StsFunctions.Api;
using StsFunctions.Functions;
using StsFunctions.Options;
using StsFunctions.Serving;

namespace StsFunctions.Hosting;

/// <summary>The services of the app. Everything is made when it is first needed, so that a policy served from cold pays for nothing else.</summary>
internal static class AppServiceCollectionExtensions
{
    private const int MaxRequestBufferSize = 64 * 1024;

    /// <summary>Adds everything that the functions are made of.</summary>
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
            // Each function bounds the bodies that it takes.
            kestrel.Limits.MaxRequestBodySize = null;
            // Of each connection, a megabyte where nothing is set, and held for every body that is refused or waits. What is read is counted by who reads it.
            kestrel.Limits.MaxRequestBufferSize = MaxRequestBufferSize;
        });
        services.Configure<SocketTransportOptions>(sockets => sockets.MaxReadBufferSize = MaxRequestBufferSize);
        // HostFilteringMiddleware reads the headers as they came: the framework's own reading turns A-labels into U-labels, and throws where there is none.
        services.Configure<ForwardedHeadersOptions>(forwarded => forwarded.ForwardedHeaders = ForwardedHeaders.None);
        services.AddSingleton<IFunctionActivator, SingletonFunctionActivator>();
        services.AddSingleton(provider => new ServePolicy(provider.GetRequiredService<PolicyCache>(), provider.GetRequiredService<ILogger<ServePolicy>>()));
        services.AddSingleton<PostRate>();
        services.AddSingleton<BearerTokens>();
        return services;
    }
}
