using Microsoft.Azure.Functions.Worker;
using StsFunctions.UseCases.Notifications;

namespace StsFunctions.App.Functions;

/// <summary>Queue: sends the notifications in one domain's outbox.</summary>
internal sealed class SendNotifications(NotificationDispatcher useCase)
{
    [Function(nameof(SendNotifications))]
    public Task RunAsync([QueueTrigger("notifications")] string message, CancellationToken cancellationToken) => useCase.RunAsync(message, cancellationToken);
}
