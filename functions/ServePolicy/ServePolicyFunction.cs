using Microsoft.Net.Http.Headers;
using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.ServePolicy;

/// <summary>HTTP: a policy, by the host name that it was asked for (RFC 8461 §3.3).</summary>
internal sealed class ServePolicyFunction(PolicyCache cache, ILogger<ServePolicyFunction> log)
{
    /// <summary>The path at every policy host.</summary>
    public const string Path = "/.well-known/mta-sts.txt";

    private const string PolicyHostLabel = "mta-sts.";

    public async Task RunAsync(HttpContext context)
    {
        // The header as it stands: A-labels stay A-labels.
        if (PolicyDomainOf(context.Request.Headers.Host.ToString()) is not { } domain)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        try
        {
            var policy = await cache.GetAsync(domain, context.RequestAborted);
            if (policy is null)
            {
                context.Response.StatusCode = StatusCodes.Status404NotFound;
                return;
            }

            await AnswerAsync(context, policy);
        }
        catch (PolicyUnavailableException e)
        {
            log.LogError(e, "No policy to serve for {Domain}", domain);
            context.Response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            context.Response.Headers.RetryAfter = "10";
        }
    }

    private static async Task AnswerAsync(HttpContext context, ServedPolicy policy)
    {
        // An intermediary may keep a copy, but must ask before each use: no old policy after an update (GET-4).
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        // Answers If-None-Match with 304 and HEAD without a body.
        await Results.Bytes(policy.Bytes, "text/plain; charset=utf-8", entityTag: new EntityTagHeaderValue(policy.EntityTag)).ExecuteAsync(context);
    }

    private static DomainName? PolicyDomainOf(string host) =>
        host.StartsWith(PolicyHostLabel, StringComparison.OrdinalIgnoreCase)
        && DomainName.TryParse(host[PolicyHostLabel.Length..], out var domain)
            ? domain
            : null;
}
