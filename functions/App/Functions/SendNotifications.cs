using Microsoft.Azure.Functions.Worker;
using StsFunctions.SendWarning;

namespace StsFunctions.Functions;

/// <summary>Queue: sends what is in one domain's outbox.</summary>
internal sealed class SendNotifications(SendWarningFunction useCase)
{
    [Function(nameof(SendNotifications))]
    public Task RunAsync([QueueTrigger("notifications")] string message, CancellationToken cancellationToken) => useCase.RunAsync(message, cancellationToken);
}
