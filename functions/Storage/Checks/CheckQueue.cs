using System.Text.Json;
using Azure.Storage.Queues;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;

namespace StsFunctions.Storage.Checks;

/// <summary>The <c>domain-checks</c> queue. Every change of a domain sends a message here first: handling it completes an interrupted change.</summary>
internal sealed class CheckQueue(QueueServiceClient queues)
{
    private readonly QueueClient _queue = queues.GetQueueClient(StorageNames.DomainChecksQueue);

    public Task SendAsync(CheckRequest request, TimeSpan delay, CancellationToken cancellationToken) =>
        _queue.SendMessageAsync(JsonSerializer.Serialize(request, CheckRequestJson.Default.CheckRequest), delay, cancellationToken: cancellationToken);
}
