using Azure.Data.Tables;
using StsFunctions.Core.Findings;

namespace StsFunctions.Storage.Domains;

/// <summary>A pending notification as a row of the <c>Domains</c> table.</summary>
internal static class OutboxRow
{
    private const string SendId = "SendId";
    private const string HandedOverAt = "HandedOverAt";

    /// <summary>Whether a row is a pending notification.</summary>
    public static bool Is(TableEntity row) => row.RowKey.StartsWith(Keys.OutboxPrefix, StringComparison.Ordinal);

    /// <summary>The row of a change that was not passed to any send yet.</summary>
    public static TableEntity ToEntity(string partition, OutboxNotification warning)
    {
        var row = FindingRow.ToEntity(partition, warning.Key, warning.Finding);
        row["Change"] = warning.Change.ToString();
        row["At"] = warning.At;
        return row;
    }

    /// <summary>The properties that mark the row for a send, or remove the mark.</summary>
    public static TableEntity ToHandOver(string partition, OutboxNotification warning) =>
        new(partition, warning.Key) { [SendId] = warning.SendId ?? "", [HandedOverAt] = warning.HandedOverAt };

    /// <summary>The pending change of a row.</summary>
    public static OutboxNotification ToWarning(TableEntity row) => new(
        row.RowKey,
        Enum.Parse<Change>(row.GetString("Change")),
        FindingRow.ToFinding(row),
        row.GetDateTimeOffset("At")!.Value,
        row.GetString(SendId) is { Length: > 0 } sendId ? sendId : null,
        row.GetDateTimeOffset(HandedOverAt),
        row.ETag.ToString());
}
