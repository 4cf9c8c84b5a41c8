using System.Net;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.Primitives;
using StsFunctions.App.Options;
using StsFunctions.Core.Hosts;

namespace StsFunctions.App.Middleware;

/// <summary>
/// Determines the host name that the client requested, and makes each HTTP function reachable only under the name that it declares
/// (<see cref="EndpointHostAttribute"/>); it then becomes the request's <c>Host</c>, without a port.
/// Everything else is 404, and the response repeats nothing of the request.
/// </summary>
internal sealed class HostFilteringMiddleware(AppHostOptions appHosts, FrontDoorOptions frontDoor) : IFunctionsWorkerMiddleware
{
    public Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
    {
        if (context.GetHttpContext() is not { } http)
        {
            return next(context);
        }

        if (FunctionMethod.Of(context.FunctionDefinition).Host == HostOf(http.Request))
        {
            return next(context);
        }

        http.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    private EndpointHost? HostOf(HttpRequest request)
    {
        if (PublicHostOf(request) is not { } publicHost)
        {
            return null;
        }

        request.Headers.Host = publicHost;
        if (!appHosts.Contains(publicHost))
        {
            return EndpointHost.Policy;
        }

        // Front Door calls the app by the app's own name and passes the requested policy host in a header. Anybody may call that
        // name, so the header counts only from the operator's own profiles. It can only turn a
        // request to the app into one to a policy host: a caller who learns a profile's id reaches only public data.
        if (!frontDoor.IsOwnProfile(request.Headers[FrontDoorOptions.FrontDoorId].ToString())
            || request.Headers[FrontDoorOptions.PolicyHost].ToString() is not { Length: > 0 } policyHost)
        {
            return EndpointHost.App;
        }

        request.Headers.Host = NameOf(policyHost);
        return EndpointHost.Policy;
    }

    /// <summary>
    /// The host name of the client's request; null if the request did not come through the Functions host. The Functions host forwards requests by loopback: it
    /// puts loopback into <c>Host</c> and overwrites X-Forwarded-Host, which therefore counts only with a loopback <c>Host</c>.
    /// </summary>
    private static string? PublicHostOf(HttpRequest request)
    {
        var host = NameOf(request.Headers.Host);
        if (!IsLoopback(host))
        {
            return host;
        }

        var forwarded = request.Headers["X-Forwarded-Host"];
        return forwarded.Count == 0 ? null : NameOf(forwarded);
    }

    // Request.Host would convert A-labels to U-labels, which throws on invalid ones and cannot always be reversed.
    private static string NameOf(StringValues header) => new HostString(header.ToString()).Host;

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
