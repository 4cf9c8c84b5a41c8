using StsFunctions.ReportIntake.Limits;

namespace StsFunctions.ReportIntake.Containers;

/// <summary>Limits what may be opened of one arrival, which is hostile until it was read.</summary>
/// <param name="limits">The limits of any arrival.</param>
/// <param name="length">The size of the arrival.</param>
internal sealed class UnpackBudget(ReportLimitsOptions limits, int length)
{
    private readonly long _mostHeld = IntakeMemory.HeldBytes(limits, length);
    private long _expanded;
    private int _parts;

    /// <summary>The bytes in memory besides the arrival: decompressed or decoded containers in it, and reports.</summary>
    public long Held { get; private set; }

    /// <summary>The bytes that may still be used.</summary>
    public long Room => _mostHeld - Held;

    /// <summary>Counts memory that is used until all of it was read.</summary>
    /// <exception cref="UnreadableReportException">The limit is exceeded.</exception>
    public void TakeHeld(long bytes)
    {
        Held += bytes;
        if (Held > _mostHeld)
        {
            throw Over($"Reading it takes more than {_mostHeld} bytes of memory, which is the most for one of {length} bytes (Sts__ReportMaxBytes).");
        }
    }

    /// <summary>Releases memory.</summary>
    public void ReturnHeld(long bytes) => Held -= bytes;

    /// <summary>Counts a part of a mail, or a file of a zip.</summary>
    /// <exception cref="UnreadableReportException">There are too many.</exception>
    public void TakePart()
    {
        if (++_parts > limits.MaxParts)
        {
            throw Over($"It has more than the {limits.MaxParts} parts that are read (Sts__ReportMaxParts).");
        }
    }

    /// <summary>Counts decompressed data.</summary>
    /// <param name="bytes">The number of new bytes.</param>
    /// <param name="expanded">The number of bytes of the same stream so far, including these.</param>
    /// <param name="compressed">Their compressed size.</param>
    /// <exception cref="UnreadableReportException">The size or the ratio exceeds its limit.</exception>
    public void TakeExpanded(int bytes, long expanded, long compressed)
    {
        _expanded += bytes;
        if (_expanded > limits.MaxExpandedBytes)
        {
            throw Over($"It expands to more than the {limits.MaxExpandedBytes} bytes that are read (Sts__ReportMaxExpandedBytes).");
        }

        if (expanded > Math.Max(ReportLimitsOptions.FreeExpandedBytes, compressed * limits.MaxRatio))
        {
            throw Over($"It expands to more than {limits.MaxRatio} times its size (Sts__ReportMaxRatio).");
        }
    }

    /// <summary>Checks the depth of a container.</summary>
    /// <exception cref="UnreadableReportException">It is too deep.</exception>
    public void CheckDepth(int depth)
    {
        if (depth > limits.MaxDepth)
        {
            throw Over($"It is wrapped in more than the {limits.MaxDepth} containers that are opened (Sts__ReportMaxDepth).");
        }
    }

    /// <summary>Creates the exception for an exceeded limit.</summary>
    public static UnreadableReportException Over(string message) => new(message, why: Unreadable.OverLimit);
}
