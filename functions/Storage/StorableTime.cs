namespace StsFunctions.Storage;

/// <summary>
/// Limits times to what a table can store: from the year 1601 on. A time from outside, such as the expiry of a certificate, may be any, and storage rejects
/// a row with an earlier one. The observation and the raw report retain the original time.
/// </summary>
internal static class StorableTime
{
    /// <summary>The earliest time that Azure Table storage accepts.</summary>
    public static DateTimeOffset Earliest { get; } = new(1601, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>The time, or the earliest that a table accepts.</summary>
    public static DateTimeOffset Clamp(DateTimeOffset time) => time < Earliest ? Earliest : time;

    /// <inheritdoc cref="Clamp(DateTimeOffset)"/>
    public static DateTimeOffset? Clamp(DateTimeOffset? time) => time is { } known ? Clamp(known) : null;
}
