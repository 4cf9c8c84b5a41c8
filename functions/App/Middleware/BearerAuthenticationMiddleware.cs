using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using StsFunctions.App.Authentication;
using StsFunctions.App.Http;

namespace StsFunctions.App.Middleware;

/// <summary>Restricts a function with <c>[Authorize]</c> to callers whose access token has one of its roles.</summary>
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
