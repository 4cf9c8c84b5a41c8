using Azure;
using Azure.Storage.Queues;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>The remaining messages of a queue.</summary>
internal static class QueueDepth
{
    /// <summary>Whether a queue holds nothing to do now, or with <paramref name="evenLater"/> nothing at all; a missing queue is empty.</summary>
    public static async Task<bool> IsEmptyAsync(QueueClient queue, bool evenLater, CancellationToken cancellationToken)
    {
        try
        {
            return evenLater
                ? (await queue.GetPropertiesAsync(cancellationToken)).Value.ApproximateMessagesCount == 0
                : (await queue.PeekMessageAsync(cancellationToken)).Value is null;
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return true;
        }
    }
}
