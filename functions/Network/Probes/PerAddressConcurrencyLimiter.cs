using System.Net;

namespace StsFunctions.Network.Probes;

/// <summary>Limits the concurrent sessions to one address, for all MX host names that resolve to it: many providers give each customer a name of its own.</summary>
internal sealed class PerAddressConcurrencyLimiter
{
    /// <summary>The most concurrent sessions.</summary>
    public const int AtOnce = 2;

    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, Queue> _queues = [];

    /// <summary>Waits for a turn at an address until <paramref name="cancellationToken"/> is cancelled; the caller disposes of the turn.</summary>
    public async Task<IDisposable> AcquireAsync(IPAddress address, CancellationToken cancellationToken)
    {
        var key = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        var queue = Join(key);
        try
        {
            await queue.Turns.WaitAsync(cancellationToken);
            return new Turn(() =>
            {
                queue.Turns.Release();
                Leave(key, queue);
            });
        }
        catch
        {
            Leave(key, queue);
            throw;
        }
    }

    private Queue Join(IPAddress key)
    {
        lock (_gate)
        {
            if (!_queues.TryGetValue(key, out var queue))
            {
                _queues[key] = queue = new Queue();
            }

            queue.Members++;
            return queue;
        }
    }

    // The last one removes the queue, so there are only as many as addresses in use.
    private void Leave(IPAddress key, Queue queue)
    {
        lock (_gate)
        {
            if (--queue.Members == 0)
            {
                _queues.Remove(key);
                queue.Turns.Dispose();
            }
        }
    }

    private sealed class Queue
    {
        public SemaphoreSlim Turns { get; } = new(AtOnce);

        public int Members { get; set; }
    }

    private sealed class Turn(Action end) : IDisposable
    {
        private Action? _end = end;

        public void Dispose() => Interlocked.Exchange(ref _end, null)?.Invoke();
    }
}
