using Azure.Data.Tables;
using StsFunctions.Core.Reports;

namespace StsFunctions.Storage.Reports;

/// <summary>Failed sessions of a report as a row of the <c>ReportFailures</c> table.</summary>
internal static class ReportFailureRow
{
    /// <summary>The row of a failure.</summary>
    public static TableEntity ToEntity(string domain, string key, ReportFailure failure) => new(domain, key)
    {
        ["ResultType"] = failure.ResultType,
        ["MxHost"] = failure.MxHost,
        ["Address"] = failure.Address,
        ["Sessions"] = failure.Sessions,
        ["Information"] = failure.Information,
        ["PolicyType"] = failure.PolicyType,
    };

    /// <summary>The failure of a row.</summary>
    /// <param name="row">The row.</param>
    /// <param name="policyType">The policy type of a row without one.</param>
    public static ReportFailure ToFailure(TableEntity row, string policyType) => new(
        row.GetString("ResultType"), row.GetString("MxHost"), row.GetString("Address"), row.GetInt64("Sessions")!.Value, row.GetString("Information"))
    {
        PolicyType = row.GetString("PolicyType") ?? policyType,
    };
}
