namespace StsFunctions.ReportIntake.Limits;

/// <summary>
/// The memory of one app instance for incoming reports: for posted bodies, and for reading
/// arrivals. The two are separate, so that incomplete posts do not stop reports by mail from being read.
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

    /// <summary>The memory for reading any report, apart from its size: a decompressor, the blocks read ahead, the buffer of the JSON reader.</summary>
    public const long WorkingBytes = 1 << 20;

    /// <summary>The memory for a report with an almost empty body.</summary>
    public const long SmallestHeldBytes = 2 << 20;

    /// <summary>The most memory for a report besides its containers: far more than any known report needs.</summary>
    public const long LargestRetainedBytes = 4 << 20;

    /// <summary>
    /// How much is allocated before the garbage of large reports is collected, which takes some 10 ms. The collector itself leaves hundreds of megabytes
    /// uncollected while the machine has memory; other processes, such as the Functions host, need it too.
    /// </summary>
    public const long CollectAfterBytes = 8 << 20;

    /// <summary>The least size of a large report, whose garbage is worth collecting. A report of the usual size has a hundredth of it.</summary>
    public const long LargeBytes = 1 << 20;

    /// <summary>For bodies that are being posted. No request waits for this memory: its holders may be slow on purpose.</summary>
    public MemoryBudget Posts { get; }

    /// <summary>For reading: it never waits for a sender.</summary>
    public MemoryBudget Reading { get; }

    /// <summary>The least value of <see cref="ReportLimitsOptions.MemoryBytes"/> with which the largest report can be accepted and read.</summary>
    public static long LeastFor(int maxBytes, int maxRatio) =>
        Math.Max(3L * (maxBytes + SegmentedBuffer.SegmentBytes), ((3 * ForReading(maxBytes, maxBytes, maxRatio)) + 1) / 2);

    /// <summary>The most memory for reading a body: the body itself, and the objects created from it.</summary>
    /// <param name="length">The length of the body, in bytes.</param>
    public long ForReading(long length) => ForReading(length, _limits.MaxBytes, _limits.MaxRatio);

    /// <summary>
    /// The memory for an arrival while it is read: decompressed or decoded containers in it, and the reports. A small body cannot exceed
    /// the allowed ratio; a large one may have containers of its own size.
    /// </summary>
    /// <param name="limits">The limits of a report.</param>
    /// <param name="length">The length of the body, in bytes.</param>
    public static long HeldBytes(ReportLimitsOptions limits, long length) => HeldBytes(length, limits.MaxBytes, limits.MaxRatio);

    private static long ForReading(long length, int maxBytes, int maxRatio) => length + WorkingBytes + HeldBytes(length, maxBytes, maxRatio);

    private static long HeldBytes(long length, int maxBytes, int maxRatio) =>
        Math.Min(maxBytes + LargestRetainedBytes, SmallestHeldBytes + (length * maxRatio));

    /// <summary>Collects the garbage of large reports when it may be much.</summary>
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
