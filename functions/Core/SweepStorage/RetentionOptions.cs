using StsFunctions.Options;

namespace StsFunctions.SweepStorage;

/// <summary>
/// For how many days each kind of data is kept. Policies are no such kind: every one ever published stays, since how long senders may apply it is computed from it
/// (RFC 8461 §8.3).
/// </summary>
internal sealed record RetentionOptions
{
    private const int MaxDays = 3_650;

    /// <summary>Raw reports that were read, from the day on which they arrived. 7 to 3,650; by default 90.</summary>
    public int RawReportDays { get; init; } = 90;

    /// <summary>Raw reports that could not be read, likewise. 7 to 3,650; by default 30.</summary>
    public int QuarantineDays { get; init; } = 30;

    /// <summary>Rows of reports and of their failures, from the day that they are of. 35 to 3,650; by default 400.</summary>
    public int ReportDays { get; init; } = 400;

    /// <summary>What checks observed. 7 to 3,650; by default 90.</summary>
    public int ObservationDays { get; init; } = 90;

    /// <summary>The audit trail. 30 to 3,650; by default 730.</summary>
    public int AuditDays { get; init; } = 730;

    /// <summary>How many reports were taken by POST and of each signer, today being the first day. 2 to 3,650; by default 2.</summary>
    public int PostCountDays { get; init; } = 2;

    /// <summary>Binds the options to their settings: never shorter than what is read of each kind, which is summaries of 30 days, quarantine of 7, and observations of two days ago.</summary>
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
