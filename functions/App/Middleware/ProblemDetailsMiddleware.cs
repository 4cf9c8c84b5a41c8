using Azure;
using Azure.Identity;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using StsFunctions.App.Http;

namespace StsFunctions.App.Middleware;

/// <summary>Responds to a failed request with problem details (RFC 9457), which say what to do and reveal no internals.</summary>
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
        catch (Exception thrown)
        {
            await AnswerAsync(http, context.FunctionDefinition.Name, ThrownBy(thrown));
        }
    }

    // The worker calls most functions by reflection, which wraps their exceptions.
    private static Exception ThrownBy(Exception e) => e is AggregateException { InnerExceptions: [var only] } ? only : e;

    private async Task AnswerAsync(HttpContext http, string function, Exception e)
    {
        if (e is OperationCanceledException && http.RequestAborted.IsCancellationRequested)
        {
            // The client closed the connection, so there is no response.
            return;
        }

        if (http.Response.HasStarted)
        {
            log.LogError(e, "{Function} failed after it had sent a part of its response", function);
            // Abort the connection, so that no client takes the part for the whole.
            http.Abort();
            return;
        }

        if (e is ProblemException problem)
        {
            await problem.AnswerAsync(http);
            return;
        }

        log.LogError(e, "{Function} failed", function);
        await Failure(e).AnswerAsync(http);
    }

    // A storage client that gave up throws one of these; any other exception is a fault of the app.
    private static ProblemException Failure(Exception e) => e is RequestFailedException or AggregateException or AuthenticationFailedException or OperationCanceledException
        ? ProblemException.Unavailable("Storage does not answer at the moment; try again shortly.")
        : new ProblemException(StatusCodes.Status500InternalServerError, "This failed; the app's log says why.");
}
