using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using StsFunctions.Api;

namespace StsFunctions.Middleware;

/// <summary>Lets a function that is marked with <c>[Authorize]</c> be called by those alone whose access token carries one of its roles.</summary>
internal sealed class BearerAuthenticationMiddleware(BearerTokens tokens) : IFunctionsWorkerMiddleware
{
    public async Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
    {
        var http = context.GetHttpContext()!;
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        var caller = await tokens.CallerOfAsync(http);
        if (!caller.IsAny(FunctionMethod.Of(context.FunctionDefinition).Roles!))
        {
            throw ProblemException.Forbidden("None of your roles may do this; docs/API.md says which may.");
        }

        http.Features.Set(caller);
        await next(context);
    }
}
