using Microsoft.Azure.Functions.Worker;
using StsFunctions.SendWarning;

namespace StsFunctions.Functions;

/// <summary>Timer, every 5 minutes: sends what is in the outboxes.</summary>
internal sealed class SendWarning(SendWarningFunction useCase)
{
    [Function(nameof(SendWarning))]
    public Task RunAsync([TimerTrigger("0 */5 * * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
