using System.Text.RegularExpressions;
using Azure;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Azure.Functions.Worker;
using StsFunctions.App.Authentication;
using StsFunctions.App.Http;
using StsFunctions.App.Middleware;
using StsFunctions.Core.Access;
using StsFunctions.Core.Probes;
using StsFunctions.Storage;
using StsFunctions.UseCases.Probes;

namespace StsFunctions.App.Api;

/// <summary><c>api/agent</c>: the whole interface of a probe agent.</summary>
internal sealed partial class AgentResource(ProbeTaskDispatcher work, ProbeResultHandler results)
{
    /// <summary>Leases probe tasks to the agent.</summary>
    [Function("GetAgentWork")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Agent)]
    public async Task WorkAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/agent/work")] HttpRequest request) => await ApiJson.AnswerAsync(
        request.HttpContext, await DispatchAsync(NameOf(request.HttpContext.Request), request.HttpContext.RequestAborted), AgentJson.Default.ProbeTasksJson);

    /// <summary>Accepts the agent's result for one address.</summary>
    [Function("TakeAgentResult")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Agent)]
    public async Task ResultAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/agent/results")] HttpRequest request)
    {
        var agent = NameOf(request.HttpContext.Request);
        var body = await RequestBody.ReadAsync(request.HttpContext, ProbeResultReader.MaxBytes);
        try
        {
            await results.HandleAsync(agent, ProbeResultReader.Read(body), request.HttpContext.RequestAborted);
            request.HttpContext.Response.StatusCode = StatusCodes.Status204NoContent;
        }
        catch (InvalidProbeResultException e)
        {
            throw ProblemException.BadRequest(e.Message);
        }
        catch (NoProbeLeaseException e)
        {
            throw ProblemException.Conflict(e.Message);
        }
        catch (ConcurrentChangeException)
        {
            throw ProblemException.Unavailable("Another request changed the same data at the same time; try again shortly.");
        }
    }

    private async Task<ProbeTasksJson> DispatchAsync(string agent, CancellationToken cancellationToken)
    {
        try
        {
            return await work.DispatchAsync(agent, cancellationToken);
        }
        catch (RequestFailedException e) when (StorageLayout.LacksTable(e))
        {
            // No task was ever created.
            return new ProbeTasksJson([]);
        }
    }

    // The token identifies the registration; the agent's own name distinguishes several agents of one registration.
    private static string NameOf(HttpRequest request) => request.Query["name"] switch
    {
        { Count: 0 } => request.Caller().Application,
        [{ } name] when Name().IsMatch(name) => $"{name} ({request.Caller().Application})",
        _ => throw ProblemException.BadRequest("name is 1 to 63 letters, digits, dots, hyphens and underscores, the first of them a letter or digit."),
    };

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\z", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Name();
}
