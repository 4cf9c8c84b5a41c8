using StsFunctions.Core.Options;

namespace StsFunctions.Core.Checks;

/// <summary>How a fault of the network is confirmed.</summary>
internal sealed record ConfirmationOptions
{
    /// <summary>From the start of one attempt of a check run to the start of the next. Up to 15 minutes; by default 5 minutes.</summary>
    public TimeSpan Delay { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Binds the options to their settings.</summary>
    public static ConfirmationOptions Bind(SettingsBinder settings) => new()
    {
        Delay = settings.Time("Sts__ConfirmationDelay", new ConfirmationOptions().Delay, least: TimeSpan.Zero, most: TimeSpan.FromMinutes(15)),
    };
}
