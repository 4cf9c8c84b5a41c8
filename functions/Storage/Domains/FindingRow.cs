using Azure.Data.Tables;
using StsFunctions.Core.Findings;

namespace StsFunctions.Storage.Domains;

/// <summary>The properties of a finding in the row of an open finding and in a row of the outbox.</summary>
internal static class FindingRow
{
    /// <summary>Whether a row is an open finding.</summary>
    public static bool IsOpen(TableEntity row) => row.RowKey.StartsWith(Keys.FindingPrefix, StringComparison.Ordinal);

    /// <summary>The row of an open finding.</summary>
    public static TableEntity ToEntity(string partition, OpenFinding open)
    {
        var row = ToEntity(partition, Keys.Finding(open.Finding.Code, open.Finding.Subject), open.Finding);
        row["OpenedAt"] = open.OpenedAt;
        row["CheckRun"] = open.CheckRun;
        return row;
    }

    /// <summary>A row with the properties of a finding.</summary>
    public static TableEntity ToEntity(string partition, string key, Finding finding) => new(partition, key)
    {
        ["Code"] = finding.Code,
        ["Severity"] = finding.Severity.ToString(),
        ["Subject"] = finding.Subject,
        ["Evidence"] = finding.Evidence,
        ["Meaning"] = finding.Meaning,
        ["Remedy"] = finding.Remedy,
        ["Rfc"] = finding.Rfc,
        ["Stage"] = finding.Stage,
        ["Notifies"] = finding.Notifies,
        ["Basis"] = finding.Basis.Length > 0 ? finding.Basis : null,
    };

    /// <summary>The open finding of a row.</summary>
    public static OpenFinding ToOpenFinding(TableEntity row) => new(ToFinding(row), row.GetDateTimeOffset("OpenedAt")!.Value, row.GetString("CheckRun"));

    /// <summary>The finding of a row.</summary>
    public static Finding ToFinding(TableEntity row) => new(
        row.GetString("Code"),
        Enum.Parse<Severity>(row.GetString("Severity")),
        row.GetString("Subject"),
        row.GetString("Evidence"),
        row.GetString("Meaning"),
        row.GetString("Remedy"),
        row.GetString("Rfc"),
        row.GetInt32("Stage") ?? 0)
    {
        Notifies = row.GetBoolean("Notifies") ?? true,
        Basis = row.GetString("Basis") ?? "",
    };
}
