using Microsoft.Azure.Functions.Worker.Core.FunctionMetadata;
using StsFunctions.Api;
using StsFunctions.Functions;
using StsFunctions.Options;

namespace StsFunctions.Hosting;

/// <summary>The services of the app. Everything is made when it is first needed, so that a policy served from cold pays for nothing else.</summary>
internal static class AppServiceCollectionExtensions
{
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
        services.AddSingleton<PostRate>();
        services.AddSingleton<BearerTokens>();
        return services;
    }
}
