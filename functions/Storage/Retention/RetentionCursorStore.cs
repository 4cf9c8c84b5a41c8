using System.Diagnostics.CodeAnalysis;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;

namespace StsFunctions.Storage.Retention;

/// <summary>The progress of the sweep for one kind of data.</summary>
/// <param name="Position">Where it continues; empty at the end.</param>
/// <param name="At">When it reached that position.</param>
internal sealed record RetentionCursor(string Position, DateTimeOffset At);

/// <summary>The progress of the sweep for each kind of data: rows of the operator's partition, so that each run does a part, and a day without work costs one read per run.</summary>
internal sealed class RetentionCursorStore
{
    private readonly TableClient _table;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public RetentionCursorStore(TableServiceClient tables) => _table = tables.GetTableClient(StorageNames.DomainsTable);

    /// <summary>Reads all cursors, by kind, with one query.</summary>
    public async Task<IReadOnlyDictionary<string, RetentionCursor>> ReadAsync(CancellationToken cancellationToken)
    {
        var cursors = new Dictionary<string, RetentionCursor>(StringComparer.Ordinal);
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Installation.Partition} and RowKey ge {Keys.RetentionPrefix} and RowKey lt {Keys.EndOfRetention}");
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken))
        {
            cursors[row.RowKey[Keys.RetentionPrefix.Length..]] = new RetentionCursor(row.GetString("Position") ?? "", row.GetDateTimeOffset("At")!.Value);
        }

        return cursors;
    }

    /// <summary>Stores the progress. Of two concurrent sweeps the later one counts: deleted data is deleted for both.</summary>
    public Task WriteAsync(string kind, RetentionCursor cursor, CancellationToken cancellationToken) => _table.UpsertEntityAsync(
        new TableEntity(Installation.Partition, Keys.RetentionPrefix + kind) { ["Position"] = cursor.Position, ["At"] = cursor.At }, TableUpdateMode.Replace, cancellationToken);
}
