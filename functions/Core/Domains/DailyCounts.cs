using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using Azure;
using Azure.Core;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;

namespace StsFunctions.Domains;

/// <summary>What came of counting reports.</summary>
internal enum PostCountOutcome
{
    /// <summary>They are counted.</summary>
    Counted,

    /// <summary>There would be more than there may be in a day; nothing was counted.</summary>
    LimitReached,

    /// <summary>So many come at this very moment that these did not get their turn; nothing was counted.</summary>
    Contended,
}

/// <summary>
/// How many reports of each kind were taken today, in a partition of the <c>Reports</c> table, so that a number is one for all instances of the app.
/// An instance remembers the rows that it has written: as long as no other one counts the same, a count is one call of storage.
/// </summary>
internal sealed class DailyCounts
{
    // Instances of the app alone contend, each with one at a time: with ten of them, an attempt fails nine times in ten at worst.
    private const int MaxAttempts = 12;

    // Those of one instance take turns, a row's in one line. There are more rows than lines.
    private const int Lines = 64;

    // A signer's name is made up by a stranger: no more are remembered than this.
    private const int MaxRemembered = 10_000;

    private const string Count = "Count";

    private static readonly TimeSpan s_longestTurn = TimeSpan.FromSeconds(10);

    // With jitter, so that instances that met once do not meet again.
    private static readonly DelayStrategy s_delays = DelayStrategy.CreateExponentialDelayStrategy(TimeSpan.FromMilliseconds(20), TimeSpan.FromMilliseconds(500));

    private readonly SemaphoreSlim[] _lines = [.. Enumerable.Range(0, Lines).Select(_ => new SemaphoreSlim(1))];
    private readonly ConcurrentDictionary<string, Row> _remembered = new(StringComparer.Ordinal);
    private readonly TableClient _table;
    private readonly string _partition;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public DailyCounts(TableServiceClient tables, string partition) => (_table, _partition) = (tables.GetTableClient(StorageLayout.ReportsTable), partition);

    /// <summary>Counts so many more in a row, up to <paramref name="most"/>.</summary>
    /// <param name="key">The row key, which begins with the day.</param>
    /// <param name="more">How many more.</param>
    /// <param name="most">How many there may be in all.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public async Task<PostCountOutcome> CountAsync(string key, int more, int most, CancellationToken cancellationToken)
    {
        var line = _lines[(uint)StringComparer.Ordinal.GetHashCode(key) % Lines];
        if (!await line.WaitAsync(s_longestTurn, cancellationToken))
        {
            return PostCountOutcome.Contended;
        }

        try
        {
            // First by what is remembered; that is enough to count, and not to refuse.
            if (Remembered(key) is var known && known.Count + more <= most && await TryWriteAsync(key, known, more, cancellationToken))
            {
                return PostCountOutcome.Counted;
            }

            for (var attempt = 1; attempt < MaxAttempts; attempt++)
            {
                known = await ReadAsync(key, cancellationToken);
                if (known.Count + more > most)
                {
                    return PostCountOutcome.LimitReached;
                }

                if (await TryWriteAsync(key, known, more, cancellationToken))
                {
                    return PostCountOutcome.Counted;
                }

                await Task.Delay(s_delays.GetNextDelay(null, attempt), cancellationToken);
            }

            return PostCountOutcome.Contended;
        }
        finally
        {
            line.Release();
        }
    }

    private Row Remembered(string key) => _remembered.GetValueOrDefault(key) ?? Row.None;

    // False where another instance counted in between.
    private async Task<bool> TryWriteAsync(string key, Row known, int more, CancellationToken cancellationToken)
    {
        var row = new TableEntity(_partition, key) { [Count] = known.Count + more };
        try
        {
            var written = await (known.Version is { } version
                ? _table.UpdateEntityAsync(row, version, TableUpdateMode.Replace, cancellationToken)
                : _table.AddEntityAsync(row, cancellationToken));
            Remember(key, new Row(known.Count + more, written.Headers.ETag));
            return true;
        }
        catch (RequestFailedException e) when (e.Status is 404 or 409 or 412 && e.ErrorCode != TableErrorCode.TableNotFound)
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
        // Those of yesterday go with all the others: what is forgotten costs a read.
        if (_remembered.Count >= MaxRemembered)
        {
            _remembered.Clear();
        }

        _remembered[key] = row;
    }

    /// <param name="Count">The number in it.</param>
    /// <param name="Version">Its version; null: there is no row yet.</param>
    private sealed record Row(int Count, ETag? Version)
    {
        public static readonly Row None = new(0, null);
    }
}
