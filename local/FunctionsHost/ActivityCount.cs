namespace StsFunctions.Local.FunctionsHost;

/// <summary>The activity: what runs now, and how often anything began.</summary>
internal sealed class ActivityCount
{
    private int _running;
    private long _begun;

    public int Running => Volatile.Read(ref _running);

    public long Begun => Interlocked.Read(ref _begun);

    /// <summary>Counts work: a caller that waits for idle checks again if work began meanwhile.</summary>
    public Scope Begin()
    {
        Interlocked.Increment(ref _begun);
        return BeginPoll();
    }

    /// <summary>Counts a poll for work, which may find none.</summary>
    public Scope BeginPoll()
    {
        Interlocked.Increment(ref _running);
        return new Scope(this);
    }

    public readonly struct Scope(ActivityCount count) : IDisposable
    {
        public void Dispose() => Interlocked.Decrement(ref count._running);
    }
}
