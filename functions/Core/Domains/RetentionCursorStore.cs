using System.Diagnostics.CodeAnalysis;
using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>How far the sweep has come with one kind of data.</summary>
/// <param name="Position">Where it goes on; empty where it reached the end.</param>
/// <param name="At">When it came there.</param>
internal sealed record RetentionCursor(string Position, DateTimeOffset At);

/// <summary>Where the sweep goes on with each kind of data: rows of the operator's partition, so that each run does a part, and a day without anything to do costs one read a run.</summary>
internal sealed class RetentionCursorStore
{
    private readonly TableClient _table;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public RetentionCursorStore(TableServiceClient tables) => _table = tables.GetTableClient(StorageLayout.DomainsTable);

    /// <summary>All of them, by kind, with one query.</summary>
    public async Task<IReadOnlyDictionary<string, RetentionCursor>> ReadAsync(CancellationToken cancellation)
    {
        var cursors = new Dictionary<string, RetentionCursor>(StringComparer.Ordinal);
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Keys.Operator} and RowKey ge {Keys.RetentionPrefix} and RowKey lt {Keys.EndOfRetention}");
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
        {
            cursors[row.RowKey[Keys.RetentionPrefix.Length..]] = new RetentionCursor(row.GetString("Position") ?? "", row.GetDateTimeOffset("At")!.Value);
        }

        return cursors;
    }

    /// <summary>Notes how far it came. Of two sweeps at once the later one counts: what is gone is gone for both.</summary>
    public Task WriteAsync(string kind, RetentionCursor cursor, CancellationToken cancellation) => _table.UpsertEntityAsync(
        new TableEntity(Keys.Operator, Keys.RetentionPrefix + kind) { ["Position"] = cursor.Position, ["At"] = cursor.At }, TableUpdateMode.Replace, cancellation);
}
