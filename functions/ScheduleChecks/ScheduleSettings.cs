namespace StsFunctions.ScheduleChecks;

/// <summary>When domains are looked at.</summary>
/// <param name="Spread">A round's checks start over this long.</param>
internal sealed record ScheduleSettings(TimeSpan Spread);
