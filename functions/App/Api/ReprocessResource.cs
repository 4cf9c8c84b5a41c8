using System.Text.Json;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Azure.Functions.Worker;
using StsFunctions.App.Authentication;
using StsFunctions.App.Http;
using StsFunctions.App.Middleware;
using StsFunctions.Core.Access;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Storage.Reports;
using StsFunctions.UseCases.Access;
using StsFunctions.UseCases.Reports;

namespace StsFunctions.App.Api;

/// <summary><c>api/reports/reprocess</c>: reads raw reports again, after a fix. It belongs to the installation, not to a domain: a raw report may be on domains of several groups.</summary>
internal sealed class ReprocessResource(ReportReprocessing reprocessing, AuthorizedReports reports, ILogger<ReprocessResource> log)
{
    private const int MaxBody = 8 * 1024;
    private const int MaxDays = 366;

    /// <summary><c>POST api/reports/reprocess</c>: 202 once the request is in the queue, where it survives a restart.</summary>
    [Function("ReprocessReports")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Admin)]
    public async Task AskAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "api/reports/reprocess")] HttpRequest request)
    {
        var caller = request.Caller();
        if (!caller.Groups.IsEvery)
        {
            throw ProblemException.Forbidden("Raw reports are on domains of any group: the caller must have access to every group (Sts.AllGroups).");
        }

        var cancellationToken = request.HttpContext.RequestAborted;
        var asked = await RequestOfAsync(await BodyOfAsync(request.HttpContext), caller, cancellationToken);
        if (!await reprocessing.TryRequestAsync(asked, cancellationToken))
        {
            throw new ProblemException(StatusCodes.Status404NotFound, $"There is no such raw report in {asked.Container}.");
        }

        log.LogInformation("Asked to read again: {Container} {Id} {From} {To}", asked.Container, asked.Id, asked.From, asked.To);
        var answer = new ReprocessingJson(asked.Container, asked.Id, asked.From, asked.To);
        await JsonResponse.WriteAsync(
            request.HttpContext, StatusCodes.Status202Accepted, "application/json", JsonSerializer.SerializeToUtf8Bytes(answer, ApiJson.Default.ReprocessingJson));
    }

    // Ids name reports; blob names are never part of the API.
    private async Task<ReprocessRequest> RequestOfAsync(ReprocessJson asked, Caller caller, CancellationToken cancellationToken) => asked switch
    {
        { Domain: { } domain, Id: { } id, Container: null, From: null, To: null } =>
            ReprocessRequest.One(StorageNames.ReportsContainer, await RawReportOfAsync(caller, domain, id, cancellationToken)),
        { Container: { } container, Domain: null } when !ReprocessRequest.Containers.Contains(container) =>
            throw ProblemException.BadRequest($"container is one of: {string.Join(", ", ReprocessRequest.Containers)}."),
        { Container: { } container, Domain: null, Id: { } text, From: null, To: null } => RawReportId.TryParse(text, out var id)
            ? ReprocessRequest.One(container, id)
            : throw ProblemException.BadRequest("id is that of a raw report: the day on which it arrived and its hash, <yyyy-MM-dd>/<hash>."),
        { Container: { } container, Domain: null, Id: null, From: { } from, To: { } to } when from <= to && to.DayNumber - from.DayNumber < MaxDays =>
            ReprocessRequest.Days(container, from, to),
        _ => throw ProblemException.BadRequest(
            $"Name one report, by domain and id or by container and id, or a container with the first and the last day of arrival as from and to (yyyy-MM-dd), at most {MaxDays} days."),
    };

    private async Task<RawReportId> RawReportOfAsync(Caller caller, string domain, string id, CancellationToken cancellationToken) =>
        DomainName.TryParse(domain, out var name)
        && ReportIds.KeyOf(id) is { } key
        && await reports.OfAsync(caller.Groups, name, cancellationToken) is { } found
        && await found.FindAsync(key, cancellationToken) is { } report
        && RawReportId.TryParse(report.Blob, out var raw)
            ? raw
            : throw new ProblemException(StatusCodes.Status404NotFound, "This domain has no report of this id; GET /api/domains/{domain}/reports lists those it has.");

    private static async Task<ReprocessJson> BodyOfAsync(HttpContext context)
    {
        var body = await RequestBody.ReadAsync(context, MaxBody);
        try
        {
            return JsonSerializer.Deserialize(body, ApiJson.Default.ReprocessJson) ?? throw new JsonException("null");
        }
        catch (JsonException)
        {
            throw ProblemException.BadRequest("The body is JSON: {\"domain\":\"…\",\"id\":\"…\"}, or {\"container\":\"reports\",\"id\":\"…\"}, or with \"from\" and \"to\" in place of \"id\".");
        }
    }
}
