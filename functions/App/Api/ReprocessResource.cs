using Microsoft.AspNetCore.Authorization;
using Microsoft.Azure.Functions.Worker;
using StsFunctions.Access;
using StsFunctions.Middleware;
using System.Text.Json;
using StsFunctions.Reports;

namespace StsFunctions.Api;

/// <summary><c>api/reports/reprocess</c>: raw reports are read again, after a fix. It is the installation's, not a domain's: a raw report may be on domains of several groups.</summary>
internal sealed class ReprocessResource(RawReports raws, ArrivalQueue arrivals, ILogger<ReprocessResource> log)
{
    private const int MaxBody = 8 * 1024;
    private const int MaxDays = 366;

    /// <summary><c>POST api/reports/reprocess</c>: 202 once it lies in the queue, so that no kill stops it from there on.</summary>
    [Function("ReprocessReports")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Admin)]
    public async Task AskAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/reports/reprocess")] HttpRequest request)
    {
        if (!request.Caller().Groups.IsEvery)
        {
            throw ProblemException.Forbidden("Raw reports are on domains of any group: this takes a caller who sees every group (Sts.AllGroups).");
        }

        var asked = await RequestOfAsync(request.HttpContext);
        if (asked.Blob is { } blob && !await raws.ExistsAsync(asked.Container, blob, request.HttpContext.RequestAborted))
        {
            throw new ProblemException(StatusCodes.Status404NotFound, $"There is no such blob in {asked.Container}.");
        }

        await arrivals.SendAsync(asked, request.HttpContext.RequestAborted);
        log.LogInformation("Asked to read again: {Container} {Blob} {From} {To}", asked.Container, asked.Blob, asked.From, asked.To);
        var answer = new ReprocessingJson(asked.Container, asked.Blob, asked.From, asked.To);
        await ApiJson.AnswerAsync(
            request.HttpContext, StatusCodes.Status202Accepted, "application/json", JsonSerializer.SerializeToUtf8Bytes(answer, ApiJson.Default.ReprocessingJson));
    }

    private static async Task<ReprocessRequest> RequestOfAsync(HttpContext context)
    {
        var asked = await BodyOfAsync(context);
        if (asked.Container is not { } container || !ReprocessRequest.Containers.Contains(container))
        {
            throw ProblemException.BadRequest($"container is one of: {string.Join(", ", ReprocessRequest.Containers)}.");
        }

        return asked switch
        {
            { Blob: { Length: > 0 and <= 1024 } blob, From: null, To: null } => ReprocessRequest.One(container, blob),
            { Blob: null, From: { } from, To: { } to } when from <= to && to.DayNumber - from.DayNumber < MaxDays => ReprocessRequest.Days(container, from, to),
            _ => throw ProblemException.BadRequest($"Name one blob, or the first and the last day of arrival as from and to (yyyy-MM-dd), at most {MaxDays} days."),
        };
    }

    private static async Task<ReprocessJson> BodyOfAsync(HttpContext context)
    {
        var body = await RequestBody.ReadAsync(context, MaxBody);
        try
        {
            return JsonSerializer.Deserialize(body, ApiJson.Default.ReprocessJson) ?? throw new JsonException("null");
        }
        catch (JsonException)
        {
            throw ProblemException.BadRequest("The body is JSON: {\"container\":\"reports\",\"blob\":\"…\"}, or with \"from\" and \"to\" in place of \"blob\".");
        }
    }
}
