using Azure.Data.Tables;

namespace StsFunctions.Storage.Domains;

/// <summary>An entry of the audit trail as a row of the <c>Domains</c> table. The app writes these rows and never reads them.</summary>
internal static class AuditRow
{
    // A table property holds 64 KiB.
    private const int MaxDetail = 8 * 1024;

    /// <summary>The row of an entry.</summary>
    public static TableEntity ToEntity(string partition, DateTimeOffset at, string what, string detail) =>
        new(partition, Keys.Audit(at, what)) { ["At"] = at, ["What"] = what, ["Detail"] = detail.Length <= MaxDetail ? detail : detail[..MaxDetail] + "…" };
}
