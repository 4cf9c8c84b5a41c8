using System.Net;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using Microsoft.Extensions.Primitives;
using StsFunctions.Hosting;
using StsFunctions.Options;

namespace StsFunctions.Middleware;

/// <summary>
/// Finds the host name that the client asked for, and lets each HTTP function be reached under the name that it states
/// (<see cref="EndpointHostAttribute"/>) and no other; from then on it is the request's <c>Host</c>, without a port.
/// Everything else is 404, with nothing of the request in the answer.
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

        // Front Door asks the app under the app's own name, and says which policy host it was asked for. The app's name is
        // open to everybody, so that word counts from the operator's own profiles alone, and all it can ever do is turn a
        // request to the app into one to a policy host: whoever learns a profile's id reaches what is public anyway.
        if (!frontDoor.IsOwnProfile(request.Headers[FrontDoorOptions.FrontDoorId].ToString())
            || request.Headers[FrontDoorOptions.PolicyHost].ToString() is not { Length: > 0 } policyHost)
        {
            return EndpointHost.App;
        }

        request.Headers.Host = NameOf(policyHost);
        return EndpointHost.Policy;
    }

    /// <summary>
    /// The host name of the client's request; null for one that did not come through the Functions host. The Functions host passes requests on by loopback: it
    /// puts loopback into <c>Host</c> and overwrites X-Forwarded-Host, which therefore counts behind a loopback <c>Host</c> alone.
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

    // Not by Request.Host: it turns A-labels into U-labels, which throws where there is none and need not lead back.
    private static string NameOf(StringValues header) => new HostString(header.ToString()).Host;

    private static bool IsLoopback(string host) =>
        host.Equals("localhost", StringComparison.OrdinalIgnoreCase)
        || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));
}
