namespace StsFunctions.Domains;

/// <summary>
/// The same work for many who ask for it at once: one run at a time for a key. Whoever asks while one is under way shares the next, which
/// begins after all of them asked, so that it sees whatever any of them did before.
/// </summary>
internal sealed class SharedRuns
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Line> _lines = new(StringComparer.Ordinal);

    /// <summary>Returns once a run that began after this call has ended; throws what that run threw.</summary>
    /// <param name="key">Whose work it is.</param>
    /// <param name="work">The work. It goes on where one of those who share it gives up.</param>
    /// <param name="cancellation">Ends the wait.</param>
    public Task RunAsync(string key, Func<Task> work, CancellationToken cancellation)
    {
        lock (_gate)
        {
            if (!_lines.TryGetValue(key, out var line))
            {
                _lines[key] = line = new Line();
            }

            line.Last = line.Next ??= RunInTurnAsync(key, line, line.Last, work);
            return line.Next.WaitAsync(cancellation);
        }
    }

    private async Task RunInTurnAsync(string key, Line line, Task before, Func<Task> work)
    {
        // Out of the lock first: nobody's run begins while its place in the line is being written.
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
        /// <summary>The run that whoever asks now shares: it has not begun.</summary>
        public Task? Next { get; set; }

        /// <summary>The run that the next one comes after.</summary>
        public Task Last { get; set; } = Task.CompletedTask;
    }
}
