using StsFunctions.Core.Options;

namespace StsFunctions.UseCases.Checks;

/// <summary>When domains are checked.</summary>
internal sealed record ScheduleOptions
{
    /// <summary>The time over which the checks of a check run are spread. Up to 6 hours; by default 30 minutes.</summary>
    public TimeSpan Spread { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>The least time between the starts of two check runs: a timer that fires again sooner continues the same one. Up to 12 hours; by default 30 minutes.</summary>
    public TimeSpan MinRunInterval { get; init; } = TimeSpan.FromMinutes(30);

    /// <summary>Binds the options to their settings.</summary>
    public static ScheduleOptions Bind(SettingsBinder settings)
    {
        var defaults = new ScheduleOptions();
        return new()
        {
            Spread = settings.Time("Sts__CheckSpread", defaults.Spread, least: TimeSpan.Zero, most: TimeSpan.FromHours(6)),
            MinRunInterval = settings.Time("Sts__MinRunInterval", defaults.MinRunInterval, least: TimeSpan.Zero, most: TimeSpan.FromHours(12)),
        };
    }
}
