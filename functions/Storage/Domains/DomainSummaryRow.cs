using System.Globalization;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Storage.Domains;

/// <summary>The summary of a domain as a row of the <c>DomainSummaries</c> table.</summary>
internal static class DomainSummaryRow
{
    private const string Revision = "Revision";

    /// <summary>The row of a summary.</summary>
    /// <param name="shard">The partition.</param>
    /// <param name="line">The summary.</param>
    /// <param name="revision">The revision of the domain that the summary shows.</param>
    public static TableEntity ToEntity(string shard, DomainSummary line, long revision) => new(shard, line.Domain)
    {
        ["Group"] = line.Group,
        ["State"] = nameof(DomainState.Active),
        ["Mode"] = line.Mode.ToString(),
        ["PolicyId"] = line.PolicyId,
        ["WorstFinding"] = line.WorstFinding?.ToString(),
        ["OpenFindings"] = line.OpenFindings,
        ["NextExpiry"] = line.NextExpiry,
        ["LastCheckAt"] = line.LastCheckAt,
        ["Observed"] = line.Observed,
        ["PendingNotifications"] = line.PendingNotifications,
        ["Days"] = string.Join(' ', line.Days.Select(d => string.Create(CultureInfo.InvariantCulture, $"{d.Day:yyyyMMdd}:{d.Sessions}/{d.Failures}"))),
        [Revision] = revision,
    };

    /// <summary>The summary of a row, with its version.</summary>
    public static DomainSummaryEntry ToEntry(TableEntity row) => new(ToLine(row), row.ETag, row.GetInt64(Revision) ?? 0);

    private static DomainSummary ToLine(TableEntity row) => new(
        row.RowKey,
        row.GetString("Group"),
        Enum.Parse<PolicyMode>(row.GetString("Mode")),
        row.GetString("PolicyId"),
        row.GetString("WorstFinding") is { } worst ? Enum.Parse<Severity>(worst) : null,
        row.GetInt32("OpenFindings")!.Value,
        row.GetDateTimeOffset("NextExpiry"),
        row.GetDateTimeOffset("LastCheckAt"),
        row.GetBoolean("Observed")!.Value,
        row.GetInt32("PendingNotifications")!.Value,
        [.. (row.GetString("Days") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(ToDay)]);

    private static DailySessions ToDay(string text)
    {
        var parts = text.Split(':', '/');
        return new DailySessions(
            DateOnly.ParseExact(parts[0], "yyyyMMdd", CultureInfo.InvariantCulture),
            long.Parse(parts[1], CultureInfo.InvariantCulture),
            long.Parse(parts[2], CultureInfo.InvariantCulture));
    }
}
