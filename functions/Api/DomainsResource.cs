using System.Buffers.Text;
using System.Text;
using Microsoft.Extensions.Primitives;
using StsFunctions.Access;
using StsFunctions.Protocol;

namespace StsFunctions.Api;

/// <summary><c>api/domains</c>: the hosted domains that a caller may see.</summary>
internal sealed class DomainsResource(VisibleDomains domains)
{
    private const int DefaultPageSize = 100;
    private const int MaxPageSize = 500;

    /// <summary><c>GET api/domains?pageSize=…&amp;continuation=…</c></summary>
    public async Task ListAsync(HttpContext context, Caller caller)
    {
        var query = context.Request.Query;
        var size = Query.NumberOf(query["pageSize"], "pageSize", DefaultPageSize, MaxPageSize);
        var after = AfterOf(query["continuation"]);
        // One more than asked for tells whether there is a next page.
        var rows = await domains.ListAsync(caller.SeenGroups, after, size + 1, context.RequestAborted);
        var page = rows.Take(size).ToList();
        var list = new DomainListJson([.. page.Select(DomainLineJson.Of)], rows.Count > size ? ContinuationAfter(page[^1].Domain) : null);
        await ApiJson.AnswerAsync(context, list, ApiJson.Default.DomainListJson);
    }

    /// <summary><c>GET api/domains/{domain}</c></summary>
    public async Task ReadAsync(HttpContext context, Caller caller, string name)
    {
        var groups = caller.SeenGroups;
        var found = DomainName.TryParse(name, out var domain) ? await domains.FindAsync(groups, domain, context.RequestAborted) : null;
        await ApiJson.AnswerAsync(context, DomainJson.Of(found ?? throw ProblemException.NoSuchDomain()), ApiJson.Default.DomainJson);
    }

    // The list goes on after a domain; to callers that is a text without a meaning, so that the order may change.
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
