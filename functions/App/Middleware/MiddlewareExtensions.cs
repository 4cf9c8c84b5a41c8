using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Hosting;

namespace StsFunctions.App.Middleware;

/// <summary>The middleware in front of every function.</summary>
internal static class MiddlewareExtensions
{
    /// <summary>Adds the app's middleware, the outermost first.</summary>
    public static IFunctionsWorkerApplicationBuilder UseStsMiddleware(this IFunctionsWorkerApplicationBuilder builder)
    {
        builder.UseMiddleware<ProblemDetailsMiddleware>();
        builder.UseMiddleware<HostFilteringMiddleware>();
        // It is created with the first token: serving policies never waits for it.
        builder.UseWhen<BearerAuthenticationMiddleware>(context => FunctionMethod.Of(context.FunctionDefinition).Roles is not null);
        builder.UseMiddleware<StorageLayoutMiddleware>();
        return builder;
    }
}
