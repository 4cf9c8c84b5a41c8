namespace StsFunctions.Reports;

/// <summary>How large a report may be, and in how much it may be wrapped.</summary>
/// <param name="MaxBytes">As it arrives, in bytes.</param>
/// <param name="MaxExpandedBytes">Decompressed, in bytes; of all that came together.</param>
/// <param name="MaxRatio">How many times as large as compressed, beyond the first <see cref="FreeExpandedBytes"/>.</param>
/// <param name="MaxParts">How many parts of a mail and files of a zip.</param>
/// <param name="MaxDepth">How many containers one in another: a mail, a mail within it, a zip file, gzip.</param>
internal sealed record ReportSettings(int MaxBytes, int MaxExpandedBytes, int MaxRatio = 250, int MaxParts = 50, int MaxDepth = 5)
{
    /// <summary>What may be expanded at any ratio, in bytes: a small report of many like lines is no bomb.</summary>
    public const int FreeExpandedBytes = 1 << 20;

    /// <summary>
    /// How much memory there is for reports on their way in, in bytes, where nothing else is set: beside the 120 MB that an idle worker takes, and with what
    /// the garbage collector has not yet cleared away, it stays within 220 MB.
    /// </summary>
    public const int DefaultMemoryBytes = 40 << 20;

    /// <summary>How much memory there is for reports on their way in, of all that come at the same time, in bytes (<see cref="IntakeMemory"/>).</summary>
    public long MemoryBytes { get; init; } = Math.Max(DefaultMemoryBytes, IntakeMemory.LeastFor(MaxBytes, MaxRatio));
}
