using StsFunctions.Core.Options;

namespace StsFunctions.Storage.Retention;

/// <summary>
/// The retention of each kind of data, in days. Policies have no retention: every published policy stays, since the time that senders may apply it is computed from it
/// (RFC 8461 §8.3).
/// </summary>
internal sealed record RetentionOptions
{
    private const int MaxDays = 3_650;

    /// <summary>Raw reports that were read, counted from the day of arrival. 7 to 3,650; by default 90.</summary>
    public int RawReportDays { get; init; } = 90;

    /// <summary>Raw reports that could not be read, counted from the day of arrival. 7 to 3,650; by default 30.</summary>
    public int QuarantineDays { get; init; } = 30;

    /// <summary>Rows of reports and their failures, counted from the reported day. 35 to 3,650; by default 400.</summary>
    public int ReportDays { get; init; } = 400;

    /// <summary>Observations of checks. 7 to 3,650; by default 90.</summary>
    public int ObservationDays { get; init; } = 90;

    /// <summary>The audit trail. 30 to 3,650; by default 730.</summary>
    public int AuditDays { get; init; } = 730;

    /// <summary>The daily counts of reports by POST and of each signer; today is the first day. 2 to 3,650; by default 2.</summary>
    public int PostCountDays { get; init; } = 2;

    /// <summary>Binds the options to their settings. The minima are what the app reads of each kind: summaries of 30 days, quarantine of 7, and observations of two days ago.</summary>
    public static RetentionOptions Bind(SettingsBinder settings)
    {
        var defaults = new RetentionOptions();
        return new()
        {
            RawReportDays = settings.Number("Sts__RawReportDays", defaults.RawReportDays, least: 7, most: MaxDays),
            QuarantineDays = settings.Number("Sts__QuarantineDays", defaults.QuarantineDays, least: 7, most: MaxDays),
            ReportDays = settings.Number("Sts__ReportDays", defaults.ReportDays, least: 35, most: MaxDays),
            ObservationDays = settings.Number("Sts__ObservationDays", defaults.ObservationDays, least: 7, most: MaxDays),
            AuditDays = settings.Number("Sts__AuditDays", defaults.AuditDays, least: 30, most: MaxDays),
            PostCountDays = settings.Number("Sts__PostCountDays", defaults.PostCountDays, least: 2, most: MaxDays),
        };
    }
}
