using System.Globalization;
using Azure.Data.Tables;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Domains;

/// <summary>A line of the list of domains as a row of the <c>Fleet</c> table.</summary>
internal static class FleetEntryRow
{
    private const string Revision = "Revision";

    /// <summary>The row of a line.</summary>
    /// <param name="shard">The partition.</param>
    /// <param name="line">The line.</param>
    /// <param name="revision">The revision of the domain that the line shows.</param>
    public static TableEntity ToEntity(string shard, FleetRow line, long revision) => new(shard, line.Domain)
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
        ["WarningsPending"] = line.WarningsPending,
        ["Days"] = string.Join(' ', line.Days.Select(d => string.Create(CultureInfo.InvariantCulture, $"{d.Day:yyyyMMdd}:{d.Sessions}/{d.Failures}"))),
        [Revision] = revision,
    };

    /// <summary>The line of a row, with what tells whether it is still as it was read.</summary>
    public static FleetEntry ToEntry(TableEntity row) => new(ToLine(row), row.ETag, row.GetInt64(Revision) ?? 0);

    private static FleetRow ToLine(TableEntity row) => new(
        row.RowKey,
        row.GetString("Group"),
        Enum.Parse<PolicyMode>(row.GetString("Mode")),
        row.GetString("PolicyId"),
        row.GetString("WorstFinding") is { } worst ? Enum.Parse<Severity>(worst) : null,
        row.GetInt32("OpenFindings")!.Value,
        row.GetDateTimeOffset("NextExpiry"),
        row.GetDateTimeOffset("LastCheckAt"),
        row.GetBoolean("Observed")!.Value,
        row.GetInt32("WarningsPending")!.Value,
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
