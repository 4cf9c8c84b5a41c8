namespace StsFunctions.ReportIntake.Limits;

/// <summary>An amount of memory for one purpose in this app instance. A lease counts memory and does not allocate it.</summary>
/// <param name="capacity">The size of the budget, in bytes.</param>
/// <param name="disposed">Called with the size of a lease when it ends, without what it returned unused before.</param>
internal sealed class MemoryBudget(long capacity, Action<long>? disposed = null)
{
    private readonly Lock _lock = new();
    private readonly LinkedList<Waiter> _waiters = [];
    private long _used;
    private long _mostUsed;

    /// <summary>The size of the budget, in bytes.</summary>
    public long Capacity => capacity;

    /// <summary>The leased bytes.</summary>
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

    /// <summary>The highest number of leased bytes.</summary>
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

    /// <summary>Leases memory if it is available now; otherwise null.</summary>
    public MemoryLease? TryLease(long bytes) => TryTake(bytes) ? new MemoryLease(this, bytes) : null;

    /// <summary>Leases memory as soon as it is available, in the order of the calls. A waiting caller holds nothing that another waits for, as long as each waits once.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It exceeds the budget and would wait without end.</exception>
    /// <exception cref="OperationCanceledException">The caller cancelled; nothing is leased.</exception>
    public async ValueTask<MemoryLease> LeaseAsync(long bytes, CancellationToken cancellationToken)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes, capacity);
        cancellationToken.ThrowIfCancellationRequested();
        LinkedListNode<Waiter> waiter;
        lock (_lock)
        {
            if (TryTakeInTurn(bytes))
            {
                return new MemoryLease(this, bytes);
            }

            waiter = _waiters.AddLast(new Waiter(bytes));
        }

        await using (cancellationToken.UnsafeRegister(_ => Leave(waiter, cancellationToken), null))
        {
            await waiter.Value.Granted.Task;
        }

        return new MemoryLease(this, bytes);
    }

    /// <summary>Takes memory if it is available now and no caller waits for it.</summary>
    internal bool TryTake(long bytes)
    {
        lock (_lock)
        {
            return TryTakeInTurn(bytes);
        }
    }

    /// <summary>Returns memory.</summary>
    internal void Return(long bytes)
    {
        lock (_lock)
        {
            _used -= bytes;
            Grant();
        }
    }

    /// <summary>Returns all of a lease.</summary>
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

    private void Leave(LinkedListNode<Waiter> waiter, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            // It is not in the list: it was granted a moment before.
            if (waiter.List is null)
            {
                return;
            }

            _waiters.Remove(waiter);
            waiter.Value.Granted.SetCanceled(cancellationToken);

            // It may have been first in the queue, and larger than the next ones.
            Grant();
        }
    }

    private sealed record Waiter(long Bytes)
    {
        public TaskCompletionSource Granted { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>Memory leased from a budget until this is disposed.</summary>
internal sealed class MemoryLease(MemoryBudget budget, long bytes) : IDisposable
{
    private long _bytes = bytes;

    /// <summary>The leased bytes.</summary>
    public long Bytes => Interlocked.Read(ref _bytes);

    /// <summary>Leases more if it is available now.</summary>
    public bool TryGrow(long more)
    {
        if (!budget.TryTake(more))
        {
            return false;
        }

        Interlocked.Add(ref _bytes, more);
        return true;
    }

    /// <summary>Returns what exceeds a size.</summary>
    public void ShrinkTo(long size)
    {
        var before = Bytes;
        if (size < before && Interlocked.CompareExchange(ref _bytes, size, before) == before)
        {
            budget.Return(before - size);
        }
    }

    /// <summary>Returns all of it, once.</summary>
    public void Dispose() => budget.End(Interlocked.Exchange(ref _bytes, 0));
}
