using StsFunctions.Options;

namespace StsFunctions.Reports;

/// <summary>How large a report may be, and in how much it may be wrapped.</summary>
internal sealed record ReportLimitsOptions
{
    /// <summary>What may be expanded at any ratio, in bytes: a small report of many like lines is no bomb.</summary>
    public const int FreeExpandedBytes = 1 << 20;

    /// <summary>The most bytes as it arrives. 1 KiB to 100 MiB; by default 10 MiB.</summary>
    public int MaxBytes { get; init; } = 10 << 20;

    /// <summary>The most bytes when decompressed, of all that came together. 1 KiB to 1 GiB; by default 100 MiB.</summary>
    public int MaxExpandedBytes { get; init; } = 100 << 20;

    /// <summary>How many times as large as compressed, beyond the first <see cref="FreeExpandedBytes"/>. 10 to 1100; by default 250.</summary>
    public int MaxRatio { get; init; } = 250;

    /// <summary>How many parts of a mail and files of a zip. 1 to 1000; by default 50.</summary>
    public int MaxParts { get; init; } = 50;

    /// <summary>How many containers one in another: a mail, a mail within it, a zip file, gzip. 1 to 10; by default 5.</summary>
    public int MaxDepth { get; init; } = 5;

    /// <summary>
    /// How much memory there is for reports on their way in, in bytes, where nothing else is set: beside the 120 MB that an idle worker takes, and with what
    /// the garbage collector has not yet cleared away, it stays within 240 MB.
    /// </summary>
    public const int DefaultMemoryBytes = 40 << 20;

    /// <summary>How much memory there is for reports on their way in, of all that come at the same time, in bytes (<see cref="IntakeMemory"/>); null for the default, or as much as the largest report needs.</summary>
    public long? MemorySet { get; init; }

    /// <summary>The same, with the default.</summary>
    public long MemoryBytes => MemorySet ?? Math.Max(DefaultMemoryBytes, IntakeMemory.LeastFor(MaxBytes, MaxRatio));

    /// <summary>Binds the options to their settings.</summary>
    public static ReportLimitsOptions Bind(SettingsBinder settings)
    {
        var defaults = new ReportLimitsOptions();
        var limits = new ReportLimitsOptions
        {
            MaxBytes = settings.Number("Sts__ReportMaxBytes", defaults.MaxBytes, least: 1 << 10, most: 100 << 20),
            MaxExpandedBytes = settings.Number("Sts__ReportMaxExpandedBytes", defaults.MaxExpandedBytes, least: 1 << 10, most: 1 << 30),
            MaxRatio = settings.Number("Sts__ReportMaxRatio", defaults.MaxRatio, least: 10, most: 1_100),
            MaxParts = settings.Number("Sts__ReportMaxParts", defaults.MaxParts, least: 1, most: 1_000),
            MaxDepth = settings.Number("Sts__ReportMaxDepth", defaults.MaxDepth, least: 1, most: 10),
        };
        // No less than the largest report needs, however large that is set to be.
        var least = (int)IntakeMemory.LeastFor(limits.MaxBytes, limits.MaxRatio);
        return limits with { MemorySet = settings.OptionalNumber("Sts__ReportMemoryBytes", Math.Max(DefaultMemoryBytes, least), least, int.MaxValue) };
    }
}
