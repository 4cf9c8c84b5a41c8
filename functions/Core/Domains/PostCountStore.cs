using System.Diagnostics.CodeAnalysis;
using Azure;
using Azure.Core;
using Azure.Data.Tables;
using StsFunctions.Protocol;

namespace StsFunctions.Domains;

/// <summary>What came of counting posted reports.</summary>
internal enum PostCountOutcome
{
    /// <summary>They are counted.</summary>
    Counted,

    /// <summary>There would be more than the domain has in a day; nothing was counted.</summary>
    LimitReached,

    /// <summary>So many come at this very moment that these did not get their turn; nothing was counted.</summary>
    Contended,
}

/// <summary>
/// How many posted reports were taken for each policy domain today: a partition of its own in the <c>Reports</c> table, so
/// that the number is one for all instances of the app.
/// </summary>
internal sealed class PostCountStore
{
    // Instances of the app alone contend, each with one at a time: with ten of them, an attempt fails nine times in ten at worst.
    private const int MaxAttempts = 12;

    // Those of one instance take turns, a domain's in one line. A name that a stranger makes up is never counted, but there are many domains.
    private const int Lines = 64;

    private static readonly TimeSpan s_longestTurn = TimeSpan.FromSeconds(10);

    // With jitter, so that instances that met once do not meet again.
    private static readonly DelayStrategy s_delays = DelayStrategy.CreateExponentialDelayStrategy(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(500));

    private readonly SemaphoreSlim[] _lines = [.. Enumerable.Range(0, Lines).Select(_ => new SemaphoreSlim(1))];
    private const string Count = "Count";

    private readonly TableClient _table;
    private readonly TimeProvider _time;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public PostCountStore(TableServiceClient tables, TimeProvider time) => (_table, _time) = (tables.GetTableClient(StorageLayout.ReportsTable), time);

    /// <summary>Counts so many more for a domain today, up to <paramref name="most"/>.</summary>
    public async Task<PostCountOutcome> CountAsync(DomainName domain, int more, int most, CancellationToken cancellation)
    {
        var line = _lines[(uint)domain.GetHashCode() % Lines];
        if (!await line.WaitAsync(s_longestTurn, cancellation))
        {
            return PostCountOutcome.Contended;
        }

        try
        {
            for (var attempt = 1; attempt <= MaxAttempts; attempt++)
            {
                if (await TryCountAsync(domain, more, most, cancellation) is { } outcome)
                {
                    return outcome;
                }

                await Task.Delay(s_delays.GetNextDelay(null, attempt), cancellation);
            }

            return PostCountOutcome.Contended;
        }
        finally
        {
            line.Release();
        }
    }

    // Null where another instance counted in between.
    private async Task<PostCountOutcome?> TryCountAsync(DomainName domain, int more, int most, CancellationToken cancellation)
    {
        var key = Keys.PostCount(DateOnly.FromDateTime(_time.GetUtcNow().UtcDateTime), domain);
        var stored = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.PostCounts, key, cancellationToken: cancellation);
        var count = stored.HasValue ? stored.Value!.GetInt32(Count)!.Value : 0;
        if (count + more > most)
        {
            return PostCountOutcome.LimitReached;
        }

        var row = new TableEntity(Keys.PostCounts, key) { [Count] = count + more };
        try
        {
            await (stored.HasValue
                ? _table.UpdateEntityAsync(row, stored.Value!.ETag, TableUpdateMode.Replace, cancellation)
                : _table.AddEntityAsync(row, cancellation));
            return PostCountOutcome.Counted;
        }
        catch (RequestFailedException e) when (OptimisticConcurrency.IsConflict(e))
        {
            return null;
        }
    }
}
