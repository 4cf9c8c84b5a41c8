using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using StsFunctions.Storage;

namespace StsFunctions.App.Middleware;

/// <summary>Logs what to do if a function fails because storage lacks a table, container or queue.</summary>
internal sealed class StorageLayoutMiddleware(ILogger<StorageLayoutMiddleware> log) : IFunctionsWorkerMiddleware
{
    public async Task Invoke(FunctionContext context, FunctionExecutionDelegate next)
    {
        try
        {
            await next(context);
        }
        catch (Exception e) when (StorageLayout.AdviceOn(e) is { } advice)
        {
            log.LogError("{Function} failed. {Advice}", context.FunctionDefinition.Name, advice);
            throw;
        }
    }
}
