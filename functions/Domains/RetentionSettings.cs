namespace StsFunctions.Domains;

/// <summary>For how many days each kind of data is kept. Policies are no such kind: every one ever published stays, since how long senders may apply it is computed from it (RFC 8461 §8.3).</summary>
/// <param name="RawReportDays">Raw reports that were read, from the day on which they arrived.</param>
/// <param name="QuarantineDays">Raw reports that could not be read, likewise.</param>
/// <param name="ReportDays">Rows of reports and of their failures, from the day that they are of.</param>
/// <param name="ObservationDays">What checks observed.</param>
/// <param name="AuditDays">The audit trail.</param>
/// <param name="PostCountDays">How many reports were taken by POST, today being the first day.</param>
internal sealed record RetentionSettings(int RawReportDays, int QuarantineDays, int ReportDays, int ObservationDays, int AuditDays, int PostCountDays)
{
    /// <summary>What is kept unless something else is set.</summary>
    public static RetentionSettings Default { get; } = new(RawReportDays: 90, QuarantineDays: 30, ReportDays: 400, ObservationDays: 90, AuditDays: 730, PostCountDays: 2);
}
