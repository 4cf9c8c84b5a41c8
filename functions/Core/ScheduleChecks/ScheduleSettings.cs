namespace StsFunctions.ScheduleChecks;

/// <summary>When domains are looked at.</summary>
/// <param name="Spread">A round's checks start over this long.</param>
/// <param name="RoundGap">The least time between the beginnings of two rounds: a timer that fires again sooner goes on with the same one.</param>
internal sealed record ScheduleSettings(TimeSpan Spread, TimeSpan RoundGap);
