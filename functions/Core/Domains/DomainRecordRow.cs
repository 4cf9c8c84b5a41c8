using Azure;
using Azure.Data.Tables;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Domains;

/// <summary>The record of a domain as a row of the <c>Domains</c> table.</summary>
internal static class DomainRecordRow
{
    private const string State = "State";
    private const string Revision = "Revision";
    private const string ServedBlob = "ServedBlob";

    /// <summary>The row of a record.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="record">The record.</param>
    /// <param name="revision">How often it was written, this time included.</param>
    /// <param name="servedBlob">The version of the blob that its policy is served from; default where it is not known.</param>
    public static TableEntity ToEntity(string partition, DomainRecord record, long revision, ETag servedBlob) => new(partition, Keys.Record)
    {
        ["Group"] = record.Group,
        [State] = record.State.ToString(),
        ["PolicyId"] = record.PolicyId,
        ["Mode"] = record.Mode.ToString(),
        ["AddedAt"] = record.AddedAt,
        ["LastRound"] = record.LastRound,
        ["LastCheckAt"] = record.LastCheckAt,
        ["Observed"] = record.Observed,
        ["NextExpiry"] = record.NextExpiry,
        ["LastLook"] = record.LastLook,
        ["LooksAgain"] = record.LooksAgain,
        ["Suspects"] = Suspect.ToText(record.Suspects),
        ["RoundBeganAt"] = record.RoundBeganAt,
        ["StsTtl"] = record.StsTtl,
        [Revision] = revision,
        [ServedBlob] = servedBlob == default ? null : servedBlob.ToString(),
    };

    /// <summary>The row in a record's place, in a partition that has none: its version is that of the partition.</summary>
    public static TableEntity WithoutRecord(string partition) => new(partition, Keys.Record);

    /// <summary>The record; null for a row that stands in its place.</summary>
    public static DomainRecord? ToRecord(TableEntity row) => !row.ContainsKey(State) ? null : new(
        row.GetString("Group"),
        Enum.Parse<DomainState>(row.GetString(State)),
        row.GetString("PolicyId"),
        Enum.Parse<PolicyMode>(row.GetString("Mode")),
        row.GetDateTimeOffset("AddedAt")!.Value,
        row.GetString("LastRound"),
        row.GetDateTimeOffset("LastCheckAt"),
        row.GetBoolean("Observed") ?? false,
        row.GetDateTimeOffset("NextExpiry"),
        row.GetInt32("LastLook") ?? 0,
        row.GetBoolean("LooksAgain") ?? false,
        Suspect.FromText(row.GetString("Suspects")),
        row.GetDateTimeOffset("RoundBeganAt"),
        row.GetInt32("StsTtl") ?? 0);

    /// <summary>How often the record was written.</summary>
    public static long ToRevision(TableEntity row) => row.GetInt64(Revision) ?? 0;

    /// <summary>The version of the blob that the policy is served from; default where it is not known.</summary>
    public static ETag ToServedBlob(TableEntity row) => row.GetString(ServedBlob) is { } version ? new ETag(version) : default;
}
