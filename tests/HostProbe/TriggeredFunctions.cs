using System.Text.Json;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.Logging;

namespace StsFunctions.Tests.HostProbe;

public sealed class TriggeredFunctions(Director director, ILogger<TriggeredFunctions> log)
{
    [Function("Work")]
    public async Task WorkAsync([QueueTrigger("%PROBE_QUEUE%")] string message, FunctionContext context)
    {
        log.LogInformation("Works on {Message}", message);
        await director.AskAsync(
            new FunctionCall("Work", context.InvocationId)
            {
                Text = message,
                Data = context.BindingContext.BindingData.ToDictionary(pair => pair.Key, pair => pair.Value?.ToString()),
            },
            context.CancellationToken);
    }

    [Function("Tick")]
    public async Task TickAsync([TimerTrigger("%PROBE_SCHEDULE%")] TimerInfo timer, FunctionContext context) => await director.AskAsync(
        new FunctionCall("Tick", context.InvocationId) { Text = JsonSerializer.Serialize(timer) },
        context.CancellationToken);
}
