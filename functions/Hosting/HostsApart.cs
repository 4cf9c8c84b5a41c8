using System.Net;
using Microsoft.Extensions.Primitives;

namespace StsFunctions.Hosting;

/// <summary>Who an endpoint is for.</summary>
internal enum Audience
{
    /// <summary>The Functions host itself, over loopback: the readiness probe and invocations.</summary>
    FunctionsHost,

    /// <summary>Callers of the app's own host name: senders who post reports, <c>api/</c>, and whatever else is for people.</summary>
    App,

    /// <summary>Senders, who ask a policy host.</summary>
    PolicyHost,
}

/// <summary>
/// Finds the host name that the client asked for, and lets each endpoint be reached under the names that it is for
/// and no other; from then on it is the request's <c>Host</c>, without a port. On a policy host only the policy path answers. Everything else is 404, with nothing echoed.
/// </summary>
internal sealed class HostsApart(AppHosts appHosts, EdgeSettings edge)
{
    public Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        var publicHost = PublicHostOf(context.Request);
        if (publicHost is not null)
        {
            context.Request.Headers.Host = publicHost;
        }

        var audience = publicHost switch
        {
            null => Audience.FunctionsHost,
            _ when appHosts.Contains(publicHost) => EdgeAudience(context.Request),
            _ => Audience.PolicyHost,
        };

        if (context.GetEndpoint()?.Metadata.GetMetadata<AudienceMetadata>()?.Audience == audience)
        {
            return next(context);
        }

        context.SetEndpoint(null);
        context.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }

    /// <summary>
    /// Front Door asks the app under the app's own name, and says which policy host it was asked for. The app's name is
    /// open to everybody, so that word counts from one of our own profiles alone, and all it can ever do is turn a
    /// request to the app into one to a policy host: whoever learns a profile's id reaches what is public anyway.
    /// </summary>
    private Audience EdgeAudience(HttpRequest request)
    {
        if (edge.PolicyHostOf(request.Headers) is not { } policyHost)
        {
            return Audience.App;
        }

        request.Headers.Host = NameOf(policyHost);
        return Audience.PolicyHost;
    }

    /// <summary>
    /// The host name of the client's request; null when the Functions host speaks for itself. A forwarding host keeps
    /// <c>Host</c>, and a client's own X-Forwarded-Host with it; a proxying host puts loopback into <c>Host</c> and
    /// overwrites X-Forwarded-Host. So X-Forwarded-Host counts only behind a loopback <c>Host</c>.
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

/// <summary>Carries an endpoint's audience.</summary>
internal sealed record AudienceMetadata(Audience Audience);
