using Azure;
using Azure.Identity;

namespace StsFunctions.Api;

/// <summary>HTTP: everything under <c>api/</c>. Who calls is asked first, so that a stranger learns nothing, not even which paths there are.</summary>
internal sealed class ApiFunction(
    BearerTokens tokens, DomainsResource domains, ReportsResource reports, ReprocessResource reprocess, AgentResource agent, ILogger<ApiFunction> log)
{
    /// <summary>The paths on the app's own host name.</summary>
    public const string Path = "/api/{**path}";

    /// <summary>As function.json has them: an operation without a path of its own gets one of these.</summary>
    public static readonly string[] Methods = [HttpMethods.Get, HttpMethods.Head, HttpMethods.Post, HttpMethods.Put, HttpMethods.Patch, HttpMethods.Delete];

    public async Task RunAsync(HttpContext context)
    {
        context.Response.Headers.CacheControl = "no-store";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        try
        {
            var caller = await tokens.CallerOfAsync(context);
            var operation = OperationFor(context.Request);
            if (!caller.IsAny(operation.Roles))
            {
                throw ProblemException.Forbidden("None of your roles may do this; docs/API.md says which may.");
            }

            await operation.RunAsync(context, caller);
        }
        catch (ProblemException e)
        {
            await e.AnswerAsync(context);
        }
        catch (Exception e) when (!context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted)
        {
            log.LogError(e, "{Method} {Path} failed", context.Request.Method, context.Request.Path);
            await Failure(e).AnswerAsync(context);
        }
    }

    private Operation OperationFor(HttpRequest request)
    {
        var path = (string?)request.RouteValues["path"] ?? "";
        var operations = OperationsAt(path.Trim('/').Split('/'));
        if (operations.Count == 0)
        {
            throw ProblemException.NoSuchPath();
        }

        return operations.FirstOrDefault(operation => operation.Takes(request.Method))
            ?? throw ProblemException.WrongMethod(string.Join(", ", operations.SelectMany(operation => operation.Allow)));
    }

    private IReadOnlyList<Operation> OperationsAt(string[] path) => path switch
    {
        ["domains"] => [new(HttpMethods.Get, Roles.Readers, domains.ListAsync)],
        ["domains", var domain] => [new(HttpMethods.Get, Roles.Readers, (context, caller) => domains.ReadAsync(context, caller, domain))],
        ["agent", "work"] => [new(HttpMethods.Post, Roles.Agents, agent.WorkAsync)],
        ["agent", "results"] => [new(HttpMethods.Post, Roles.Agents, agent.ResultAsync)],
        ["domains", var domain, "reports"] => [new(HttpMethods.Get, Roles.Readers, (context, caller) => reports.ListAsync(context, caller, domain))],
        ["domains", var domain, "reports.csv"] => [new(HttpMethods.Get, Roles.Readers, (context, caller) => reports.ExportCsvAsync(context, caller, domain))],
        ["domains", var domain, "reports.json"] => [new(HttpMethods.Get, Roles.Readers, (context, caller) => reports.ExportJsonAsync(context, caller, domain))],
        ["domains", var domain, "reports", "summary"] => [new(HttpMethods.Get, Roles.Readers, (context, caller) => reports.SummarizeAsync(context, caller, domain))],
        ["domains", var domain, "reports", var id] => [new(HttpMethods.Get, Roles.Readers, (context, caller) => reports.ReadAsync(context, caller, domain, id))],
        ["domains", var domain, "reports", var id, "raw"] => [new(HttpMethods.Get, Roles.Readers, (context, caller) => reports.DownloadAsync(context, caller, domain, id))],
        ["reports", "reprocess"] => [new(HttpMethods.Post, Roles.Writers, reprocess.AskAsync)],
        _ => [],
    };

    // A storage client that gave up throws one of these; whatever else is a fault of ours.
    private static ProblemException Failure(Exception e) => e is RequestFailedException or AggregateException or AuthenticationFailedException or OperationCanceledException
        ? ProblemException.Unavailable("Storage does not answer at the moment; try again shortly.")
        : new ProblemException(StatusCodes.Status500InternalServerError, "This failed; the app's log says why.");

    /// <summary>One method at one path, and who may call it.</summary>
    private sealed record Operation(string Method, IReadOnlyList<string> Roles, Func<HttpContext, Caller, Task> RunAsync)
    {
        // RFC 9110 §9.3.2: HEAD is GET without the body.
        public IEnumerable<string> Allow => Method == HttpMethods.Get ? [HttpMethods.Get, HttpMethods.Head] : [Method];

        public bool Takes(string method) => Allow.Contains(method);
    }
}
