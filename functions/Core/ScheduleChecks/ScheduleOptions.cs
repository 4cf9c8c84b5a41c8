using StsFunctions.Options;

namespace StsFunctions.ScheduleChecks;

/// <summary>When domains are checked.</summary>
internal sealed record ScheduleOptions
{
    /// <summary>A round's checks start over this long. Up to 6 hours; by default 30 minutes.</summary>
    public TimeSpan Spread { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>The least time between the beginnings of two rounds: a timer that fires again sooner goes on with the same one. Up to 12 hours; by default 30 minutes.</summary>
    public TimeSpan RoundGap { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Binds the options to their settings.</summary>
    public static ScheduleOptions Bind(SettingsBinder settings)
    {
        var defaults = new ScheduleOptions();
        return new()
        {
            Spread = settings.Time("Sts__CheckSpread", defaults.Spread, least: TimeSpan.Zero, most: TimeSpan.FromHours(6)),
            RoundGap = settings.Time("Sts__RoundGap", defaults.RoundGap, least: TimeSpan.Zero, most: TimeSpan.FromHours(12)),
        };
    }
}
