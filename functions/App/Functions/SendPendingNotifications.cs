using Microsoft.Azure.Functions.Worker;
using StsFunctions.UseCases.Notifications;

namespace StsFunctions.App.Functions;

/// <summary>Timer, hourly: sends the notifications in all outboxes, in case a message was lost.</summary>
internal sealed class SendPendingNotifications(NotificationDispatcher useCase)
{
    [Function(nameof(SendPendingNotifications))]
    public Task RunAsync([TimerTrigger("0 37 * * * *", UseMonitor = true)] TimerInfo timer, CancellationToken cancellationToken) => useCase.RunAsync(cancellationToken);
}
