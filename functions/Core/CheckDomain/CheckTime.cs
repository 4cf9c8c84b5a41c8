namespace StsFunctions.CheckDomain;

/// <summary>
/// The time that one check has. What does not come about in it is left undone and said to be; nothing is thrown. The last of it is kept
/// for the question whether it is the network's fault (MX-7): a closed port 25 must not look like a domain's fault for want of time.
/// </summary>
internal sealed class CheckTime : IDisposable
{
    private static readonly TimeSpan LongestReserve = TimeSpan.FromSeconds(30);
    private const int ReserveShare = 4;

    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _looking;
    private readonly CancellationTokenSource _whole;
    private readonly CancellationTokenSource _lookingOrGone;
    private readonly CancellationTokenSource _wholeOrGone;
    private int _leftUndone;

    public CheckTime(TimeSpan deadline, TimeProvider time, CancellationToken caller)
    {
        var reserve = deadline / ReserveShare < LongestReserve ? deadline / ReserveShare : LongestReserve;
        _caller = caller;
        _looking = new CancellationTokenSource(deadline - reserve, time);
        _whole = new CancellationTokenSource(deadline, time);
        _lookingOrGone = CancellationTokenSource.CreateLinkedTokenSource(_looking.Token, caller);
        _wholeOrGone = CancellationTokenSource.CreateLinkedTokenSource(_whole.Token, caller);
    }

    /// <summary>Whether something was left undone.</summary>
    public bool RanOut => Volatile.Read(ref _leftUndone) != 0;

    /// <summary>Looks, or takes what stands for a look that there was no time for.</summary>
    /// <param name="look">The look.</param>
    /// <param name="undone">What stands for it where there is no time.</param>
    /// <param name="failed">What stands for it where it throws something that concerns it alone; null where that is the caller's to handle.</param>
    /// <exception cref="OperationCanceledException">The caller gave up.</exception>
    public Task<T> LookAsync<T>(Func<CancellationToken, Task<T>> look, T undone, Func<Exception, T>? failed = null) =>
        RunAsync(look, undone, failed, _lookingOrGone.Token);

    /// <summary>The same, with the time that is kept for the end.</summary>
    /// <inheritdoc cref="LookAsync"/>
    public Task<T> LookAtLastAsync<T>(Func<CancellationToken, Task<T>> look, T undone) => RunAsync(look, undone, failed: null, _wholeOrGone.Token);

    public void Dispose()
    {
        _lookingOrGone.Dispose();
        _wholeOrGone.Dispose();
        _looking.Dispose();
        _whole.Dispose();
    }

    private async Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> look, T undone, Func<Exception, T>? failed, CancellationToken limit)
    {
        _caller.ThrowIfCancellationRequested();
        try
        {
            if (!limit.IsCancellationRequested)
            {
                return await look(limit);
            }
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !_caller.IsCancellationRequested)
        {
            // As if it had not been begun.
        }
        catch (Exception e) when (failed is not null && FailureIsolation.ConcernsItem(e))
        {
            return failed(e);
        }

        Interlocked.Exchange(ref _leftUndone, 1);
        return undone;
    }
}
