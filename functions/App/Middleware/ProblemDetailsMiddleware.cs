using Azure;
using Azure.Identity;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using StsFunctions.Api;

namespace StsFunctions.Middleware;

/// <summary>Answers a request that failed with problem details (RFC 9457), which say what to do and nothing of what is inside.</summary>
internal sealed class ProblemDetailsMiddleware(ILogger<ProblemDetailsMiddleware> log) : IFunctionsWorkerMiddleware
{
    public async Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
    {
        if (context.GetHttpContext() is not { } http)
        {
            await next(context);
            return;
        }

        try
        {
            await next(context);
        }
        catch (ProblemException e)
        {
            await e.AnswerAsync(http);
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            // The client hung up: nobody is there to answer.
        }
        catch (Exception e) when (!http.Response.HasStarted)
        {
            log.LogError(e, "{Function} failed", context.FunctionDefinition.Name);
            await Failure(e).AnswerAsync(http);
        }
    }

    // A storage client that gave up throws one of these; whatever else is a fault of the app.
    private static ProblemException Failure(Exception e) => e is RequestFailedException or AggregateException or AuthenticationFailedException or OperationCanceledException
        ? ProblemException.Unavailable("Storage does not answer at the moment; try again shortly.")
        : new ProblemException(StatusCodes.Status500InternalServerError, "This failed; the app's log says why.");
}
