using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Azure;
using Azure.Core;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;

namespace StsFunctions.Storage.Reports;

/// <summary>The result of counting reports.</summary>
internal enum PostCountOutcome
{
    /// <summary>The reports are counted.</summary>
    Counted,

    /// <summary>The daily limit would be exceeded; nothing was counted.</summary>
    LimitReached,

    /// <summary>Too many other reports are counted at this moment; nothing was counted.</summary>
    Contended,
}

/// <summary>
/// The number of reports of each kind today, in a partition of the <c>Reports</c> table, so that all instances of the app share it.
/// An instance caches the rows that it wrote: while no other instance counts the same, a count is one storage call.
/// </summary>
internal sealed class DailyCounts
{
    // Only instances of the app contend, each with one write at a time: with ten of them, an attempt fails nine times in ten at worst.
    private const int MaxAttempts = 12;

    // The writes of one instance take turns, one row in one line. There are more rows than lines.
    private const int Lines = 64;

    // An unknown sender chooses the signer's name, so the cache is limited to this size.
    private const int MaxRemembered = 10_000;

    private const string Count = "Count";

    private static readonly TimeSpan LongestTurn = TimeSpan.FromSeconds(10);

    // The jitter separates instances that collided.
    private static readonly DelayStrategy Delays = DelayStrategy.CreateExponentialDelayStrategy(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(500));

    private readonly SemaphoreSlim[] _lines = [.. Enumerable.Range(0, Lines).Select(_ => new SemaphoreSlim(1))];
    private readonly ConcurrentDictionary<string, Row> _remembered = new(StringComparer.Ordinal);
    private readonly TableClient _table;
    private readonly string _partition;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public DailyCounts(TableServiceClient tables, string partition) => (_table, _partition) = (tables.GetTableClient(StorageNames.ReportsTable), partition);

    /// <summary>Adds to the count of a row, up to <paramref name="most"/>.</summary>
    /// <param name="key">The row key, which begins with the day.</param>
    /// <param name="more">The number to add.</param>
    /// <param name="most">The highest total.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<PostCountOutcome> CountAsync(string key, int more, int most, CancellationToken cancellationToken)
    {
        var line = _lines[(uint)StringComparer.Ordinal.GetHashCode(key) % Lines];
        if (!await line.WaitAsync(LongestTurn, cancellationToken))
        {
            return PostCountOutcome.Contended;
        }

        try
        {
            // Try the cached row first: it is enough to count, but not to refuse.
            if (Remembered(key) is var cached && cached.Count + more <= most && await TryWriteAsync(key, cached, more, cancellationToken))
            {
                return PostCountOutcome.Counted;
            }

            for (var attempt = 1; attempt < MaxAttempts; attempt++)
            {
                cached = await ReadAsync(key, cancellationToken);
                if (cached.Count + more > most)
                {
                    return PostCountOutcome.LimitReached;
                }

                if (await TryWriteAsync(key, cached, more, cancellationToken))
                {
                    return PostCountOutcome.Counted;
                }

                // Other instances contend in real time, not in the time of the counted day.
                await Task.Delay(Delays.GetNextDelay(null, attempt), TimeProvider.System, cancellationToken);
            }

            return PostCountOutcome.Contended;
        }
        finally
        {
            line.Release();
        }
    }

    private Row Remembered(string key) => _remembered.GetValueOrDefault(key) ?? Row.None;

    // False if another instance counted meanwhile.
    private async Task<bool> TryWriteAsync(string key, Row stored, int more, CancellationToken cancellationToken)
    {
        var row = new TableEntity(_partition, key) { [Count] = stored.Count + more };
        try
        {
            var written = await (stored.Version is { } version
                ? _table.UpdateEntityAsync(row, version, TableUpdateMode.Replace, cancellationToken)
                : _table.AddEntityAsync(row, cancellationToken));
            Remember(key, new Row(stored.Count + more, written.Headers.ETag));
            return true;
        }
        catch (RequestFailedException e) when (OptimisticConcurrency.IsConflict(e))
        {
            return false;
        }
    }

    private async Task<Row> ReadAsync(string key, CancellationToken cancellationToken)
    {
        var stored = await _table.GetEntityIfExistsAsync<TableEntity>(_partition, key, cancellationToken: cancellationToken);
        return stored.HasValue ? new Row(stored.Value!.GetInt32(Count)!.Value, stored.Value.ETag) : Row.None;
    }

    private void Remember(string key, Row row)
    {
        // Yesterday's rows are cleared with the others; a cleared row costs one read.
        if (_remembered.Count >= MaxRemembered)
        {
            _remembered.Clear();
        }

        _remembered[key] = row;
    }

    /// <param name="Count">The count.</param>
    /// <param name="Version">Its version; null if there is no row yet.</param>
    private sealed record Row(int Count, ETag? Version)
    {
        public static readonly Row None = new(0, null);
    }
}
