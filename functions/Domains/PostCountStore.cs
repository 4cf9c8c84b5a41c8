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
}
