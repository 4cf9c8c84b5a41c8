namespace StsFunctions.Reports;

/// <summary>How large a report may be.</summary>
/// <param name="MaxBytes">As it arrives, in bytes.</param>
/// <param name="MaxExpandedBytes">Decompressed, in bytes.</param>
internal sealed record ReportSettings(int MaxBytes, int MaxExpandedBytes);
