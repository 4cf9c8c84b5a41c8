using Azure;
using Azure.Data.Tables;
using StsFunctions.Domains;

namespace StsFunctions.SweepStorage;

/// <summary>
/// Deletes rows that are older than they are kept, a bounded number a run. Keys begin with a time, so that the first row of a partition tells whether it holds any: a
/// partition without costs one call, and none is walked through.
/// </summary>
internal sealed class RowRetention(TableServiceClient tables)
{
    /// <summary>How many partitions one run looks at in one table.</summary>
    public int MaxPartitions { get; init; } = 1_000;

    /// <summary>How many rows one run deletes in one table, about: a transaction is carried out whole.</summary>
    public int MaxDeleted { get; init; } = 5_000;

    // What is no domain has keys of its own.
    private const char NoDomain = '@';

    /// <summary>Rows of reports on days before one. A report's own row goes before its failures: what no row names is read by nobody.</summary>
    public Task<RetentionPass> PurgeReportsAsync(string position, DateOnly before, CancellationToken cancellation) =>
        WalkAsync(StorageLayout.ReportsTable, position, "", Keys.Day(before), partition => partition[0] != NoDomain, cancellation);

    /// <summary>Rows of failures that were reported of days before one.</summary>
    public Task<RetentionPass> PurgeFailuresAsync(string position, DateOnly before, CancellationToken cancellation) =>
        WalkAsync(StorageLayout.ReportFailuresTable, position, "", Keys.Day(before), _ => true, cancellation);

    /// <summary>The audit trail of before a time, of domains and of the installation.</summary>
    public Task<RetentionPass> PurgeAuditAsync(string position, DateTimeOffset before, CancellationToken cancellation) =>
        WalkAsync(StorageLayout.DomainsTable, position, Keys.AuditPrefix, Keys.AuditPrefix + Keys.Round(before), _ => true, cancellation);

    /// <summary>
    /// How many reports were taken on days before one, and on days after another, which are still far off: a clock that was wrong counted on them, and would have them
    /// begin full.
    /// </summary>
    public async Task<RetentionPass> PurgePostCountsAsync(DateOnly before, DateOnly after, CancellationToken cancellation)
    {
        var table = tables.GetTableClient(StorageLayout.ReportsTable);
        var deleted = 0;
        foreach (var partition in (string[])[Keys.PostCounts, Keys.SignerCounts])
        {
            deleted += await DeleteAsync(table, partition, "", Keys.Day(before), MaxDeleted - deleted, cancellation);
            deleted += await DeleteAsync(table, partition, Keys.Day(after.AddDays(1)), Keys.EndOfDays, MaxDeleted - deleted, cancellation);
        }

        return new RetentionPass(deleted < MaxDeleted ? "" : "more", deleted, []);
    }

    private async Task<RetentionPass> WalkAsync(string name, string position, string from, string to, Func<string, bool> isKind, CancellationToken cancellation)
    {
        var table = tables.GetTableClient(name);
        var (deleted, failures) = (0, new List<Exception>());
        for (var partitions = 0; partitions < MaxPartitions && deleted < MaxDeleted && failures.Count < RetentionPass.MaxFailures; partitions++)
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey gt {position}");
            if (await table.QueryAsync<TableEntity>(filter, maxPerPage: 1, ["PartitionKey", "RowKey"], cancellation).FirstOrDefaultAsync(cancellation) is not { } first)
            {
                return new RetentionPass("", deleted, failures);
            }

            if (isKind(first.PartitionKey) && string.CompareOrdinal(first.RowKey, from) >= 0 && string.CompareOrdinal(first.RowKey, to) < 0)
            {
                try
                {
                    deleted += await DeleteAsync(table, first.PartitionKey, from, to, MaxDeleted - deleted, cancellation);
                }
                catch (Exception e) when (e is RequestFailedException or AggregateException)
                {
                    // One domain's trouble is not another's; it is tried again a day later.
                    failures.Add(e);
                }

                if (deleted >= MaxDeleted)
                {
                    // There may be more of it: the next run begins with this partition.
                    break;
                }
            }

            position = first.PartitionKey;
        }

        return new RetentionPass(position.Length > 0 ? position : BeforeAll, deleted, failures);
    }

    // Sorts before every partition, and is not the end.
    private const string BeforeAll = " ";

    private static async Task<int> DeleteAsync(TableClient table, string partition, string from, string to, int most, CancellationToken cancellation)
    {
        var deleted = 0;
        while (deleted < most)
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {from} and RowKey lt {to}");
            var rows = await table.QueryAsync<TableEntity>(filter, DomainStore.MaxOperations, ["PartitionKey", "RowKey"], cancellation).Take(DomainStore.MaxOperations).ToListAsync(cancellation);
            if (rows.Count == 0)
            {
                break;
            }

            await DeleteAsync(table, rows, cancellation);
            deleted += rows.Count;
        }

        return deleted;
    }

    private static async Task DeleteAsync(TableClient table, List<TableEntity> rows, CancellationToken cancellation)
    {
        try
        {
            await table.SubmitTransactionAsync(rows.Select(row => new TableTransactionAction(TableTransactionActionType.Delete, row, ETag.All)), cancellation);
        }
        catch (TableTransactionFailedException e) when (e.Status == 404)
        {
            // Another sweep was at it, or we were, and the answer was lost: one by one, a row that is gone is no fault.
            foreach (var row in rows)
            {
                await table.DeleteEntityAsync(row.PartitionKey, row.RowKey, ETag.All, cancellation);
            }
        }
    }
}
