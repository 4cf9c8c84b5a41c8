using Azure.Storage.Queues;
using StsFunctions.Core.Domains;

namespace StsFunctions.Storage.Reports;

/// <summary>The <c>report-arrivals</c> queue, with a message from Event Grid for each blob in the inbox, and from the hourly maintenance for each that was left there.</summary>
internal sealed class ReportQueue(QueueServiceClient queues)
{
    private readonly QueueClient _queue = queues.GetQueueClient(StorageNames.ReportArrivalsQueue);

    public Task SendAgainAsync(BlobName blobName, CancellationToken cancellationToken) =>
        _queue.SendMessageAsync(BlobCreatedEvent.Again(blobName.Value), cancellationToken);

    /// <summary>Requests that raw reports are read again.</summary>
    public Task SendAsync(ReprocessRequest request, CancellationToken cancellationToken) => _queue.SendMessageAsync(request.ToJson(), cancellationToken);

    /// <summary>The approximate number of messages in the poison queue.</summary>
    public async Task<int> PoisonedAsync(CancellationToken cancellationToken) =>
        (await queues.GetQueueClient(StorageNames.ReportArrivalsQueue + "-poison").GetPropertiesAsync(cancellationToken)).Value.ApproximateMessagesCount;

    /// <summary>Sends the message with a delay.</summary>
    public Task SendLaterAsync(BlobName blobName, TimeSpan delay, CancellationToken cancellationToken) =>
        _queue.SendMessageAsync(BlobCreatedEvent.Again(blobName.Value), visibilityTimeout: delay, cancellationToken: cancellationToken);
}
