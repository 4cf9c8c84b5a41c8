using Azure.Storage.Queues;

namespace StsFunctions.Domains;

/// <summary>The <c>report-evaluations</c> queue: which domains' reports changed. A burst of reports on one domain comes to one message of each process.</summary>
internal sealed class EvaluationQueue(QueueServiceClient queues, MessageDelayOptions delays, TimeProvider time)
{
    private readonly QueueClient _queue = queues.GetQueueClient(StorageLayout.EvaluationsQueue);
    private readonly RecentlySent _sent = new(time);

    /// <summary>Asks for an evaluation of a partition's reports, after what is to be evaluated was stored.</summary>
    public Task SendAsync(string partition, CancellationToken cancellationToken) => _sent.SendOnceAsync(
        partition,
        delays.ReportEvaluation,
        () => _queue.SendMessageAsync(new DomainMessage(partition).ToJson(), delays.ReportEvaluation, cancellationToken: cancellationToken));
}
