using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Hosting;

namespace StsFunctions.Middleware;

/// <summary>What stands before every function.</summary>
internal static class MiddlewareExtensions
{
    /// <summary>Adds the app's middleware, the outermost first.</summary>
    public static IFunctionsWorkerApplicationBuilder UseStsMiddleware(this IFunctionsWorkerApplicationBuilder builder)
    {
        builder.UseMiddleware<ProblemDetailsMiddleware>();
        builder.UseMiddleware<HostFilteringMiddleware>();
        // Made when the first token is needed: who serves policies never waits for it.
        builder.UseWhen<BearerAuthenticationMiddleware>(context => FunctionMethod.Of(context.FunctionDefinition).Roles is not null);
        builder.UseMiddleware<StorageLayoutMiddleware>();
        return builder;
    }
}
