using Microsoft.Azure.Functions.Worker;
using StsFunctions.SendWarning;

namespace StsFunctions.Functions;

/// <summary>Timer, hourly: sends what is in the outboxes and no message has led to.</summary>
internal sealed class SendWarning(SendWarningFunction useCase)
{
    [Function(nameof(SendWarning))]
    public Task RunAsync([TimerTrigger("0 37 * * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
