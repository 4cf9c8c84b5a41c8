using Azure.Data.Tables;
using StsFunctions.Core.Reports;

namespace StsFunctions.Storage.Reports;

/// <summary>A report as a row of the <c>Reports</c> table.</summary>
internal static class ReportRow
{
    /// <summary>The row of a report.</summary>
    public static TableEntity ToEntity(Report report) => new(report.Domain, report.Key)
    {
        ["Submitter"] = report.Submitter,
        ["ReportId"] = report.ReportId,
        ["Start"] = StorableTime.Clamp(report.Start),
        ["End"] = StorableTime.Clamp(report.End),
        ["PolicyType"] = report.PolicyType,
        ["Sessions"] = report.Sessions,
        ["Failures"] = report.Failures,
        ["Source"] = report.Source.ToString(),
        ["Authentication"] = report.Authentication.ToString(),
        ["SignedBy"] = report.SignedBy,
        ["ArrivedAt"] = report.ArrivedAt,
        ["BodyHash"] = report.BodyHash,
        ["Generation"] = report.Generation,
        ["Blob"] = report.Blob,
        ["Digest"] = report.Digest?.ToJson(),
        ["Notes"] = NotesProperty.Write(report.Notes),
    };

    /// <summary>The properties to merge into the row of a report whose sender is now better authenticated.</summary>
    public static TableEntity ToImprovement(Report report) => new(report.Domain, report.Key)
    {
        ["Authentication"] = report.Authentication.ToString(),
        ["SignedBy"] = report.SignedBy,
        ["Source"] = report.Source.ToString(),
        ["Blob"] = report.Blob,
    };

    /// <summary>The report of a row.</summary>
    public static Report ToReport(TableEntity row) => new(
        row.PartitionKey,
        row.GetString("Submitter"),
        row.GetString("ReportId"),
        row.GetDateTimeOffset("Start")!.Value,
        row.GetDateTimeOffset("End") ?? default,
        row.GetString("PolicyType") ?? "",
        row.GetInt64("Sessions")!.Value,
        row.GetInt64("Failures")!.Value,
        Enum.Parse<ReportSource>(row.GetString("Source")),
        Enum.Parse<AuthenticationResult>(row.GetString("Authentication")),
        row.GetDateTimeOffset("ArrivedAt")!.Value,
        row.GetString("BodyHash"),
        row.GetString("Blob") ?? "")
    {
        Generation = row.GetString("Generation") ?? "",
        Digest = ReportDigest.FromJson(row.GetString("Digest")),
        SignedBy = row.GetString("SignedBy") ?? "",
        Notes = NotesProperty.Read(row.GetString("Notes")),
    };
}
