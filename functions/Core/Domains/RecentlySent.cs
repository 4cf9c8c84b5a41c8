using System.Collections.Concurrent;

namespace StsFunctions.Domains;

/// <summary>Which messages this process has sent lately, so that many who ask for the same work come to one message.</summary>
internal sealed class RecentlySent(TimeProvider time)
{
    // Forgetting them all costs a message each at most.
    private const int MaxRemembered = 10_000;

    private readonly ConcurrentDictionary<string, long> _sent = new(StringComparer.Ordinal);

    /// <summary>Sends a message about a partition, unless the last one is still far from being handled: whoever handles that one finds what is stored by now.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="delay">How long after it was sent a message is handled, at the earliest.</param>
    /// <param name="send">Sends it.</param>
    public async Task SendOnceAsync(string partition, TimeSpan delay, Func<Task> send)
    {
        // Half of the delay, as the storage's clock is not this machine's.
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
