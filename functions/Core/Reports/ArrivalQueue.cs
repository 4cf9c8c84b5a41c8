using Azure.Storage.Queues;
using StsFunctions.Domains;

namespace StsFunctions.Reports;

/// <summary>The <c>report-arrivals</c> queue, where Event Grid tells of each blob in the inbox, and the sweep of each that was left behind.</summary>
internal sealed class ArrivalQueue(QueueServiceClient queues)
{
    private readonly QueueClient _queue = queues.GetQueueClient(StorageLayout.ArrivalsQueue);

    public Task SendAgainAsync(BlobName blobName, CancellationToken cancellation) =>
        _queue.SendMessageAsync(ArrivalEvent.Again(blobName.Value), cancellation);

    /// <summary>Asks for raw reports to be read again.</summary>
    public Task SendAsync(ReprocessRequest request, CancellationToken cancellation) => _queue.SendMessageAsync(request.ToJson(), cancellation);

    /// <summary>How many messages lie in the poison queue, about.</summary>
    public async Task<int> PoisonedAsync(CancellationToken cancellation) =>
        (await queues.GetQueueClient(StorageLayout.ArrivalsQueue + "-poison").GetPropertiesAsync(cancellation)).Value.ApproximateMessagesCount;

    /// <summary>The same, not before some time has passed.</summary>
    public Task SendLaterAsync(BlobName blobName, TimeSpan delay, CancellationToken cancellation) =>
        _queue.SendMessageAsync(ArrivalEvent.Again(blobName.Value), visibilityTimeout: delay, cancellationToken: cancellation);
}
