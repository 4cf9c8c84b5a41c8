using System.Diagnostics.CodeAnalysis;
using System.Net;
using Azure;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Time;

namespace StsFunctions.Storage.Probes;

/// <summary>The result of claiming a probe of one address of an MX host.</summary>
internal abstract record MxClaim
{
    /// <summary>The address was already probed in this check run.</summary>
    /// <param name="Content">The stored result.</param>
    /// <param name="CheckRun">The check run that it was stored for: this one or a later one.</param>
    /// <param name="At">When it was observed.</param>
    internal sealed record Probed(byte[] Content, string CheckRun, DateTimeOffset At) : MxClaim;

    /// <summary>The caller has the lease.</summary>
    /// <param name="Lease">The lease.</param>
    /// <param name="Before">The result of an earlier check run, or null.</param>
    internal sealed record Leased(MxLease Lease, byte[]? Before) : MxClaim;

    /// <summary>Another instance is probing.</summary>
    /// <param name="Until">When its lease ends.</param>
    internal sealed record Busy(DateTimeOffset Until) : MxClaim;
}

/// <summary>The right to probe once, until another instance takes it over.</summary>
internal sealed record MxLease(string Host, IPAddress Address, ETag Version);

/// <summary>The rows of one MX host, from one read. A claim on a row that has changed since fails and reads it again.</summary>
internal sealed class MxHostRows
{
    private readonly Dictionary<string, TableEntity?> _rows = [];

    /// <summary>Also records the addresses without a row: they are known to be missing.</summary>
    public MxHostRows(IEnumerable<IPAddress> addresses, IEnumerable<TableEntity> found)
    {
        foreach (var address in addresses)
        {
            _rows[Keys.MxAddress(address)] = null;
        }

        foreach (var row in found)
        {
            _rows[row.RowKey] = row;
        }
    }

    /// <summary>Whether the read included the address, and its row, if there is one.</summary>
    public bool TryGet(IPAddress address, out TableEntity? row) => _rows.TryGetValue(Keys.MxAddress(address), out row);
}

/// <summary>
/// The <c>MxHosts</c> table: one probe per check run for each address of each MX host, for all domains that use it and
/// all instances that check them. Anybody may take over an expired lease; its former holder stores nothing.
/// </summary>
internal sealed class MxHostStore
{
    // A table property holds 64 KiB and a row 1 MiB: a certificate chain may exceed the first, but never the second.
    private const int ChunkBytes = 60 * 1024;
    private const int MaxChunks = 12;

    /// <summary>The largest result that can be stored, in bytes.</summary>
    public const int MaxContent = ChunkBytes * MaxChunks;

    private const int MaxAttempts = 5;

    // Table storage allows 15 comparisons in a filter; one is for the partition.
    private const int AddressesPerQuery = 14;

    private readonly TableClient _table;
    private readonly TimeProvider _time;
    private readonly ILogger<MxHostStore>? _log;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public MxHostStore(TableServiceClient tables, TimeProvider time, ILogger<MxHostStore>? log = null) =>
        (_table, _time, _log) = (tables.GetTableClient(StorageNames.MxHostsTable), time, log);

    /// <summary>Reads the stored results of several addresses of an MX host at once.</summary>
    public async Task<MxHostRows> ReadAsync(string host, IReadOnlyList<IPAddress> addresses, CancellationToken cancellationToken)
    {
        var found = new List<TableEntity>();
        foreach (var some in addresses.Chunk(AddressesPerQuery))
        {
            var keys = string.Join(" or ", some.Select(address => TableClient.CreateQueryFilter($"RowKey eq {Keys.MxAddress(address)}")));
            await foreach (var row in _table.QueryAsync<TableEntity>($"{TableClient.CreateQueryFilter($"PartitionKey eq {Keys.MxHost(host)}")} and ({keys})", cancellationToken: cancellationToken))
            {
                found.Add(row);
            }
        }

        return new MxHostRows(addresses, found);
    }

    /// <summary>Claims the probe of one address of an MX host in a check run.</summary>
    /// <param name="host">The MX host.</param>
    /// <param name="address">Its address.</param>
    /// <param name="checkRun">The check run: a result of this check run or a later one may be used.</param>
    /// <param name="lease">How long no other instance may probe.</param>
    /// <param name="oldest">The greatest age of that result; null for any age within the check run.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <param name="known">Rows that were just read; null if there are none.</param>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public async Task<MxClaim> ClaimAsync(string host, IPAddress address, string checkRun, TimeSpan lease, TimeSpan? oldest, CancellationToken cancellationToken, MxHostRows? known = null)
    {
        for (var attempt = 1; ; attempt++)
        {
            var now = _time.GetUtcNow();
            TableEntity? found = null;
            if (attempt > 1 || known?.TryGet(address, out found) != true)
            {
                found = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.MxHost(host), Keys.MxAddress(address), cancellationToken: cancellationToken) is { HasValue: true } read ? read.Value : null;
            }

            var row = found ?? new TableEntity(Keys.MxHost(host), Keys.MxAddress(address)) { ["Host"] = host };
            if (IsProbed(row, checkRun, oldest, now))
            {
                return new MxClaim.Probed(ContentOf(row), row.GetString("CheckRun"), row.GetDateTimeOffset("ProbedAt") ?? now);
            }

            if (row.GetDateTimeOffset("LeasedUntil") is { } until && until > now)
            {
                if (ClockSkew.IsLive(until, lease, now))
                {
                    return new MxClaim.Busy(until);
                }

                _log?.LogWarning("The lease of {Host} {Address} lasts until {Until:u}, which is in the future because a clock was wrong: the lease is ignored", host, address, until);
            }

            row["LeasedUntil"] = now + lease;
            try
            {
                var answer = await (found is not null
                    ? _table.UpdateEntityAsync(row, row.ETag, TableUpdateMode.Replace, cancellationToken)
                    : _table.AddEntityAsync(row, cancellationToken));
                return new MxClaim.Leased(new MxLease(host, address, answer.Headers.ETag!.Value), ContentOf(row) is { Length: > 0 } before ? before : null);
            }
            catch (RequestFailedException e) when (e.Status is 404 or 409 or 412)
            {
                if (attempt == MaxAttempts)
                {
                    throw new ConcurrentChangeException($"{host} {address}", e);
                }
            }
        }
    }

    /// <summary>
    /// Whether a result observed for one check run may be used for another. A check run always accepts its own results, whatever clock started it,
    /// and a later check run's results if that one is not in the future.
    /// </summary>
    /// <param name="observed">The check run that the result was observed for; null for none.</param>
    /// <param name="at">When it was observed.</param>
    /// <param name="checkRun">The check run that asks.</param>
    /// <param name="oldest">The greatest age of the result; null for any age within the check run.</param>
    /// <param name="now">The current time.</param>
    public static bool Serves(string? observed, DateTimeOffset? at, string checkRun, TimeSpan? oldest, DateTimeOffset now) =>
        observed is not null && string.CompareOrdinal(observed, checkRun) >= 0 && !IsOfFuture(observed, at, checkRun, now) && (oldest is null || at >= now - oldest);

    private static bool IsOfFuture(string observed, DateTimeOffset? at, string checkRun, DateTimeOffset now) => (observed != checkRun && ClockSkew.IsFutureCheckRun(observed, now)) || ClockSkew.IsFuture(at, now);

    private bool IsProbed(TableEntity row, string checkRun, TimeSpan? oldest, DateTimeOffset now)
    {
        var (observed, at) = (row.GetString("CheckRun"), row.GetDateTimeOffset("ProbedAt"));
        if (observed is not null && string.CompareOrdinal(observed, checkRun) >= 0 && IsOfFuture(observed, at, checkRun, now))
        {
            _log?.LogWarning("The result for {Host} {Address} is of check run {Run}, at {ObservedAt:u}, which is in the future because a clock was wrong: it is ignored", row.GetString("Host"), row.RowKey, observed, at);
        }

        return Serves(observed, at, checkRun, oldest, now);
    }

    /// <summary>Stores the result of a probe and ends the lease.</summary>
    /// <returns>False if nothing was stored: the lease expired and another instance took it over, or the content is larger than a row.</returns>
    public async Task<bool> StoreAsync(MxLease lease, string checkRun, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        var chunks = content.ToArray().Chunk(ChunkBytes).ToList();
        if (chunks.Count > MaxChunks)
        {
            return false;
        }

        var row = new TableEntity(Keys.MxHost(lease.Host), Keys.MxAddress(lease.Address)) { ["Host"] = lease.Host, ["CheckRun"] = checkRun, ["ProbedAt"] = _time.GetUtcNow() };
        foreach (var (chunk, n) in chunks.Select((chunk, n) => (chunk, n)))
        {
            row[Chunk(n)] = chunk;
        }

        try
        {
            await _table.UpdateEntityAsync(row, lease.Version, TableUpdateMode.Replace, cancellationToken);
            return true;
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            return false;
        }
    }

    /// <summary>Ends a lease without a result, so that other instances need not wait until it expires. If this fails, it still expires.</summary>
    public async Task ReleaseAsync(MxLease lease)
    {
        try
        {
            var row = new TableEntity(Keys.MxHost(lease.Host), Keys.MxAddress(lease.Address)) { ["LeasedUntil"] = _time.GetUtcNow() };
            // The caller may have been cancelled by its deadline, but must still release the lease.
            await _table.UpdateEntityAsync(row, lease.Version, TableUpdateMode.Merge, CancellationToken.None);
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException)
        {
        }
    }

    /// <summary>Stores a result that was observed without a lease, by a probe agent. The holder of a current lease then stores nothing: this result remains for the check run.</summary>
    /// <returns>False if nothing was stored: a later check run has a result already, or the content is larger than a row.</returns>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public async Task<bool> StoreAsync(string host, IPAddress address, string checkRun, ReadOnlyMemory<byte> content, CancellationToken cancellationToken)
    {
        for (var attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            var found = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.MxHost(host), Keys.MxAddress(address), ["CheckRun"], cancellationToken);
            if (found.HasValue && found.Value!.GetString("CheckRun") is { } later && string.CompareOrdinal(later, checkRun) > 0 && !ClockSkew.IsFutureCheckRun(later, _time.GetUtcNow()))
            {
                return false;
            }

            // An address that was never probed has no row yet, so no lease can be lost.
            var version = found.HasValue ? found.Value!.ETag : await AddAsync(host, address, cancellationToken);
            if (version is { } observed && await StoreAsync(new MxLease(host, address, observed), checkRun, content, cancellationToken))
            {
                return true;
            }
        }

        throw new ConcurrentChangeException($"{host} {address}");
    }

    /// <summary>Deletes addresses that were not probed for a long time: their hosts are no longer used as MX.</summary>
    /// <returns>The number of deleted addresses.</returns>
    public async Task<int> PurgeAsync(DateTimeOffset notProbedSince, CancellationToken cancellationToken)
    {
        var count = 0;
        var filter = TableClient.CreateQueryFilter($"Timestamp lt {notProbedSince}");
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, select: ["PartitionKey", "RowKey"], cancellationToken: cancellationToken))
        {
            try
            {
                await _table.DeleteEntityAsync(row.PartitionKey, row.RowKey, row.ETag, cancellationToken);
                count++;
            }
            catch (RequestFailedException e) when (e.Status is 404 or 412)
            {
                // It was probed again at this moment.
            }
        }

        return count;
    }

    private async Task<ETag?> AddAsync(string host, IPAddress address, CancellationToken cancellationToken)
    {
        try
        {
            return (await _table.AddEntityAsync(new TableEntity(Keys.MxHost(host), Keys.MxAddress(address)) { ["Host"] = host }, cancellationToken)).Headers.ETag;
        }
        catch (RequestFailedException e) when (e.Status == 409)
        {
            return null;
        }
    }

    private static byte[] ContentOf(TableEntity row) =>
        [.. Enumerable.Range(0, MaxChunks).Select(n => row.GetBinary(Chunk(n))).TakeWhile(chunk => chunk is not null).SelectMany(chunk => chunk)];

    private static string Chunk(int number) => $"Content{number:d2}";
}
