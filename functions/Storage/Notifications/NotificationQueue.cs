using Azure.Storage.Queues;
using StsFunctions.Core.Domains;

namespace StsFunctions.Storage.Notifications;

/// <summary>The <c>notifications</c> queue. Every commit of outbox rows sends a message here first, so that an interruption loses no notification.</summary>
internal sealed class NotificationQueue(QueueServiceClient queues, MessageDelayOptions delays, TimeProvider time)
{
    // When to check again for notifications that could not be sent yet or are in transit.
    private static readonly TimeSpan TriedAgainAfter = TimeSpan.FromMinutes(5);

    private readonly QueueClient _queue = queues.GetQueueClient(StorageNames.NotificationsQueue);
    private readonly RecentlySent _sentAgain = new(time);

    /// <summary>Requests that a partition's outbox is sent, after the following commit is complete.</summary>
    public Task SendAsync(string partition, CancellationToken cancellationToken) =>
        _queue.SendMessageAsync(new DomainMessage(partition).ToJson(), delays.Notification, cancellationToken: cancellationToken);

    /// <summary>Requests a later attempt for the rest of an outbox. However many messages find something left, only one is sent again.</summary>
    public Task SendAgainAsync(string partition, CancellationToken cancellationToken) => _sentAgain.SendOnceAsync(
        partition,
        TriedAgainAfter,
        () => _queue.SendMessageAsync(new DomainMessage(partition).ToJson(), TriedAgainAfter, cancellationToken: cancellationToken));
}
