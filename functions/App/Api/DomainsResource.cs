using System.Buffers.Text;
using System.Text;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Primitives;
using StsFunctions.App.Authentication;
using StsFunctions.App.Http;
using StsFunctions.App.Middleware;
using StsFunctions.Core.Access;
using StsFunctions.Protocol;
using StsFunctions.UseCases.Access;

namespace StsFunctions.App.Api;

/// <summary><c>api/domains</c>: the hosted domains that a caller may see.</summary>
internal sealed class DomainsResource(AuthorizedDomains domains)
{
    private const int DefaultPageSize = 100;
    private const int MaxPageSize = 500;

    /// <summary><c>GET api/domains?pageSize=…&amp;continuation=…</c></summary>
    [Function("ListDomains")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Readers)]
    public async Task ListAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "api/domains")] HttpRequest request)
    {
        var query = request.Query;
        var size = Query.NumberOf(query["pageSize"], "pageSize", DefaultPageSize, MaxPageSize);
        var after = AfterOf(query["continuation"]);
        // Read one more than requested, which shows whether there is a next page.
        var rows = await domains.ListAsync(request.Caller().VisibleGroups, after, size + 1, request.HttpContext.RequestAborted);
        var page = rows.Take(size).ToList();
        var list = new DomainListJson([.. page.Select(DomainLineJson.Of)], rows.Count > size ? ContinuationAfter(page[^1].Domain) : null);
        await ApiJson.AnswerAsync(request.HttpContext, list, ApiJson.Default.DomainListJson);
    }

    /// <summary><c>GET api/domains/{domain}</c></summary>
    [Function("GetDomain")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Readers)]
    public async Task ReadAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "api/domains/{domain}")] HttpRequest request)
    {
        var groups = request.Caller().VisibleGroups;
        var found = DomainName.TryParse(request.RouteValue("domain"), out var domain) ? await domains.FindAsync(groups, domain, request.HttpContext.RequestAborted) : null;
        await ApiJson.AnswerAsync(request.HttpContext, DomainJson.Of(found ?? throw ProblemException.NoSuchDomain()), ApiJson.Default.DomainJson);
    }

    // The continuation is the last domain, in an opaque form, so that the order may change.
    private static string ContinuationAfter(string domain) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(domain));

    private static DomainName? AfterOf(StringValues text)
    {
        if (text.Count == 0)
        {
            return null;
        }

        var encoded = text.ToString();
        return Base64Url.IsValid(encoded) && DomainName.TryParse(Encoding.UTF8.GetString(Base64Url.DecodeFromChars(encoded)), out var domain)
            ? domain
            : throw ProblemException.BadRequest("continuation is not one that this API gave; begin again without it.");
    }
}
