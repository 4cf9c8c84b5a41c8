namespace StsFunctions.Storage.Domains;

/// <summary>
/// Shares runs of the same work between concurrent callers: one run at a time for a key. Callers during a run share the next one, which
/// starts after all of them called, so that it includes whatever any of them did before.
/// </summary>
internal sealed class CoalescingRunner
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Line> _lines = new(StringComparer.Ordinal);

    /// <summary>Returns after a run that started after this call; throws the exception of that run.</summary>
    /// <param name="key">Identifies the work.</param>
    /// <param name="work">The work. It continues if one of its callers gives up.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public Task RunAsync(string key, Func<Task> work, CancellationToken cancellationToken)
    {
        lock (_gate)
        {
            if (!_lines.TryGetValue(key, out var line))
            {
                _lines[key] = line = new Line();
            }

            line.Last = line.Next ??= RunInTurnAsync(key, line, line.Last, work);
            return line.Next.WaitAsync(cancellationToken);
        }
    }

    private async Task RunInTurnAsync(string key, Line line, Task before, Func<Task> work)
    {
        // Leave the lock first: no run may start while the queue of runs is being changed.
        await Task.Yield();
        await before.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        lock (_gate)
        {
            line.Next = null;
        }

        try
        {
            await work();
        }
        finally
        {
            lock (_gate)
            {
                if (line.Next is null)
                {
                    _lines.Remove(key);
                }
            }
        }
    }

    private sealed class Line
    {
        /// <summary>The next run, which has not started and which new callers share.</summary>
        public Task? Next { get; set; }

        /// <summary>The run that the next one waits for.</summary>
        public Task Last { get; set; } = Task.CompletedTask;
    }
}
