using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>A change that is still to be notified, as a row of the <c>Domains</c> table.</summary>
internal static class OutboxRow
{
    private const string SendId = "SendId";
    private const string HandedOverAt = "HandedOverAt";

    /// <summary>Whether a row is one.</summary>
    public static bool Is(TableEntity row) => row.RowKey.StartsWith(Keys.OutboxPrefix, StringComparison.Ordinal);

    /// <summary>The row of a change that nothing was tried with yet.</summary>
    public static TableEntity ToEntity(string partition, PendingWarning warning)
    {
        var row = FindingRow.ToEntity(partition, warning.Key, warning.Finding);
        row["Change"] = warning.Change.ToString();
        row["At"] = warning.At;
        return row;
    }

    /// <summary>What is merged into the row once a send has it; without one, what takes that back.</summary>
    public static TableEntity ToHandOver(string partition, PendingWarning warning) =>
        new(partition, warning.Key) { [SendId] = warning.SendId ?? "", [HandedOverAt] = warning.HandedOverAt };

    /// <summary>The pending change of a row.</summary>
    public static PendingWarning ToWarning(TableEntity row) => new(
        row.RowKey,
        Enum.Parse<Change>(row.GetString("Change")),
        FindingRow.ToFinding(row),
        row.GetDateTimeOffset("At")!.Value,
        row.GetString(SendId) is { Length: > 0 } sendId ? sendId : null,
        row.GetDateTimeOffset(HandedOverAt),
        row.ETag);
}
