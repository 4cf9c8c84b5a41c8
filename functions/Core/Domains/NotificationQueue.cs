using Azure.Storage.Queues;

namespace StsFunctions.Domains;

/// <summary>The <c>notifications</c> queue. Whoever commits rows of an outbox puts a message here first, so that no kill in between keeps a notification back.</summary>
internal sealed class NotificationQueue(QueueServiceClient queues, MessageDelayOptions delays, TimeProvider time)
{
    // What could not leave yet, or is on its way, is looked after then.
    private static readonly TimeSpan TriedAgainAfter = TimeSpan.FromMinutes(5);

    private readonly QueueClient _queue = queues.GetQueueClient(StorageLayout.NotificationsQueue);
    private readonly RecentlySent _sentAgain = new(time);

    /// <summary>Asks for what is in a partition's outbox to be sent, once the commit that follows is over.</summary>
    public Task SendAsync(string partition, CancellationToken cancellationToken) =>
        _queue.SendMessageAsync(new DomainMessage(partition).ToJson(), delays.Notification, cancellationToken: cancellationToken);

    /// <summary>Asks for what is left of an outbox, later. However many messages find something left, one of them comes back.</summary>
    public Task SendAgainAsync(string partition, CancellationToken cancellationToken) => _sentAgain.SendOnceAsync(
        partition,
        TriedAgainAfter,
        () => _queue.SendMessageAsync(new DomainMessage(partition).ToJson(), TriedAgainAfter, cancellationToken: cancellationToken));
}
