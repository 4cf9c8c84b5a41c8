using Azure;
using Microsoft.Azure.Functions.Worker;
using StsFunctions.App.Http;
using StsFunctions.App.Middleware;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.UseCases.Reports;

namespace StsFunctions.App.Functions;

/// <summary>HTTP: accepts a report by POST (RFC 8460 §5.4) and responds 201 once it is stored.</summary>
internal sealed class ReceiveReport(PostedReportReception reception, PostRateLimiter rate, ILogger<ReceiveReport> log)
{
    /// <summary>When to retry while storage does not answer.</summary>
    public static readonly TimeSpan StorageRetryDelay = TimeSpan.FromMinutes(5);

    private const string Accepted = "application/tlsrpt+gzip, application/tlsrpt+json";

    [Function(nameof(ReceiveReport))]
    [EndpointHost(EndpointHost.App)]
    public async Task RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "v1/tlsrpt")] HttpRequest request)
    {
        if (!rate.TryTake())
        {
            throw ProblemException.TooMany("Too many reports are posted at the moment; send it again later.", PostRateLimiter.Period);
        }

        var aborted = request.HttpContext.RequestAborted;
        try
        {
            await reception.TakeAsync(request.Body, request.ContentLength, aborted);
        }
        catch (UnreadableReportException e)
        {
            throw new ProblemException(e.IsTooLarge ? StatusCodes.Status413PayloadTooLarge : StatusCodes.Status400BadRequest, e.Message);
        }
        catch (IntakeRefusedException e)
        {
            throw e.Status == StatusCodes.Status415UnsupportedMediaType ? ProblemException.UnsupportedMediaType(e.Message, Accepted) : ProblemException.Refused(e);
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException || (e is OperationCanceledException && !aborted.IsCancellationRequested))
        {
            // It is not stored, so it is not accepted: the sender retains it and sends it again (RFC 8460 §5.5).
            log.LogError(e, "A posted report could not be stored");
            throw ProblemException.Unavailable("Reports cannot be stored at the moment; send it again later.", StorageRetryDelay);
        }

        request.HttpContext.Response.StatusCode = StatusCodes.Status201Created;
    }
}
