using System.Text.RegularExpressions;
using Azure;
using Azure.Data.Tables.Models;
using StsFunctions.Agents;
using StsFunctions.Domains;

namespace StsFunctions.Api;

/// <summary><c>api/agent</c>: what a probe agent asks and is told, and all that it is told.</summary>
internal sealed partial class AgentResource(AgentWork work, AgentResults results)
{
    /// <summary>Hands out what the agent is to look at.</summary>
    public async Task WorkAsync(HttpContext context, Caller caller) => await ApiJson.AnswerAsync(
        context, await HandOutAsync(NameOf(context.Request, caller), context.RequestAborted), AgentJson.Default.AgentWorkJson);

    /// <summary>Takes what the agent saw at one address.</summary>
    public async Task ResultAsync(HttpContext context, Caller caller)
    {
        var agent = NameOf(context.Request, caller);
        var body = await RequestBody.ReadAsync(context, HandedIn.MaxBytes);
        try
        {
            await results.TakeAsync(agent, HandedIn.Read(body), context.RequestAborted);
            context.Response.StatusCode = StatusCodes.Status204NoContent;
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
        { Count: 0 } => caller.Application,
        [{ } name] when Name().IsMatch(name) => $"{name} ({caller.Application})",
        _ => throw ProblemException.BadRequest("name is 1 to 63 letters, digits, dots, hyphens and underscores, the first of them a letter or digit."),
    };

    [GeneratedRegex(@"\A[A-Za-z0-9][A-Za-z0-9._-]{0,62}\z")]
    private static partial Regex Name();
}
