using Microsoft.Azure.Functions.Worker;
using Microsoft.Azure.Functions.Worker.Middleware;
using StsFunctions.Domains;

namespace StsFunctions.Middleware;

/// <summary>Says in the log what to do where a function fails because storage lacks a table, container or queue.</summary>
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
