using System.Collections.Concurrent;

namespace StsFunctions.Storage;

/// <summary>Remembers the messages that this process sent recently, so that many requests for the same work send one message.</summary>
internal sealed class RecentlySent(TimeProvider time)
{
    // Clearing the list costs one more message each at most.
    private const int MaxRemembered = 10_000;

    private readonly ConcurrentDictionary<string, long> _sent = new(StringComparer.Ordinal);

    /// <summary>Sends a message about a partition, unless an earlier one is not due for a while: its handler will find what is stored by now.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="delay">The least delay between sending a message and handling it.</param>
    /// <param name="send">Sends the message.</param>
    public async Task SendOnceAsync(string partition, TimeSpan delay, Func<Task> send)
    {
        // Use half of the delay, since the clocks of storage and this machine differ.
        if (_sent.TryGetValue(partition, out var sent) && time.GetElapsedTime(sent) < delay / 2)
        {
            return;
        }

        var now = time.GetTimestamp();
        await send();
        if (_sent.Count >= MaxRemembered)
        {
            _sent.Clear();
        }

        _sent[partition] = now;
    }
}
