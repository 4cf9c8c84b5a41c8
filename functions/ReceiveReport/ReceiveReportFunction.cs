using StsFunctions.Domains;
using StsFunctions.Reports;

namespace StsFunctions.ReceiveReport;

/// <summary>HTTP: takes a report by POST (RFC 8460 §5.4) and answers 201 once it is stored; IngestReport reads it from there.</summary>
internal sealed class ReceiveReportFunction(ReportReader reader, ReportInbox inbox, DomainStore domains, ReportSettings settings, ILogger<ReceiveReportFunction> log)
{
    /// <summary>The path on the app's own host name, as it stands in <c>rua=https:</c>.</summary>
    public const string Path = "/v1/tlsrpt";

    // A report on more domains than this is looked at only so far: the rest is IngestReport's.
    private const int MaxLookups = 20;

    public async Task RunAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        if (context.Request.ContentLength > settings.MaxBytes)
        {
            await RefuseAsync(context, StatusCodes.Status413PayloadTooLarge, $"The report is larger than {settings.MaxBytes} bytes.");
            return;
        }

        try
        {
            // Read before it is stored: nobody fills the storage with what is no report.
            using var raw = await reader.BufferAsync(context.Request.Body, cancellation);
            var reports = await reader.ReadAsync(raw, cancellation);
            if (!await IsForUsAsync(reports, cancellation))
            {
                await RefuseAsync(context, StatusCodes.Status403Forbidden, "None of the report's policy domains is hosted here.");
                return;
            }

            var blob = await inbox.PutAsync(raw, ReportSource.Https, cancellation);
            log.LogInformation("Took a report by POST: {Blob}", blob);
            context.Response.StatusCode = StatusCodes.Status201Created;
        }
        catch (UnreadableReportException e)
        {
            await RefuseAsync(context, e.IsTooLarge ? StatusCodes.Status413PayloadTooLarge : StatusCodes.Status400BadRequest, e.Message);
        }
    }

    private async Task<bool> IsForUsAsync(IEnumerable<ReadReport> reports, CancellationToken cancellation)
    {
        foreach (var domain in reports.SelectMany(r => r.Report.Policies).Select(p => p.PolicyDomain).Distinct().Take(MaxLookups))
        {
            if (await domains.IsActiveAsync(Keys.Domain(domain), cancellation))
            {
                return true;
            }
        }

        return false;
    }

    private static Task RefuseAsync(HttpContext context, int status, string reason)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        return context.Response.WriteAsync(reason + "\n", context.RequestAborted);
    }
}
