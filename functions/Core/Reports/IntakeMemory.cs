namespace StsFunctions.Reports;

/// <summary>
/// The memory that one instance of the app gives to reports on their way in: to bodies that anybody posts, and to the reading of whatever
/// arrived. The two are apart, so that posts that are never completed keep no report that came by mail from being read.
/// </summary>
internal sealed class IntakeMemory
{
    private readonly ReportLimitsOptions _limits;
    private long _collectedAt;

    public IntakeMemory(ReportLimitsOptions limits)
    {
        _limits = limits;
        Posts = new MemoryBudget(limits.MemoryBytes / 3, Ended);
        Reading = new MemoryBudget(limits.MemoryBytes - (limits.MemoryBytes / 3), Ended);
    }

    /// <summary>What the reading of any report takes, apart from what depends on the report: a decompressor, the blocks read ahead, the buffer of the JSON reader.</summary>
    public const long WorkingBytes = 1 << 20;

    /// <summary>What may be held of a report whose body is next to nothing.</summary>
    public const long SmallestHeldBytes = 2 << 20;

    /// <summary>What may be held of a report beside its containers, at most: far more than any report that was ever seen.</summary>
    public const long LargestRetainedBytes = 4 << 20;

    /// <summary>
    /// How much is allocated until what large reports have left behind is cleared away, which takes some 10 ms. The collector itself leaves hundreds of megabytes
    /// lying for as long as the machine has memory; others on the machine, the Functions host first, need it too.
    /// </summary>
    public const long CollectAfterBytes = 8 << 20;

    /// <summary>From which size on a report is a large one, which leaves behind what is worth the time. Reports of the usual size have a hundredth of it.</summary>
    public const long LargeBytes = 1 << 20;

    /// <summary>Bodies that are being posted by anybody. Nobody waits for this memory: whoever holds some may be slow on purpose.</summary>
    public MemoryBudget Posts { get; }

    /// <summary>Whatever is read: it never waits for its sender.</summary>
    public MemoryBudget Reading { get; }

    /// <summary>The least that <see cref="ReportLimitsOptions.MemoryBytes"/> can be for the largest report to be taken and read.</summary>
    public static long LeastFor(int maxBytes, int maxRatio) =>
        Math.Max(3L * (maxBytes + SegmentedBuffer.SegmentBytes), ((3 * ForReading(maxBytes, maxBytes, maxRatio)) + 1) / 2);

    /// <summary>What reading a body takes at most: the body itself, and what is made of it.</summary>
    /// <param name="length">The body's, in bytes.</param>
    public long ForReading(long length) => ForReading(length, _limits.MaxBytes, _limits.MaxRatio);

    /// <summary>
    /// What may be held of an arrival while it is read: containers within it that were decompressed or decoded, and the reports. A small body cannot become
    /// more than its ratio allows; a large one may hold containers of its own size.
    /// </summary>
    /// <param name="limits">How large a report may be.</param>
    /// <param name="length">How large the body is, in bytes.</param>
    public static long HeldBytes(ReportLimitsOptions limits, long length) => HeldBytes(length, limits.MaxBytes, limits.MaxRatio);

    private static long ForReading(long length, int maxBytes, int maxRatio) => length + WorkingBytes + HeldBytes(length, maxBytes, maxRatio);

    private static long HeldBytes(long length, int maxBytes, int maxRatio) =>
        Math.Min(maxBytes + LargestRetainedBytes, SmallestHeldBytes + (length * maxRatio));

    /// <summary>Clears away what large reports have left behind, once it may be much.</summary>
    public void CollectWhereDue()
    {
        var before = Interlocked.Read(ref _collectedAt);
        var allocated = GC.GetTotalAllocatedBytes();
        if (allocated - before >= CollectAfterBytes && Interlocked.CompareExchange(ref _collectedAt, allocated, before) == before)
        {
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        }
    }

    private void Ended(long bytes)
    {
        if (bytes >= LargeBytes)
        {
            CollectWhereDue();
        }
    }
}
