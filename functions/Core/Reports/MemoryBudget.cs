namespace StsFunctions.Reports;

/// <summary>An amount of memory that everything of one kind in this instance of the app shares. What is leased is counted, not allocated, here.</summary>
/// <param name="capacity">How much there is, in bytes.</param>
/// <param name="disposed">Told how much memory a lease had that has ended. What a lease gave back before had not been used.</param>
internal sealed class MemoryBudget(long capacity, Action<long>? disposed = null)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _waiters = [];
    private long _used;
    private long _mostUsed;

    /// <summary>How much there is, in bytes.</summary>
    public long Capacity => capacity;

    /// <summary>How much is leased.</summary>
    public long Used
    {
        get
        {
            lock (_lock)
            {
                return _used;
            }
        }
    }

    /// <summary>The most that was ever leased.</summary>
    public long MostUsed
    {
        get
        {
            lock (_lock)
            {
                return _mostUsed;
            }
        }
    }

    /// <summary>Leases memory if there is any left for it now; otherwise null.</summary>
    public MemoryLease? TryLease(long bytes) => TryTake(bytes) ? new MemoryLease(this, bytes) : null;

    /// <summary>Leases memory as soon as there is any left for it, in the order of the calls. So whoever waits holds nothing that another waits for, as long as each waits once.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is more than there is in all: it would wait without end.</exception>
    /// <exception cref="OperationCanceledException">The caller no longer waits; nothing is leased.</exception>
    public async ValueTask<MemoryLease> LeaseAsync(long bytes, CancellationToken cancellation)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, capacity);
        cancellation.ThrowIfCancellationRequested();
        LinkedListNode<Waiter> waiter;
        lock (_lock)
        {
            if (TryTakeInTurn(bytes))
            {
                return new MemoryLease(this, bytes);
            }

            waiter = _waiters.AddLast(new Waiter(bytes));
        }

        await using (cancellation.UnsafeRegister(_ => Leave(waiter, cancellation), null))
        {
            await waiter.Value.Granted.Task;
        }

        return new MemoryLease(this, bytes);
    }

    /// <summary>Takes memory if there is any left now, and nobody waits for it.</summary>
    internal bool TryTake(long bytes)
    {
        lock (_lock)
        {
            return TryTakeInTurn(bytes);
        }
    }

    /// <summary>Gives memory back.</summary>
    internal void Return(long bytes)
    {
        lock (_lock)
        {
            _used -= bytes;
            Grant();
        }
    }

    /// <summary>Gives back all of a lease.</summary>
    internal void End(long bytes)
    {
        Return(bytes);
        disposed?.Invoke(bytes);
    }

    private bool TryTakeInTurn(long bytes)
    {
        if (_waiters.Count > 0 || bytes > capacity - _used)
        {
            return false;
        }

        Take(bytes);
        return true;
    }

    private void Take(long bytes)
    {
        _used += bytes;
        _mostUsed = Math.Max(_mostUsed, _used);
    }

    private void Grant()
    {
        while (_waiters.First is { } first && first.Value.Bytes <= capacity - _used)
        {
            _waiters.RemoveFirst();
            Take(first.Value.Bytes);
            first.Value.Granted.SetResult();
        }
    }

    private void Leave(LinkedListNode<Waiter> waiter, CancellationToken cancellation)
    {
        lock (_lock)
        {
            // Not in the list: it was granted a moment before.
            if (waiter.List is null)
            {
                return;
            }

            _waiters.Remove(waiter);
            waiter.Value.Granted.SetCanceled(cancellation);

            // It may have been the first, and larger than those behind it.
            Grant();
        }
    }

    private sealed record Waiter(long Bytes)
    {
        public TaskCompletionSource Granted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>Memory that is leased of a budget until this is disposed.</summary>
internal sealed class MemoryLease(MemoryBudget budget, long bytes) : IDisposable
{
    private long _bytes = bytes;

    /// <summary>How much, in bytes.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Leases more, if there is any left now.</summary>
    public bool TryGrow(long more)
    {
        if (!budget.TryTake(more))
        {
            return false;
        }

        Interlocked.Add(ref _bytes, more);
        return true;
    }

    /// <summary>Gives back what is above a size.</summary>
    public void ShrinkTo(long size)
    {
        var before = Bytes;
        if (size < before && Interlocked.CompareExchange(ref _bytes, size, before) == before)
        {
            budget.Return(before - size);
        }
    }

    /// <summary>Gives all of it back, once.</summary>
    public void Dispose() => budget.End(Interlocked.Exchange(ref _bytes, 0));
}
