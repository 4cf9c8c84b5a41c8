using System.Diagnostics.CodeAnalysis;
using Azure;
using Azure.Data.Tables;
using StsFunctions.Protocol;

namespace StsFunctions.Domains;

/// <summary>The <c>Reports</c> and <c>ReportFailures</c> tables: the failures first, under a generation; the row that names the generation last.</summary>
internal sealed class ReportStore
{
    private readonly TableClient _reports;
    private readonly TableClient _failures;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public ReportStore(TableServiceClient tables) =>
        (_reports, _failures) = (tables.GetTableClient(StorageLayout.ReportsTable), tables.GetTableClient(StorageLayout.ReportFailuresTable));

    /// <summary>Stores a report once: the same body again changes nothing; another body of the same identity is kept, marked superseded (RPT-6).</summary>
    public async Task StoreAsync(Report report, IReadOnlyList<ReportFailure> failures, CancellationToken cancellation)
    {
        var key = Keys.Report(report.Day, report.Submitter, report.ReportId, report.Start);
        var first = await _reports.GetEntityIfExistsAsync<TableEntity>(report.Domain, key, ["BodyHash"], cancellation);
        if (first.HasValue && first.Value!.GetString("BodyHash") == report.BodyHash)
        {
            return;
        }

        if (first.HasValue)
        {
            key = $"{key}:{report.BodyHash}";
            report = report with { Superseded = true };
        }

        await WriteFailuresAsync(report, key, failures, cancellation);
        try
        {
            await _reports.AddEntityAsync(ToRow(report, key), cancellation);
        }
        catch (RequestFailedException e) when (e.Status == 409 && report.Superseded)
        {
            // The same superseded body a second time.
        }
        catch (RequestFailedException e) when (e.Status == 409)
        {
            throw new ConcurrentChangeException(report.Domain, e);
        }
    }

    /// <summary>A domain's reports from a day on, oldest first.</summary>
    public async Task<IReadOnlyList<Report>> ReadAsync(DomainName domain, DateOnly from, CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {domain.Value} and RowKey ge {Keys.Day(from)}");
        var reports = new List<Report>();
        await foreach (var row in _reports.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
        {
            reports.Add(ToReport(row));
        }

        return reports;
    }

    /// <summary>The failures of a report's one generation that counts.</summary>
    public async Task<IReadOnlyList<ReportFailure>> ReadFailuresAsync(Report report, CancellationToken cancellation)
    {
        var key = $"{Keys.Report(report.Day, report.Submitter, report.ReportId, report.Start)}{(report.Superseded ? $":{report.BodyHash}" : "")}:{report.Generation}:";
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {report.Domain} and RowKey ge {key} and RowKey lt {key + "~"}");
        var failures = new List<ReportFailure>();
        await foreach (var row in _failures.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
        {
            failures.Add(new ReportFailure(
                row.GetString("ResultType"), row.GetString("MxHost"), row.GetString("Address"), row.GetInt64("Sessions")!.Value, row.GetString("Information")));
        }

        return failures;
    }

    private async Task WriteFailuresAsync(Report report, string key, IReadOnlyList<ReportFailure> failures, CancellationToken cancellation)
    {
        var number = 0;
        foreach (var chunk in failures.Chunk(DomainStore.MaxOperations))
        {
            var rows = chunk.Select(failure => new TableTransactionAction(
                TableTransactionActionType.UpsertReplace,
                new TableEntity(report.Domain, Keys.ReportFailure(key, report.Generation, number++))
                {
                    ["ResultType"] = failure.ResultType,
                    ["MxHost"] = failure.MxHost,
                    ["Address"] = failure.Address,
                    ["Sessions"] = failure.Sessions,
                    ["Information"] = failure.Information,
                })).ToList();
            await _failures.SubmitTransactionAsync(rows, cancellation);
        }
    }

    private static TableEntity ToRow(Report report, string key) => new(report.Domain, key)
    {
        ["Submitter"] = report.Submitter,
        ["ReportId"] = report.ReportId,
        ["Start"] = report.Start,
        ["End"] = report.End,
        ["PolicyType"] = report.PolicyType,
        ["Sessions"] = report.Sessions,
        ["Failures"] = report.Failures,
        ["Source"] = report.Source.ToString(),
        ["Verdict"] = report.Verdict,
        ["BodyHash"] = report.BodyHash,
        ["Generation"] = report.Generation,
        ["Blob"] = report.Blob,
        ["Superseded"] = report.Superseded,
    };

    private static Report ToReport(TableEntity row) => new(
        row.PartitionKey,
        row.GetString("Submitter"),
        row.GetString("ReportId"),
        row.GetDateTimeOffset("Start")!.Value,
        row.GetDateTimeOffset("End")!.Value,
        row.GetString("PolicyType"),
        row.GetInt64("Sessions")!.Value,
        row.GetInt64("Failures")!.Value,
        Enum.Parse<ReportSource>(row.GetString("Source")),
        row.GetString("Verdict"),
        row.GetString("BodyHash"),
        row.GetString("Generation"),
        row.GetString("Blob"),
        row.GetBoolean("Superseded")!.Value);
}
