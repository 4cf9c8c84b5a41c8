using System.Diagnostics.CodeAnalysis;
using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using StsFunctions.Protocol;

namespace StsFunctions.Domains;

/// <summary>
/// How many posted reports were taken for each policy domain today: a partition of its own in the <c>Reports</c> table, so
/// that the number is one for all instances of the app.
/// </summary>
internal sealed class PostCountStore
{
    private const int MaxAttempts = 5;
    private const string Count = "Count";

    private readonly TableClient _table;
    private readonly TimeProvider _time;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public PostCountStore(TableServiceClient tables, TimeProvider time) => (_table, _time) = (tables.GetTableClient(StorageLayout.ReportsTable), time);

    /// <summary>
    /// Counts so many more for a domain today. False: that would be more than <paramref name="most"/>, or so many come at this very moment
    /// that these do not get their turn; nothing was counted.
    /// </summary>
    public async Task<bool> TryCountAsync(DomainName domain, int more, int most, CancellationToken cancellation)
    {
        var key = Keys.PostCount(DateOnly.FromDateTime(_time.GetUtcNow().UtcDateTime), domain);
        for (var attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            var stored = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.PostCounts, key, cancellationToken: cancellation);
            var count = stored.HasValue ? stored.Value!.GetInt32(Count)!.Value : 0;
            if (count + more > most)
            {
                return false;
            }

            var row = new TableEntity(Keys.PostCounts, key) { [Count] = count + more };
            try
            {
                await (stored.HasValue
                    ? _table.UpdateEntityAsync(row, stored.Value!.ETag, TableUpdateMode.Replace, cancellation)
                    : _table.AddEntityAsync(row, cancellation));
                return true;
            }
            catch (RequestFailedException e) when (e.Status is 404 or 409 or 412 && e.ErrorCode != TableErrorCode.TableNotFound)
            {
                // Another post for this domain was counted in between.
            }
        }

        return false;
    }

    /// <summary>Clears away the counts of days gone by, and of days that are still far off: a clock that was wrong counted on them, and would have them begin full.</summary>
    public async Task SweepAsync(CancellationToken cancellation)
    {
        // The day before is kept: an instance's clock may be behind.
        // So is the day after it: another instance's may be ahead.
        var today = DateOnly.FromDateTime(_time.GetUtcNow().UtcDateTime);
        var (first, end) = (Keys.Day(today.AddDays(-1)), Keys.Day(today.AddDays(2)));
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Keys.PostCounts} and (RowKey lt {first} or RowKey ge {end})");
        var old = await _table.QueryAsync<TableEntity>(filter, select: ["PartitionKey", "RowKey"], cancellationToken: cancellation).ToListAsync(cancellation);
        foreach (var row in old)
        {
            // One by one: of two sweeps at once, either may find a row gone.
            await _table.DeleteEntityAsync(row.PartitionKey, row.RowKey, ETag.All, cancellation);
        }
    }
}
