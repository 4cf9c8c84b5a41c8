namespace StsFunctions.Domains;

/// <summary>
/// Times as a table holds them: from the year 1601 on. A time from outside, such as the end of a certificate, may be any; a row
/// with an earlier one is refused whole. What it was is in the observation, and in the raw report.
/// </summary>
internal static class StorableTime
{
    /// <summary>The earliest time that Azure Table storage takes.</summary>
    public static DateTimeOffset Earliest { get; } = new(1601, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The time, or the earliest that a table takes.</summary>
    public static DateTimeOffset Clamp(DateTimeOffset time) => time < Earliest ? Earliest : time;

    /// <inheritdoc cref="Clamp(DateTimeOffset)"/>
    public static DateTimeOffset? Clamp(DateTimeOffset? time) => time is { } known ? Clamp(known) : null;
}
