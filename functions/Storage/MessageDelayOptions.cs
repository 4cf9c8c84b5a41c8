using StsFunctions.Core.Options;

namespace StsFunctions.Storage;

/// <summary>The delay between a change and the handling of its messages: longer than the change takes, so that the handler finds it.</summary>
internal sealed record MessageDelayOptions
{
    /// <summary>From a finding to its notification. Up to an hour; by default 30 seconds.</summary>
    public TimeSpan Notification { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>From a report to its evaluation: reports that arrive meanwhile are evaluated together. Up to an hour; by default 5 minutes.</summary>
    public TimeSpan ReportEvaluation { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Binds the options to their settings.</summary>
    public static MessageDelayOptions Bind(SettingsBinder settings)
    {
        var defaults = new MessageDelayOptions();
        return new()
        {
            Notification = settings.Time("Sts__NotificationDelay", defaults.Notification, least: TimeSpan.Zero, most: TimeSpan.FromHours(1)),
            ReportEvaluation = settings.Time("Sts__ReportEvaluationDelay", defaults.ReportEvaluation, least: TimeSpan.Zero, most: TimeSpan.FromHours(1)),
        };
    }
}
