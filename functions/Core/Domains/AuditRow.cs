using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>An entry of the audit trail as a row of the <c>Domains</c> table. The app writes it and never reads it.</summary>
internal static class AuditRow
{
    // A property of a table holds 64 KiB.
    private const int MaxDetail = 8 * 1024;

    /// <summary>The row of an entry.</summary>
    public static TableEntity ToEntity(string partition, DateTimeOffset at, string what, string detail) =>
        new(partition, Keys.Audit(at, what)) { ["At"] = at, ["What"] = what, ["Detail"] = detail.Length <= MaxDetail ? detail : detail[..MaxDetail] + "…" };
}
