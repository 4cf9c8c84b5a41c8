using System.Text.RegularExpressions;
using Azure;
using Azure.Data.Tables.Models;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Azure.Functions.Worker;
using StsFunctions.Access;
using StsFunctions.Agents;
using StsFunctions.Domains;
using StsFunctions.Middleware;

namespace StsFunctions.Api;

/// <summary><c>api/agent</c>: what a probe agent asks and is told, and all that it is told.</summary>
internal sealed partial class AgentResource(AgentWork work, AgentResults results)
{
    /// <summary>Hands out what the agent is to look at.</summary>
    [Function("GetAgentWork")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Agent)]
    public async Task WorkAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/agent/work")] HttpRequest request) => await ApiJson.AnswerAsync(
        request.HttpContext, await HandOutAsync(NameOf(request.HttpContext.Request, request.Caller()), request.HttpContext.RequestAborted), AgentJson.Default.AgentWorkJson);

    /// <summary>Takes what the agent saw at one address.</summary>
    [Function("TakeAgentResult")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Agent)]
    public async Task ResultAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/agent/results")] HttpRequest request)
    {
        var agent = NameOf(request.HttpContext.Request, request.Caller());
        var body = await RequestBody.ReadAsync(request.HttpContext, HandedIn.MaxBytes);
        try
        {
            await results.TakeAsync(agent, HandedIn.Read(body), request.HttpContext.RequestAborted);
            request.HttpContext.Response.StatusCode = StatusCodes.Status204NoContent;
        }
        catch (ResultFaultException e)
        {
            throw ProblemException.BadRequest(e.Message);
        }
        catch (NoLeaseException e)
        {
            throw ProblemException.Conflict(e.Message);
        }
        catch (ConcurrentChangeException)
        {
            throw ProblemException.Unavailable("Others are at the same place at the same time; try again shortly.");
        }
    }

    private async Task<AgentWorkJson> HandOutAsync(string agent, CancellationToken cancellation)
    {
        try
        {
            return await work.HandOutAsync(agent, cancellation);
        }
        catch (RequestFailedException e) when (e.ErrorCode == TableErrorCode.TableNotFound)
        {
            // Nothing was ever added.
            return new AgentWorkJson([]);
        }
    }

    // Who it is says the token; which of several under one registration, the agent itself.
    private static string NameOf(HttpRequest request, Caller caller) => request.Query["name"] switch
    {
        { Count: 0 } => request.Caller().Application,
        [{ } name] when Name().IsMatch(name) => $"{name} ({request.Caller().Application})",
        _ => throw ProblemException.BadRequest("name is 1 to 63 letters, digits, dots, hyphens and underscores, the first of them a letter or digit."),
    };

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\z")]
    private static partial Regex Name();
}
