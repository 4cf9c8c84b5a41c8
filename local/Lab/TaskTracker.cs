namespace StsFunctions.Local.Lab;

/// <summary>The running tasks of a server, so that none outlives it.</summary>
internal sealed class TaskTracker
{
    private readonly Lock _gate = new();
    private readonly HashSet<Task> _tasks = [];

    public int Count
    {
        get
        {
            lock (_gate)
            {
                return _tasks.Count;
            }
        }
    }

    public void Run(Func<Task> work)
    {
        // On the pool, so that a caller that holds a lock or a loop is never blocked.
        var task = Task.Run(work);
        lock (_gate)
        {
            _tasks.Add(task);
        }

        _ = task.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
    }

    /// <summary>Waits until none is left; a fault in one is thrown.</summary>
    public async Task WhenAllAsync()
    {
        while (Snapshot() is { Length: > 0 } tasks)
        {
            await Task.WhenAll(tasks);
            foreach (var task in tasks)
            {
                Forget(task);
            }
        }
    }

    private void Forget(Task task)
    {
        // A faulted task remains, so that a waiting caller gets its exception.
        if (task.IsFaulted)
        {
            return;
        }

        lock (_gate)
        {
            _tasks.Remove(task);
        }
    }

    private Task[] Snapshot()
    {
        lock (_gate)
        {
            return [.. _tasks];
        }
    }
}
