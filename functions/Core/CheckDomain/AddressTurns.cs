using System.Net;

namespace StsFunctions.CheckDomain;

/// <summary>Lets few sessions at a time to one address, whatever the MX hosts are called that lead there: many a provider gives each customer a name of his own.</summary>
internal sealed class AddressTurns
{
    /// <summary>How many at a time.</summary>
    public const int AtOnce = 2;

    private readonly Lock _gate = new();
    private readonly Dictionary<IPAddress, Queue> _queues = [];

    /// <summary>Waits for a turn at an address, as long as <paramref name="cancellation"/> allows; whoever has it disposes of it.</summary>
    public async Task<IDisposable> TakeAsync(IPAddress address, CancellationToken cancellation)
    {
        var key = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        var queue = Join(key);
        try
        {
            await queue.Turns.WaitAsync(cancellation);
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

    // The last to leave takes the queue down: there are as many as addresses in use, no more.
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
