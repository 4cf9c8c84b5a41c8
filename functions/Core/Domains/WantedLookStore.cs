using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>
/// What probe agents are to look at: a partition of its own in the <c>MxHosts</c> table, a row an address, each change over the version that was read.
/// It holds what is unanswered alone, so that finding work never walks through all that was ever seen.
/// </summary>
internal sealed class WantedLookStore
{
    // What nobody answered in a day is asked for anew by the next round.
    private static readonly TimeSpan Kept = TimeSpan.FromDays(1);

    private const int MaxAttempts = 8;

    private readonly TableClient _table;
    private readonly TimeProvider _time;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public WantedLookStore(TableServiceClient tables, TimeProvider time) => (_table, _time) = (tables.GetTableClient(StorageLayout.MxHostsTable), time);

    /// <summary>Asks for a look, for a domain that waits for it.</summary>
    /// <exception cref="ConcurrentChangeException">Others were first, again and again.</exception>
    public Task AskAsync(string host, IPAddress address, string round, string domain, CancellationToken cancellation) => OptimisticConcurrency.RetryAsync(
        $"{host} {address}",
        async () =>
        {
            var now = _time.GetUtcNow();
            var old = await FindAsync(host, address, cancellation);
            if (!await WriteAsync(old?.AskedAgain(round, domain, now) ?? WantedLook.For(host, address, round, domain, now), cancellation))
            {
                throw new ConcurrentChangeException($"{host} {address}");
            }
        },
        MaxAttempts);

    /// <summary>What is wanted of an address; null where nothing is.</summary>
    public async Task<WantedLook?> FindAsync(string host, IPAddress address, CancellationToken cancellation)
    {
        var row = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.Wanted, Keys.WantedLook(host, address), cancellationToken: cancellation);
        return row.HasValue ? FromRow(row.Value!) : null;
    }

    /// <summary>What an agent may be given to look at.</summary>
    public IAsyncEnumerable<WantedLook> FreeForAsync(string agent, CancellationToken cancellation)
    {
        var now = _time.GetUtcNow();
        var withRoom = TableClient.CreateQueryFilter($"PartitionKey eq {Keys.Wanted} and WantedAt ge {now - Kept} and (Until0 lt {AgentSlot.Never} or Until1 lt {AgentSlot.Never})");
        var notAnsweredByIt = TableClient.CreateQueryFilter($"(Agent0 ne {agent} or Until0 lt {AgentSlot.Never}) and (Agent1 ne {agent} or Until1 lt {AgentSlot.Never})");
        // Which leases are live is said in one place; those of a moment are few.
        return QueryAsync($"{withRoom} and {notAnsweredByIt}", cancellation)
            .Where(wanted => wanted.Slots.Any(slot => !slot.IsTaken(now)) && !wanted.Slots.Any(slot => slot.Agent == agent && slot.IsTaken(now)));
    }

    /// <summary>What was answered, and is still to be passed on.</summary>
    public IAsyncEnumerable<WantedLook> AnsweredAsync(CancellationToken cancellation) =>
        QueryAsync(TableClient.CreateQueryFilter($"PartitionKey eq {Keys.Wanted} and Answered eq true"), cancellation);

    /// <summary>Writes a row over the version that was read.</summary>
    /// <returns>False where another writer was first.</returns>
    public async Task<bool> WriteAsync(WantedLook wanted, CancellationToken cancellation)
    {
        try
        {
            await (wanted.Version == default
                ? _table.AddEntityAsync(ToRow(wanted), cancellation)
                : _table.UpdateEntityAsync(ToRow(wanted), wanted.Version, TableUpdateMode.Replace, cancellation));
            return true;
        }
        catch (RequestFailedException e) when (OptimisticConcurrency.IsConflict(e))
        {
            return false;
        }
    }

    /// <summary>Takes out what was passed on, unless it is wanted again meanwhile.</summary>
    public async Task TakeOutAsync(WantedLook wanted, CancellationToken cancellation)
    {
        try
        {
            await _table.DeleteEntityAsync(Keys.Wanted, Keys.WantedLook(wanted.Host, wanted.Address), wanted.Version, cancellation);
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            // Wanted again, or taken out by another.
        }
    }

    /// <summary>Takes out what nobody answered in a day, and what was asked for at a time that is still to come.</summary>
    /// <returns>How many went.</returns>
    public async Task<int> SweepAsync(CancellationToken cancellation)
    {
        var count = 0;
        var now = _time.GetUtcNow();
        await foreach (var wanted in QueryAsync(TableClient.CreateQueryFilter($"PartitionKey eq {Keys.Wanted} and (WantedAt lt {now - Kept} or WantedAt gt {now + ClockSkew.Allowed})"), cancellation))
        {
            await TakeOutAsync(wanted, cancellation);
            count++;
        }

        return count;
    }

    private async IAsyncEnumerable<WantedLook> QueryAsync(string filter, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
        {
            yield return FromRow(row);
        }
    }

    private static TableEntity ToRow(WantedLook wanted)
    {
        var row = new TableEntity(Keys.Wanted, Keys.WantedLook(wanted.Host, wanted.Address))
        {
            ["Host"] = wanted.Host,
            ["Address"] = wanted.Address.ToString(),
            ["Round"] = wanted.Round,
            ["WantedAt"] = wanted.WantedAt,
            ["Domains"] = string.Join(',', wanted.Domains),
            ["Answered"] = wanted.AnsweredAt is not null,
            ["AnsweredAt"] = wanted.AnsweredAt,
        };
        for (var n = 0; n < WantedLook.Agents; n++)
        {
            var slot = wanted.Slots[n];
            (row[Of("Agent", n)], row[Of("Nonce", n)], row[Of("Until", n)], row[Of("Saw", n)]) = (slot.Agent, slot.Nonce, slot.Until, slot.Saw);
        }

        return row;
    }

    private static WantedLook FromRow(TableEntity row) => new(
        row.GetString("Host"),
        IPAddress.Parse(row.GetString("Address")),
        row.GetString("Round"),
        row.GetDateTimeOffset("WantedAt")!.Value,
        row.GetString("Domains").Split(',', StringSplitOptions.RemoveEmptyEntries),
        [.. Enumerable.Range(0, WantedLook.Agents).Select(n => new AgentSlot(
            row.GetString(Of("Agent", n)), row.GetString(Of("Nonce", n)), row.GetDateTimeOffset(Of("Until", n))!.Value, row.GetString(Of("Saw", n))))],
        row.GetDateTimeOffset("AnsweredAt"),
        row.ETag);

    private static string Of(string property, int slot) => string.Create(CultureInfo.InvariantCulture, $"{property}{slot}");
}
