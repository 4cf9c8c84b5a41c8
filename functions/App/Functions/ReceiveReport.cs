using Azure;
using Microsoft.Azure.Functions.Worker;
using StsFunctions.Api;
using StsFunctions.Domains;
using StsFunctions.Middleware;
using StsFunctions.Protocol;
using StsFunctions.Reports;

namespace StsFunctions.Functions;

/// <summary>
/// HTTP: takes a report by POST (RFC 8460 §5.4) and answers 201 once it is stored; IngestReport reads it from there. Anybody may post,
/// so what comes is read before it is stored, and is bounded for each policy domain and in all.
/// </summary>
internal sealed class ReceiveReport(
    ReportReader reader,
    PostedBodyReader bodies,
    ReportInbox inbox,
    DomainStore domains,
    PostCountStore counts,
    PostRate rate,
    ReportLimitsOptions limits,
    ReportIntakeOptions intake,
    TimeProvider time,
    ILogger<ReceiveReport> log)
{
    /// <summary>When to come back while storage does not answer.</summary>
    public static readonly TimeSpan StorageAwaited = TimeSpan.FromMinutes(5);

    /// <summary>When to come back where others were counted at the same moment.</summary>
    public static readonly TimeSpan CountAwaited = TimeSpan.FromSeconds(5);

    private const string Accepted = "application/tlsrpt+gzip, application/tlsrpt+json";

    // A report on more domains than this is looked at only so far: the rest is IngestReport's.
    private const int MaxLookups = 20;

    [Function(nameof(ReceiveReport))]
    [EndpointHost(EndpointHost.App)]
    public async Task RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "v1/tlsrpt")] HttpRequest request)
    {
        try
        {
            await TakeAsync(request.HttpContext);
        }
        catch (UnreadableReportException e)
        {
            throw new ProblemException(e.IsTooLarge ? StatusCodes.Status413PayloadTooLarge : StatusCodes.Status400BadRequest, e.Message);
        }
        catch (IntakeRefusedException e)
        {
            throw ProblemException.Refused(e);
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException || (e is OperationCanceledException && !request.HttpContext.RequestAborted.IsCancellationRequested))
        {
            // Not stored, so not taken: the sender keeps it and comes again (RFC 8460 §5.5).
            log.LogError(e, "A posted report could not be stored");
            throw ProblemException.Unavailable("Reports cannot be stored at the moment; send it again later.", StorageAwaited);
        }
    }

    private async Task TakeAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        if (!rate.TryTake())
        {
            throw ProblemException.TooMany("Too many reports are posted at the moment; send it again later.", PostRate.Period);
        }

        if (context.Request.ContentLength > limits.MaxBytes)
        {
            throw new UnreadableReportException($"The report is larger than {limits.MaxBytes} bytes.", isTooLarge: true);
        }

        // Read before it is stored: nobody fills the storage with what is no report.
        using var raw = await bodies.ReadAsync(context.Request.Body, cancellation);
        if (!PostedForm.IsReports(raw.GetBuffer().AsSpan(0, (int)raw.Length)))
        {
            throw ProblemException.UnsupportedMediaType(
                "The body is neither JSON, nor gzip, nor zip. Post the report itself, as application/tlsrpt+gzip or application/tlsrpt+json (RFC 8460 §5.4).", Accepted);
        }

        var named = await ReadAsync(raw, cancellation);
        var hosted = await HostedAsync(named.Keys, cancellation);
        if (hosted.Count == 0)
        {
            throw new ProblemException(StatusCodes.Status403Forbidden, "None of the report's policy domains is hosted here.");
        }

        foreach (var domain in hosted)
        {
            switch (await counts.CountAsync(domain, named[domain], intake.PostsPerDomainAndDay, cancellation))
            {
                case PostCountOutcome.LimitReached:
                    log.LogWarning("A posted report was refused: {Domain} had its {Most} of today", domain, intake.PostsPerDomainAndDay);
                    throw ProblemException.TooMany($"No more reports on {domain} are taken by POST today.", UntilTomorrow());
                case PostCountOutcome.Contended:
                    log.LogWarning("A posted report was refused: too many on {Domain} come at this moment", domain);
                    throw ProblemException.TooMany($"Too many reports on {domain} are posted at this moment; send it again in a few seconds.", CountAwaited);
            }
        }

        var blob = await inbox.PutAsync(raw, ReportSource.Https, cancellation);
        log.LogInformation("Took a report by POST: {Blob}", blob);
        context.Response.StatusCode = StatusCodes.Status201Created;
    }

    // How many reports are on each policy domain (a zip file holds many), in the order in which they come. What was read is let go of: others wait for its memory.
    private async Task<OrderedDictionary<DomainName, int>> ReadAsync(ReportBody raw, CancellationToken cancellation)
    {
        var named = new OrderedDictionary<DomainName, int>();
        foreach (var report in (await reader.ReadAsync(raw, cancellation)).Reports)
        {
            foreach (var domain in report.Report.Policies.Select(policy => policy.PolicyDomain).Distinct())
            {
                named[domain] = named.GetValueOrDefault(domain) + 1;
            }
        }

        raw.ReleaseReading();
        return named;
    }

    private async Task<IReadOnlyList<DomainName>> HostedAsync(IEnumerable<DomainName> named, CancellationToken cancellation)
    {
        var hosted = new List<DomainName>();
        foreach (var domain in named.Take(MaxLookups))
        {
            if (await domains.IsActiveAsync(Keys.Domain(domain), cancellation))
            {
                hosted.Add(domain);
            }
        }

        return hosted;
    }

    private TimeSpan UntilTomorrow()
    {
        var now = time.GetUtcNow();
        return now.UtcDateTime.Date.AddDays(1) - now.UtcDateTime;
    }
}
