using Azure;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Time;

namespace StsFunctions.Storage.Retention;

/// <summary>
/// Deletes rows that are past their retention, a limited number per run. Keys begin with a time, so the first row of a partition shows whether it has expired rows: a
/// partition without any costs one call and is not scanned.
/// </summary>
internal sealed class RowRetention(TableServiceClient tables)
{
    /// <summary>The number of partitions that one run checks in one table.</summary>
    public int MaxPartitions { get; init; } = 1_000;

    /// <summary>The approximate number of rows that one run deletes in one table: it finishes a started transaction.</summary>
    public int MaxDeleted { get; init; } = 5_000;

    // Partitions that belong to no domain have other keys.
    private const char NoDomain = '@';

    /// <summary>Deletes reports of days before a day. A report's row is deleted before its failures: nobody reads failures without a row.</summary>
    public Task<RetentionPass> PurgeReportsAsync(string position, DateOnly before, CancellationToken cancellationToken) =>
        WalkAsync(StorageNames.ReportsTable, position, "", ReportIdentity.Day(before), partition => partition[0] != NoDomain, cancellationToken);

    /// <summary>Deletes failures that were reported for days before a day.</summary>
    public Task<RetentionPass> PurgeFailuresAsync(string position, DateOnly before, CancellationToken cancellationToken) =>
        WalkAsync(StorageNames.ReportFailuresTable, position, "", ReportIdentity.Day(before), _ => true, cancellationToken);

    /// <summary>Deletes audit entries from before a time, of domains and of the installation.</summary>
    public Task<RetentionPass> PurgeAuditAsync(string position, DateTimeOffset before, CancellationToken cancellationToken) =>
        WalkAsync(StorageNames.DomainsTable, position, Keys.AuditPrefix, Keys.AuditPrefix + CheckRunId.Of(before), _ => true, cancellationToken);

    /// <summary>
    /// Deletes the daily counts before one day, and those after another day, far in the future: a wrong clock created them, and those days would
    /// start with used limits.
    /// </summary>
    public async Task<RetentionPass> PurgePostCountsAsync(DateOnly before, DateOnly after, CancellationToken cancellationToken)
    {
        var table = tables.GetTableClient(StorageNames.ReportsTable);
        var deleted = 0;
        foreach (var partition in (string[])[Keys.PostCounts, Keys.SignerCounts])
        {
            deleted += await DeleteAsync(table, partition, "", ReportIdentity.Day(before), MaxDeleted - deleted, cancellationToken);
            deleted += await DeleteAsync(table, partition, ReportIdentity.Day(after.AddDays(1)), Keys.EndOfDays, MaxDeleted - deleted, cancellationToken);
        }

        return new RetentionPass(deleted < MaxDeleted ? "" : "more", deleted, []);
    }

    private async Task<RetentionPass> WalkAsync(string name, string position, string from, string to, Func<string, bool> isKind, CancellationToken cancellationToken)
    {
        var table = tables.GetTableClient(name);
        var (deleted, failures) = (0, new List<Exception>());
        for (var partitions = 0; partitions < MaxPartitions && deleted < MaxDeleted && failures.Count < RetentionPass.MaxFailures; partitions++)
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey gt {position}");
            if (await table.QueryAsync<TableEntity>(filter, maxPerPage: 1, ["PartitionKey", "RowKey"], cancellationToken).FirstOrDefaultAsync(cancellationToken) is not { } first)
            {
                return new RetentionPass("", deleted, failures);
            }

            if (isKind(first.PartitionKey) && string.CompareOrdinal(first.RowKey, from) >= 0 && string.CompareOrdinal(first.RowKey, to) < 0)
            {
                try
                {
                    deleted += await DeleteAsync(table, first.PartitionKey, from, to, MaxDeleted - deleted, cancellationToken);
                }
                catch (Exception e) when (e is RequestFailedException or AggregateException)
                {
                    // A failure of one domain does not stop the others; the next day's run tries it again.
                    failures.Add(e);
                }

                if (deleted >= MaxDeleted)
                {
                    // There may be more rows: the next run starts with this partition.
                    break;
                }
            }

            position = first.PartitionKey;
        }

        return new RetentionPass(position.Length > 0 ? position : BeforeAll, deleted, failures);
    }

    // Sorts before every partition, and differs from the end.
    private const string BeforeAll = " ";

    private static async Task<int> DeleteAsync(TableClient table, string partition, string from, string to, int most, CancellationToken cancellationToken)
    {
        var deleted = 0;
        while (deleted < most)
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {from} and RowKey lt {to}");
            var rows = await table.QueryAsync<TableEntity>(filter, StorageLayout.MaxOperations, ["PartitionKey", "RowKey"], cancellationToken).Take(StorageLayout.MaxOperations).ToListAsync(cancellationToken);
            if (rows.Count == 0)
            {
                break;
            }

            await DeleteAsync(table, rows, cancellationToken);
            deleted += rows.Count;
        }

        return deleted;
    }

    private static async Task DeleteAsync(TableClient table, List<TableEntity> rows, CancellationToken cancellationToken)
    {
        try
        {
            await table.SubmitTransactionAsync(rows.Select(row => new TableTransactionAction(TableTransactionActionType.Delete, row, ETag.All)), cancellationToken);
        }
        catch (TableTransactionFailedException e) when (e.Status == 404)
        {
            // Another sweep deleted a row, or this one did and the answer was lost: delete one by one, since a missing row is no failure.
            foreach (var row in rows)
            {
                await table.DeleteEntityAsync(row.PartitionKey, row.RowKey, ETag.All, cancellationToken);
            }
        }
    }
}
