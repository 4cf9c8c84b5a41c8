namespace StsFunctions.Reports.Containers;

/// <summary>What may still be opened of one arrival: it is hostile until it was read.</summary>
/// <param name="limits">How much is opened of any.</param>
/// <param name="length">How large it is, as it arrived.</param>
internal sealed class Allowance(ReportLimitsOptions limits, int length)
{
    private readonly long _mostHeld = IntakeMemory.HeldBytes(limits, length);
    private long _expanded;
    private int _parts;

    /// <summary>How much is held of it beside what arrived, in bytes: containers in it that were decompressed or decoded, and reports.</summary>
    public long Held { get; private set; }

    /// <summary>How much more may be held, in bytes.</summary>
    public long Room => _mostHeld - Held;

    /// <summary>Counts what is held until all of it was read.</summary>
    /// <exception cref="UnreadableReportException">It is too much.</exception>
    public void TakeHeld(long bytes)
    {
        Held += bytes;
        if (Held > _mostHeld)
        {
            throw Over($"Reading it takes more than {_mostHeld} bytes of memory, which is the most for one of {length} bytes (Sts__ReportMaxBytes).");
        }
    }

    /// <summary>Counts what is no longer held.</summary>
    public void ReturnHeld(long bytes) => Held -= bytes;

    /// <summary>Counts a part of a mail, or a file of a zip.</summary>
    /// <exception cref="UnreadableReportException">There are too many.</exception>
    public void TakePart()
    {
        if (++_parts > limits.MaxParts)
        {
            throw Over($"It has more than the {limits.MaxParts} parts that are looked at (Sts__ReportMaxParts).");
        }
    }

    /// <summary>Counts what was decompressed.</summary>
    /// <param name="bytes">How many bytes more.</param>
    /// <param name="expanded">How many of the same stream so far, these included.</param>
    /// <param name="compressed">How many they were before.</param>
    /// <exception cref="UnreadableReportException">It is too much, or too much for what it was.</exception>
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

    /// <summary>Looks at how deep a container lies.</summary>
    /// <exception cref="UnreadableReportException">It is too deep.</exception>
    public void CheckDepth(int depth)
    {
        if (depth > limits.MaxDepth)
        {
            throw Over($"It is wrapped in more than the {limits.MaxDepth} containers that are opened (Sts__ReportMaxDepth).");
        }
    }

    /// <summary>The refusal of what exceeds a limit.</summary>
    public static UnreadableReportException Over(string message) => new(message, why: Unreadable.OverLimit);
}
