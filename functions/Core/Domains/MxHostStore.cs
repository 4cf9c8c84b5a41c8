using System.Diagnostics.CodeAnalysis;
using System.Net;
using Azure;
using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>What a claim for one look at one address of an MX host came to.</summary>
internal abstract record MxClaim
{
    /// <summary>Somebody has looked in this round already.</summary>
    /// <param name="Content">What was kept.</param>
    /// <param name="Round">The round that it was kept for: this one or a later one.</param>
    /// <param name="At">When it was.</param>
    internal sealed record Seen(byte[] Content, string Round, DateTimeOffset At) : MxClaim;

    /// <summary>The look is ours.</summary>
    /// <param name="Lease">The right to it.</param>
    /// <param name="Before">What an earlier round's look kept, or null.</param>
    internal sealed record Leased(MxLease Lease, byte[]? Before) : MxClaim;

    /// <summary>Somebody is looking.</summary>
    /// <param name="Until">When their lease ends, whatever became of them.</param>
    internal sealed record Busy(DateTimeOffset Until) : MxClaim;
}

/// <summary>The right to look once, for as long as nobody has taken it over.</summary>
internal sealed record MxLease(string Host, IPAddress Address, ETag Version);

/// <summary>Rows of one MX host, as one read found them. A claim on one that has changed since fails, and reads it anew.</summary>
internal sealed class MxHostRows
{
    private readonly Dictionary<string, TableEntity?> _rows = [];

    /// <summary>Notes what was asked for and not found, too: it is known not to be there.</summary>
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

    /// <summary>Whether the read asked for the address, and its row, if there is one.</summary>
    public bool TryGet(IPAddress address, out TableEntity? row) => _rows.TryGetValue(Keys.MxAddress(address), out row);
}

/// <summary>
/// The <c>MxHosts</c> table: one look a round at each address of each MX host, however many domains stand behind it and
/// however many instances check them. A lease that ran out is anybody's; who lost it keeps nothing.
/// </summary>
internal sealed class MxHostStore
{
    // A property of a table holds 64 KiB, a row 1 MiB: a chain of certificates may be longer than the one, never than the other.
    private const int ChunkBytes = 60 * 1024;
    private const int MaxChunks = 12;

    /// <summary>How much can be kept of one look, in bytes.</summary>
    public const int MaxContent = ChunkBytes * MaxChunks;

    private const int MaxAttempts = 5;

    // Table storage takes 15 comparisons in a filter, and one is the partition's.
    private const int AddressesPerQuery = 14;

    private readonly TableClient _table;
    private readonly TimeProvider _time;
    private readonly ILogger<MxHostStore>? _log;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public MxHostStore(TableServiceClient tables, TimeProvider time, ILogger<MxHostStore>? log = null) =>
        (_table, _time, _log) = (tables.GetTableClient(StorageLayout.MxHostsTable), time, log);

    /// <summary>Reads what is kept of some addresses of an MX host, all at once.</summary>
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

    /// <summary>Asks for the look at one address of an MX host in a round.</summary>
    /// <param name="host">The MX host.</param>
    /// <param name="address">Its address.</param>
    /// <param name="round">The round: a look of this round or a later one will do.</param>
    /// <param name="lease">For how long nobody else may look.</param>
    /// <param name="oldest">How long ago that look may have been; null for any of the round.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <param name="known">Rows that were read a moment ago; null where none were.</param>
    /// <exception cref="ConcurrentChangeException">Others were first, again and again.</exception>
    public async Task<MxClaim> ClaimAsync(string host, IPAddress address, string round, TimeSpan lease, TimeSpan? oldest, CancellationToken cancellation, MxHostRows? known = null)
    {
        for (var attempt = 1; ; attempt++)
        {
            var now = _time.GetUtcNow();
            TableEntity? found = null;
            if (attempt > 1 || known?.TryGet(address, out found) != true)
            {
                found = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.MxHost(host), Keys.MxAddress(address), cancellationToken: cancellation) is { HasValue: true } read ? read.Value : null;
            }

            var row = found ?? new TableEntity(Keys.MxHost(host), Keys.MxAddress(address)) { ["Host"] = host };
            if (IsSeen(row, round, oldest, now))
            {
                return new MxClaim.Seen(ContentOf(row), row.GetString("Round"), row.GetDateTimeOffset("SeenAt") ?? now);
            }

            if (row.GetDateTimeOffset("LeasedUntil") is { } until && until > now)
            {
                if (ClockSkew.IsLive(until, lease, now))
                {
                    return new MxClaim.Busy(until);
                }

                _log?.LogWarning("The lease of {Host} {Address} lasts until {Until:u}, which is in the future: a clock was wrong, and the lease does not count", host, address, until);
            }

            row["LeasedUntil"] = now + lease;
            try
            {
                var answer = await (found is not null
                    ? _table.UpdateEntityAsync(row, row.ETag, TableUpdateMode.Replace, cancellation)
                    : _table.AddEntityAsync(row, cancellation));
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
    /// Whether what was seen for one round will do for another. A round shares with itself whatever the clock said that began it, and with a later
    /// one if that is not of the future.
    /// </summary>
    /// <param name="seen">The round that it was seen for; null for none.</param>
    /// <param name="at">When it was seen.</param>
    /// <param name="round">The round that asks.</param>
    /// <param name="oldest">How long ago it may have been; null for any of the round.</param>
    /// <param name="now">The time.</param>
    public static bool Serves(string? seen, DateTimeOffset? at, string round, TimeSpan? oldest, DateTimeOffset now) =>
        seen is not null && string.CompareOrdinal(seen, round) >= 0 && !IsOfFuture(seen, at, round, now) && (oldest is null || at >= now - oldest);

    private static bool IsOfFuture(string seen, DateTimeOffset? at, string round, DateTimeOffset now) => (seen != round && ClockSkew.IsFutureRound(seen, now)) || ClockSkew.IsFuture(at, now);

    private bool IsSeen(TableEntity row, string round, TimeSpan? oldest, DateTimeOffset now)
    {
        var (seen, at) = (row.GetString("Round"), row.GetDateTimeOffset("SeenAt"));
        if (seen is not null && string.CompareOrdinal(seen, round) >= 0 && IsOfFuture(seen, at, round, now))
        {
            _log?.LogWarning("What was seen of {Host} {Address} is of round {Round}, at {SeenAt:u}, which is in the future: a clock was wrong, and it does not count", row.GetString("Host"), row.RowKey, seen, at);
        }

        return Serves(seen, at, round, oldest, now);
    }

    /// <summary>Keeps what the look saw, and ends the lease.</summary>
    /// <returns>False where nothing is kept: the lease had run out and somebody took it over, or the content is larger than a row.</returns>
    public async Task<bool> KeepAsync(MxLease lease, string round, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        var chunks = content.ToArray().Chunk(ChunkBytes).ToList();
        if (chunks.Count > MaxChunks)
        {
            return false;
        }

        var row = new TableEntity(Keys.MxHost(lease.Host), Keys.MxAddress(lease.Address)) { ["Host"] = lease.Host, ["Round"] = round, ["SeenAt"] = _time.GetUtcNow() };
        foreach (var (chunk, n) in chunks.Select((chunk, n) => (chunk, n)))
        {
            row[Chunk(n)] = chunk;
        }

        try
        {
            await _table.UpdateEntityAsync(row, lease.Version, TableUpdateMode.Replace, cancellation);
            return true;
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            return false;
        }
    }

    /// <summary>Ends a lease that came to nothing, so that nobody waits for it to run out. It does that by itself if this fails.</summary>
    public async Task HandBackAsync(MxLease lease)
    {
        try
        {
            var row = new TableEntity(Keys.MxHost(lease.Host), Keys.MxAddress(lease.Address)) { ["LeasedUntil"] = _time.GetUtcNow() };
            // Whoever gives up has often run out of time: that must not keep this from being done.
            await _table.UpdateEntityAsync(row, lease.Version, TableUpdateMode.Merge, CancellationToken.None);
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException)
        {
        }
    }

    /// <summary>Keeps what somebody else saw who needed no lease of ours. Whoever holds one then keeps nothing: within a round what was seen so stands.</summary>
    /// <returns>False where nothing is kept: a later round has seen already, or the content is larger than a row.</returns>
    /// <exception cref="ConcurrentChangeException">Others were first, again and again.</exception>
    public async Task<bool> KeepAsync(string host, IPAddress address, string round, ReadOnlyMemory<byte> content, CancellationToken cancellation)
    {
        for (var attempt = 1; attempt <= MaxAttempts; attempt++)
        {
            var found = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.MxHost(host), Keys.MxAddress(address), ["Round"], cancellation);
            if (found.HasValue && found.Value!.GetString("Round") is { } later && string.CompareOrdinal(later, round) > 0 && !ClockSkew.IsFutureRound(later, _time.GetUtcNow()))
            {
                return false;
            }

            // An address that was never looked at has no row yet, and so nobody to lose one to.
            var version = found.HasValue ? found.Value!.ETag : await AddAsync(host, address, cancellation);
            if (version is { } seen && await KeepAsync(new MxLease(host, address, seen), round, content, cancellation))
            {
                return true;
            }
        }

        throw new ConcurrentChangeException($"{host} {address}");
    }

    /// <summary>Takes out the addresses that no check has looked at for long: their hosts are nobody's MX any more.</summary>
    /// <returns>How many went.</returns>
    public async Task<int> SweepAsync(DateTimeOffset notSeenSince, CancellationToken cancellation)
    {
        var count = 0;
        var filter = TableClient.CreateQueryFilter($"Timestamp lt {notSeenSince}");
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, select: ["PartitionKey", "RowKey"], cancellationToken: cancellation))
        {
            try
            {
                await _table.DeleteEntityAsync(row.PartitionKey, row.RowKey, row.ETag, cancellation);
                count++;
            }
            catch (RequestFailedException e) when (e.Status is 404 or 412)
            {
                // Looked at again this very moment.
            }
        }

        return count;
    }

    private async Task<ETag?> AddAsync(string host, IPAddress address, CancellationToken cancellation)
    {
        try
        {
            return (await _table.AddEntityAsync(new TableEntity(Keys.MxHost(host), Keys.MxAddress(address)) { ["Host"] = host }, cancellation)).Headers.ETag;
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
