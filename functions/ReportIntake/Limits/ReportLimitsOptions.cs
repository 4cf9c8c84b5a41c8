using StsFunctions.Core.Options;

namespace StsFunctions.ReportIntake.Limits;

/// <summary>The limits of a report's size and containers.</summary>
internal sealed record ReportLimitsOptions
{
    /// <summary>The bytes that may be expanded at any ratio: a small report of many similar lines is not a decompression bomb.</summary>
    public const int FreeExpandedBytes = 1 << 20;

    /// <summary>The most bytes on arrival. 1 KiB to 100 MiB; by default 10 MiB.</summary>
    public int MaxBytes { get; init; } = 10 << 20;

    /// <summary>The most decompressed bytes of one arrival. 1 KiB to 1 GiB; by default 100 MiB.</summary>
    public int MaxExpandedBytes { get; init; } = 100 << 20;

    /// <summary>The highest decompression ratio, beyond the first <see cref="FreeExpandedBytes"/>. 10 to 1100; by default 250.</summary>
    public int MaxRatio { get; init; } = 250;

    /// <summary>The most parts of a mail and files of a zip. 1 to 1000; by default 50.</summary>
    public int MaxParts { get; init; } = 50;

    /// <summary>The most nested containers: a mail, a mail in it, a zip file, gzip. 1 to 10; by default 5.</summary>
    public int MaxDepth { get; init; } = 5;

    /// <summary>
    /// The default memory for incoming reports, in bytes: with the 120 MB of an idle worker and the garbage that
    /// is not yet collected, the worker survives under a memory limit of 220 MB.
    /// </summary>
    public const int DefaultMemoryBytes = 40 << 20;

    /// <summary>The memory for all incoming reports at a time, in bytes (<see cref="IntakeMemory"/>); null for the default, or as much as the largest report needs.</summary>
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
        // At least what the largest allowed report needs.
        var least = (int)IntakeMemory.LeastFor(limits.MaxBytes, limits.MaxRatio);
        return limits with { MemorySet = settings.OptionalNumber("Sts__ReportMemoryBytes", Math.Max(DefaultMemoryBytes, least), least, int.MaxValue) };
    }
}
