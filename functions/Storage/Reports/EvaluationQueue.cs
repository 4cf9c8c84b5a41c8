using Azure.Storage.Queues;
using StsFunctions.Core.Domains;

namespace StsFunctions.Storage.Reports;

/// <summary>The <c>report-evaluations</c> queue: the domains whose reports changed. A burst of reports on one domain sends one message per process.</summary>
internal sealed class EvaluationQueue(QueueServiceClient queues, MessageDelayOptions delays, TimeProvider time)
{
    private readonly QueueClient _queue = queues.GetQueueClient(StorageNames.EvaluationsQueue);
    private readonly RecentlySent _sent = new(time);

    /// <summary>Requests an evaluation of a partition's reports; call it after they are stored.</summary>
    public Task SendAsync(string partition, CancellationToken cancellationToken) => _sent.SendOnceAsync(
        partition,
        delays.ReportEvaluation,
        () => _queue.SendMessageAsync(new DomainMessage(partition).ToJson(), delays.ReportEvaluation, cancellationToken: cancellationToken));
}
