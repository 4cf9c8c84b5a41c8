using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Primitives;
using StsFunctions.App.Authentication;
using StsFunctions.App.Http;
using StsFunctions.App.Middleware;
using StsFunctions.Core.Access;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Storage.Reports;
using StsFunctions.UseCases.Access;

namespace StsFunctions.App.Api;

/// <summary><c>api/domains/{domain}/reports</c>: the reports on a domain that the caller may see.</summary>
internal sealed class ReportsResource(AuthorizedReports reports, TimeProvider time)
{
    private const int DefaultDays = 30;
    private const int MaxDays = 366;
    private const int DefaultPageSize = 100;
    private const int MaxPageSize = 500;

    // The number of export bytes that are written at once.
    private const int ReportsPerPiece = 500;

    /// <summary><c>GET api/domains/{domain}/reports?from=…&amp;to=…&amp;pageSize=…&amp;continuation=…</c></summary>
    [Function("ListReports")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Readers)]
    public async Task ListAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "api/domains/{domain}/reports")] HttpRequest request)
    {
        var found = await FindAsync(request);
        var query = request.Query;
        var (from, to) = DaysOf(query);
        var size = Query.NumberOf(query["pageSize"], "pageSize", DefaultPageSize, MaxPageSize);
        var range = ReportRange.Of(from, to);
        if (AfterOf(query["continuation"]) is { } after)
        {
            range = range.After(after);
        }

        // A page never splits the bodies of one report: only together do they show which one counts.
        var page = new List<Report>();
        var isMore = false;
        await foreach (var report in found.Scan(range, size + 1, request.HttpContext.RequestAborted))
        {
            if (page.Count >= size && report.Identity != page[^1].Identity)
            {
                isMore = true;
                break;
            }

            page.Add(report);
        }

        var list = new ReportListJson(found.Domain.Value, [.. page.Select(ReportLineJson.Of)], isMore ? Base64Url.EncodeToString(Encoding.UTF8.GetBytes(page[^1].Identity)) : null);
        await ApiJson.AnswerAsync(request.HttpContext, list, ApiJson.Default.ReportListJson);
    }

    /// <summary><c>GET api/domains/{domain}/reports/summary?from=…&amp;to=…</c></summary>
    [Function("SummarizeReports")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Readers)]
    public async Task SummarizeAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "api/domains/{domain}/reports/summary")] HttpRequest request)
    {
        var found = await FindAsync(request);
        var (from, to) = DaysOf(request.Query);
        var summary = await ReportSummary.OfAsync(found.Scan(ReportRange.Of(from, to), null, request.HttpContext.RequestAborted), request.HttpContext.RequestAborted);
        await ApiJson.AnswerAsync(request.HttpContext, SummaryJson.Of(found.Domain.Value, from, to, summary), ApiJson.Default.SummaryJson);
    }

    /// <summary><c>GET api/domains/{domain}/reports.csv?from=…&amp;to=…</c></summary>
    [Function("ExportReportsAsCsv")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Readers)]
    public Task ExportCsvAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "api/domains/{domain}/reports.csv")] HttpRequest request) =>
        ExportAsync(request, "text/csv; charset=utf-8", "csv", ReportCsv.Head(), [], piece => ReportCsv.Lines(piece));

    /// <summary><c>GET api/domains/{domain}/reports.json?from=…&amp;to=…</c>: one array.</summary>
    [Function("ExportReportsAsJson")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Readers)]
    public Task ExportJsonAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "api/domains/{domain}/reports.json")] HttpRequest request)
    {
        var isFirst = true;
        return ExportAsync(request, "application/json", "json", "["u8.ToArray(), "]"u8.ToArray(), piece =>
        {
            var text = new List<byte>();
            foreach (var report in piece)
            {
                text.AddRange(isFirst ? "\n"u8 : ",\n"u8);
                text.AddRange(JsonSerializer.SerializeToUtf8Bytes(ReportLineJson.Of(report), ApiJson.Default.ReportLineJson));
                isFirst = false;
            }

            return [.. text];
        });
    }

    /// <summary><c>GET api/domains/{domain}/reports/{id}</c></summary>
    [Function("GetReport")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Readers)]
    public async Task ReadAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "api/domains/{domain}/reports/{id}")] HttpRequest request)
    {
        var found = await FindAsync(request);
        var report = await FindAsync(found, request.RouteValue("id"), request.HttpContext.RequestAborted);
        var failures = await found.FailuresAsync(report, request.HttpContext.RequestAborted);
        await ApiJson.AnswerAsync(request.HttpContext, ReportJson.Of(report, failures), ApiJson.Default.ReportJson);
    }

    /// <summary><c>GET api/domains/{domain}/reports/{id}/raw</c>: the original bytes, which an unknown sender chose. No browser may interpret them.</summary>
    [Function("DownloadReport")]
    [EndpointHost(EndpointHost.App)]
    [Authorize(Roles = Roles.Readers)]
    public async Task DownloadAsync(
        [HttpTrigger(AuthorizationLevel.Anonymous, "get", "head", Route = "api/domains/{domain}/reports/{id}/raw")] HttpRequest request)
    {
        var found = await FindAsync(request);
        var report = await FindAsync(found, request.RouteValue("id"), request.HttpContext.RequestAborted);
        try
        {
            using var raw = await found.RawAsync(report, request.HttpContext.RequestAborted)
                ?? throw new ProblemException(StatusCodes.Status404NotFound, "The raw report is deleted; its figures are in its row.");
            Attach(request.HttpContext, $"tlsrpt-{request.RouteValue("id")}{ExtensionOf(raw)}");
            await JsonResponse.WriteAsync(request.HttpContext, StatusCodes.Status200OK, "application/octet-stream", raw.GetBuffer().AsMemory(0, (int)raw.Length));
        }
        catch (RawReportForbiddenException)
        {
            throw new ProblemException(StatusCodes.Status403Forbidden, "The raw report may contain domains of other groups too; a caller with the role Sts.AllGroups may read it.");
        }
    }

    private async Task<AuthorizedReports.DomainReports> FindAsync(HttpRequest request)
    {
        var groups = request.Caller().VisibleGroups;
        return DomainName.TryParse(request.RouteValue("domain"), out var domain) && await reports.OfAsync(groups, domain, request.HttpContext.RequestAborted) is { } found
            ? found
            : throw ProblemException.NoSuchDomain();
    }

    private static async Task<Report> FindAsync(AuthorizedReports.DomainReports found, string id, CancellationToken cancellationToken) =>
        ReportIds.KeyOf(id) is { } key && await found.FindAsync(key, cancellationToken) is { } report
            ? report
            : throw new ProblemException(StatusCodes.Status404NotFound, "This domain has no report of this id; GET /api/domains/{domain}/reports lists those it has.");

    private async Task ExportAsync(
        HttpRequest request, string contentType, string extension, byte[] head, byte[] foot, Func<IReadOnlyList<Report>, byte[]> write)
    {
        var found = await FindAsync(request);
        var (from, to) = DaysOf(request.Query);
        await using var all = found.Scan(ReportRange.Of(from, to), null, request.HttpContext.RequestAborted).GetAsyncEnumerator(request.HttpContext.RequestAborted);
        // Wait for the first response of storage before sending the status, so that an outage is reported.
        var isMore = await all.MoveNextAsync();

        request.HttpContext.Response.ContentType = contentType;
        Attach(request.HttpContext, string.Create(CultureInfo.InvariantCulture, $"{found.Domain}-{from:yyyyMMdd}-{to:yyyyMMdd}.{extension}"));
        if (HttpMethods.IsHead(request.Method))
        {
            return;
        }

        await request.HttpContext.Response.BodyWriter.WriteAsync(head, request.HttpContext.RequestAborted);
        var piece = new List<Report>();
        while (isMore)
        {
            piece.Add(all.Current);
            isMore = await all.MoveNextAsync();
            if (piece.Count == ReportsPerPiece || !isMore)
            {
                await request.HttpContext.Response.BodyWriter.WriteAsync(write(piece), request.HttpContext.RequestAborted);
                piece.Clear();
            }
        }

        await request.HttpContext.Response.BodyWriter.WriteAsync(foot, request.HttpContext.RequestAborted);
    }

    private static void Attach(HttpContext context, string fileName) => context.Response.Headers.ContentDisposition = $"attachment; filename=\"{fileName}\"";

    // The file extension, by the first bytes.
    private static string ExtensionOf(MemoryStream raw) => raw.GetBuffer().AsSpan(0, (int)raw.Length) switch
    {
        [0x1f, 0x8b, ..] => ".json.gz",
        [(byte)'P', (byte)'K', ..] => ".zip",
        [(byte)'{' or (byte)'[', ..] => ".json",
        _ => ".eml",
    };

    private (DateOnly From, DateOnly To) DaysOf(IQueryCollection query)
    {
        // Tomorrow counts too: a sender's clock may be a day ahead.
        var to = Query.DayOf(query["to"], "to") ?? DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime).AddDays(1);
        var from = Query.DayOf(query["from"], "from") ?? DateOnly.FromDayNumber(Math.Max(0, to.DayNumber - DefaultDays));
        return from <= to && to.DayNumber - from.DayNumber < MaxDays
            ? (from, to)
            : throw ProblemException.BadRequest($"from and to are the first and the last day, at most {MaxDays} days.");
    }

    private static string? AfterOf(StringValues text)
    {
        if (text.Count == 0)
        {
            return null;
        }

        var encoded = text.ToString();
        return Base64Url.IsValid(encoded) && Encoding.UTF8.GetString(Base64Url.DecodeFromChars(encoded)) is { Length: > 0 and <= 100 } identity
            && identity.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == ':')
            ? identity
            : throw ProblemException.BadRequest("continuation is not one that this API gave; begin again without it.");
    }
}
