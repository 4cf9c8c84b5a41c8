using StsFunctions.Core.Observations;

namespace StsFunctions.Network.Probes;

/// <summary>
/// The time limit of one check. Work that does not finish in time is skipped and reported as not observed; nothing is thrown. The end of the time is reserved
/// for testing whether the network is the cause (MX-7): a blocked port 25 must not appear as a domain's fault because time ran out.
/// </summary>
internal sealed class CheckDeadline : IDisposable
{
    private static readonly TimeSpan LongestReserve = TimeSpan.FromSeconds(30);
    private const int ReserveShare = 4;

    private readonly CancellationToken _caller;
    private readonly CancellationTokenSource _probing;
    private readonly CancellationTokenSource _whole;
    private readonly CancellationTokenSource _probingOrCancelled;
    private readonly CancellationTokenSource _wholeOrCancelled;
    private int _skipped;

    public CheckDeadline(TimeSpan deadline, TimeProvider time, CancellationToken caller)
    {
        var reserve = deadline / ReserveShare < LongestReserve ? deadline / ReserveShare : LongestReserve;
        _caller = caller;
        _probing = new CancellationTokenSource(deadline - reserve, time);
        _whole = new CancellationTokenSource(deadline, time);
        _probingOrCancelled = CancellationTokenSource.CreateLinkedTokenSource(_probing.Token, caller);
        _wholeOrCancelled = CancellationTokenSource.CreateLinkedTokenSource(_whole.Token, caller);
    }

    /// <summary>Whether something was skipped.</summary>
    public bool Exceeded => Volatile.Read(ref _skipped) != 0;

    /// <summary>Runs a probe, or returns the replacement if there is no time for it.</summary>
    /// <param name="probe">The probe.</param>
    /// <param name="undone">The replacement if there is no time.</param>
    /// <param name="failed">The replacement if the probe throws an exception that concerns it alone; null if the caller handles it.</param>
    /// <exception cref="OperationCanceledException">The caller cancelled.</exception>
    public Task<T> RunAsync<T>(Func<CancellationToken, Task<T>> probe, T undone, Func<Exception, T>? failed = null) =>
        RunWithinAsync(probe, undone, failed, _probingOrCancelled.Token);

    /// <summary>Does the same with the time that is reserved for the end.</summary>
    /// <inheritdoc cref="RunAsync"/>
    public Task<T> RunInReserveAsync<T>(Func<CancellationToken, Task<T>> probe, T undone) => RunWithinAsync(probe, undone, failed: null, _wholeOrCancelled.Token);

    public void Dispose()
    {
        _probingOrCancelled.Dispose();
        _wholeOrCancelled.Dispose();
        _probing.Dispose();
        _whole.Dispose();
    }

    private async Task<T> RunWithinAsync<T>(Func<CancellationToken, Task<T>> probe, T undone, Func<Exception, T>? failed, CancellationToken limit)
    {
        _caller.ThrowIfCancellationRequested();
        try
        {
            if (!limit.IsCancellationRequested)
            {
                return await probe(limit);
            }
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested && !_caller.IsCancellationRequested)
        {
            // Treat it as not started.
        }
        catch (Exception e) when (failed is not null && FailureIsolation.ConcernsItem(e))
        {
            return failed(e);
        }

        Interlocked.Exchange(ref _skipped, 1);
        return undone;
    }
}
