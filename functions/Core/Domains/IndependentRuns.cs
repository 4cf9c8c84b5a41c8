namespace StsFunctions.Domains;

/// <summary>Runs over many items: what fails of one keeps no other from being done, and the failures are thrown in the end.</summary>
/// <param name="log">Where each failure goes at once.</param>
/// <param name="work">What is done to an item, for the log: "sending the notifications".</param>
internal sealed class IndependentRuns(ILogger log, string work)
{
    private readonly List<Exception> _failures = [];

    /// <summary>Does an item. Another writer at the same item is no failure: that writer, or the next run, does it.</summary>
    /// <param name="item">The item, for the log.</param>
    /// <param name="run">The work.</param>
    /// <param name="cancellationToken">Ends all of it.</param>
    public async Task TryAsync(string item, Func<Task> run, CancellationToken cancellationToken)
    {
        try
        {
            await run();
        }
        catch (ConcurrentChangeException)
        {
            log.LogInformation("{Item}: {Work} is left to another run, which was at it at the same time", item, work);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            log.LogError(e, "{Item}: {Work} failed; the next run tries again", item, work);
            _failures.Add(e);
        }
    }

    /// <summary>The run counts as failed where an item failed, so that an alert on failures sees it.</summary>
    /// <exception cref="AggregateException">All that failed.</exception>
    public void ThrowIfAnyFailed()
    {
        if (_failures.Count > 0)
        {
            throw new AggregateException($"{work} failed for {_failures.Count} item(s); the next run tries again.", _failures);
        }
    }
}
