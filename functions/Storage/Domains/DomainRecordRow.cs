using Azure;
using Azure.Data.Tables;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Storage.Domains;

/// <summary>The record of a domain as a row of the <c>Domains</c> table.</summary>
internal static class DomainRecordRow
{
    private const string State = "State";
    private const string Revision = "Revision";
    private const string ServedBlob = "ServedBlob";

    /// <summary>The row of a record.</summary>
    /// <param name="partition">The partition.</param>
    /// <param name="record">The record.</param>
    /// <param name="revision">The number of times that it was written, including this one.</param>
    /// <param name="servedBlob">The version of the blob that serves its policy; the default if it is not known.</param>
    public static TableEntity ToEntity(string partition, DomainRecord record, long revision, ETag servedBlob) => new(partition, Keys.Record)
    {
        ["Group"] = record.Group,
        [State] = record.State.ToString(),
        ["PolicyId"] = record.PolicyId,
        ["Mode"] = record.Mode.ToString(),
        ["AddedAt"] = record.AddedAt,
        ["CheckRun"] = record.CheckRun.Run,
        ["Attempt"] = record.CheckRun.Attempt,
        ["IsCheckRunOpen"] = record.CheckRun.IsOpen,
        ["AwaitsRemoteProbes"] = record.CheckRun.AwaitsRemoteProbes,
        ["CheckRunStartedAt"] = record.CheckRun.StartedAt,
        ["Observed"] = record.CheckRun.MxObserved,
        ["PendingFindings"] = PendingFinding.ToText(record.CheckRun.Pending),
        ["LastCheckAt"] = record.LastCheckAt,
        ["NextExpiry"] = record.NextExpiry,
        ["StsTtl"] = record.StsTtl,
        [Revision] = revision,
        [ServedBlob] = servedBlob == default ? null : servedBlob.ToString(),
    };

    /// <summary>The placeholder row in a partition without a record: its version is that of the partition.</summary>
    public static TableEntity WithoutRecord(string partition) => new(partition, Keys.Record);

    /// <summary>The record; null for a placeholder row.</summary>
    public static DomainRecord? ToRecord(TableEntity row) => !row.ContainsKey(State) ? null : new(
        row.GetString("Group"),
        Enum.Parse<DomainState>(row.GetString(State)),
        row.GetString("PolicyId"),
        Enum.Parse<PolicyMode>(row.GetString("Mode")),
        row.GetDateTimeOffset("AddedAt")!.Value,
        ToCheckRun(row),
        row.GetDateTimeOffset("LastCheckAt"),
        row.GetDateTimeOffset("NextExpiry"),
        row.GetInt32("StsTtl") ?? 0);

    /// <summary>The number of times that the record was written.</summary>
    public static long ToRevision(TableEntity row) => row.GetInt64(Revision) ?? 0;

    /// <summary>The version of the blob that serves the policy; the default if it is not known.</summary>
    public static ETag ToServedBlob(TableEntity row) => row.GetString(ServedBlob) is { } version ? new ETag(version) : default;

    private static CheckRunState ToCheckRun(TableEntity row) => new(row.GetString("CheckRun"), row.GetInt32("Attempt") ?? 0)
    {
        IsOpen = row.GetBoolean("IsCheckRunOpen") ?? false,
        AwaitsRemoteProbes = row.GetBoolean("AwaitsRemoteProbes") ?? false,
        StartedAt = row.GetDateTimeOffset("CheckRunStartedAt"),
        MxObserved = row.GetBoolean("Observed") ?? false,
        Pending = PendingFinding.FromText(row.GetString("PendingFindings")),
    };
}
