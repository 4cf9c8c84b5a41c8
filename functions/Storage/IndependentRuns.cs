namespace StsFunctions.Storage;

/// <summary>Runs an action for many items: a failed item does not stop the others, and all failures are thrown at the end.</summary>
/// <param name="log">Logs each failure at once.</param>
/// <param name="work">The action, for the log: "sending the notifications".</param>
internal sealed class IndependentRuns(ILogger log, string work)
{
    private readonly List<Exception> _failures = [];

    /// <summary>Runs the action for an item. A concurrent writer of the same item is no failure: that writer or the next run completes it.</summary>
    /// <param name="item">The item, for the log.</param>
    /// <param name="run">The action.</param>
    /// <param name="cancellationToken">Ends all of it.</param>
    public async Task TryAsync(string item, Func<Task> run, CancellationToken cancellationToken)
    {
        try
        {
            await run();
        }
        catch (ConcurrentChangeException)
        {
            log.LogInformation("{Item}: {Work} is left to another run that works on it at the same time", item, work);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            log.LogError(e, "{Item}: {Work} failed; the next run tries again", item, work);
            _failures.Add(e);
        }
    }

    /// <summary>Fails the run if an item failed, so that an alert on failures notices it.</summary>
    /// <exception cref="AggregateException">All failures.</exception>
    public void ThrowIfAnyFailed()
    {
        if (_failures.Count > 0)
        {
            throw new AggregateException($"{work} failed for {_failures.Count} item(s); the next run tries again.", _failures);
        }
    }
}
