using Microsoft.Azure.Functions.Worker;
using Microsoft.Net.Http.Headers;
using StsFunctions.App.Middleware;
using StsFunctions.Protocol;
using StsFunctions.Storage.Domains;
using StsFunctions.UseCases.Policies;

namespace StsFunctions.App.Functions;

/// <summary>HTTP: serves the policy of the requested host name (RFC 8461 §3.3).</summary>
/// <remarks>It is public, so that the generated executor calls it directly: other methods are called by reflection.</remarks>
public sealed class ServePolicy
{
    private const string PolicyHostLabel = "mta-sts.";
    private const string ContentType = "text/plain; charset=utf-8";

    private readonly PolicyCache _cache;
    private readonly ILogger<ServePolicy> _log;

    internal ServePolicy(PolicyCache cache, ILogger<ServePolicy> log) => (_cache, _log) = (cache, log);

    /// <summary>Responds with the policy of the request's host; 404 if none is hosted, 503 while storage is down and no copy is recent enough.</summary>
    [Function(nameof(ServePolicy))]
    [EndpointHost(EndpointHost.Policy)]
    public async Task RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = ".well-known/mta-sts.txt")] HttpRequest request)
    {
        var context = request.HttpContext;
        // Use the raw header: A-labels stay A-labels.
        if (PolicyDomainOf(context.Request.Headers.Host.ToString()) is not { } domain)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        try
        {
            var policy = await _cache.GetAsync(domain, context.RequestAborted);
            if (policy is null)
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return;
            }

            await AnswerAsync(context, policy);
        }
        catch (PolicyUnavailableException e)
        {
            _log.LogError(e, "No policy to serve for {Domain}", domain);
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.RetryAfter = "10";
        }
    }

    private static async Task AnswerAsync(HttpContext context, ServedPolicy policy)
    {
        var headers = context.Response.Headers;
        // An intermediary may store a copy, but must revalidate it before each use: no old policy after an update (GET-4).
        headers.CacheControl = "no-cache";
        headers.XContentTypeOptions = "nosniff";
        if (context.Request.Headers is { IfMatch.Count: > 0 } or { IfNoneMatch.Count: > 0 })
        {
            // Evaluates the conditions (RFC 9110 §13.2): 304, 412, or the whole.
            await Results.Bytes(policy.Bytes, ContentType, entityTag: new EntityTagHeaderValue(policy.EntityTag)).ExecuteAsync(context);
            return;
        }

        headers.ContentType = ContentType;
        headers.ETag = policy.EntityTag;
        headers.ContentLength = policy.Bytes.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.BodyWriter.WriteAsync(policy.Bytes, CancellationToken.None);
        }
    }

    private static DomainName? PolicyDomainOf(string host) =>
        host.StartsWith(PolicyHostLabel, StringComparison.OrdinalIgnoreCase)
        && DomainName.TryParse(host[PolicyHostLabel.Length..], out var domain)
            ? domain
            : null;
}
