using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Time;

namespace StsFunctions.Storage.Probes;

/// <summary>
/// The tasks for probe agents: a partition of the <c>MxHosts</c> table with one row per address; each change is conditional on the version that was read.
/// It holds only open tasks, so that finding work does not scan old ones.
/// </summary>
internal sealed class ProbeTaskStore
{
    // The next check run requests again what was not answered within a day.
    private static readonly TimeSpan Retention = TimeSpan.FromDays(1);

    private const int MaxAttempts = 8;

    // Table storage allows 15 comparisons in a filter; one is for the partition.
    private const int AddressesPerCall = 14;

    private readonly TableClient _table;
    private readonly TimeProvider _time;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public ProbeTaskStore(TableServiceClient tables, TimeProvider time) => (_table, _time) = (tables.GetTableClient(StorageNames.MxHostsTable), time);

    /// <summary>Requests a probe for a domain that waits for it.</summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public Task RequestAsync(string host, IPAddress address, string checkRun, string domain, CancellationToken cancellationToken) =>
        RequestAsync([(host, address)], checkRun, domain, cancellationToken);

    /// <summary>Requests probes of several addresses for a domain that waits for them: one read and one transaction for a few addresses.</summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public async Task RequestAsync(IReadOnlyList<(string Host, IPAddress Address)> addresses, string checkRun, string domain, CancellationToken cancellationToken)
    {
        // A transaction may hold a row only once.
        foreach (var some in addresses.DistinctBy(probe => Keys.ProbeTask(probe.Host, probe.Address)).Chunk(AddressesPerCall))
        {
            await OptimisticConcurrency.RetryAsync(
                $"{some[0].Host} {some[0].Address}",
                async () =>
                {
                    if (!await TryAskAsync(some, checkRun, domain, cancellationToken))
                    {
                        throw new ConcurrentChangeException($"{some[0].Host} {some[0].Address}");
                    }
                },
                MaxAttempts);
        }
    }

    /// <summary>Finds the task for an address; null if there is none.</summary>
    public async Task<ProbeTask?> FindAsync(string host, IPAddress address, CancellationToken cancellationToken)
    {
        var row = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.ProbeTasks, Keys.ProbeTask(host, address), cancellationToken: cancellationToken);
        return row.HasValue ? FromRow(row.Value!) : null;
    }

    /// <summary>Lists the tasks that an agent may be given.</summary>
    public IAsyncEnumerable<ProbeTask> FreeForAsync(string agent, CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        var withRoom = TableClient.CreateQueryFilter($"PartitionKey eq {Keys.ProbeTasks} and WantedAt ge {now - Retention} and (Until0 lt {ProbeLease.Never} or Until1 lt {ProbeLease.Never})");
        var notAnsweredByIt = TableClient.CreateQueryFilter($"(Agent0 ne {agent} or Until0 lt {ProbeLease.Never}) and (Agent1 ne {agent} or Until1 lt {ProbeLease.Never})");
        // ProbeLease alone decides which leases are live; few tasks reach this filter.
        return QueryAsync($"{withRoom} and {notAnsweredByIt}", cancellationToken)
            .Where(task => task.Leases.Any(slot => !slot.IsTaken(now)) && !task.Leases.Any(slot => slot.Agent == agent && slot.IsTaken(now)));
    }

    /// <summary>Lists the answered tasks that still need a recheck.</summary>
    public IAsyncEnumerable<ProbeTask> AnsweredAsync(CancellationToken cancellationToken) =>
        QueryAsync(TableClient.CreateQueryFilter($"PartitionKey eq {Keys.ProbeTasks} and Answered eq true"), cancellationToken);

    /// <summary>Writes a task over the version that was read.</summary>
    /// <returns>False if another writer was first.</returns>
    public async Task<bool> WriteAsync(ProbeTask task, CancellationToken cancellationToken)
    {
        try
        {
            await (task.Version == default
                ? _table.AddEntityAsync(ToRow(task), cancellationToken)
                : _table.UpdateEntityAsync(ToRow(task), task.Version, TableUpdateMode.Replace, cancellationToken));
            return true;
        }
        catch (RequestFailedException e) when (OptimisticConcurrency.IsConflict(e))
        {
            return false;
        }
    }

    /// <summary>Deletes a task, unless it was requested again meanwhile.</summary>
    public async Task RemoveAsync(ProbeTask task, CancellationToken cancellationToken)
    {
        try
        {
            await _table.DeleteEntityAsync(Keys.ProbeTasks, Keys.ProbeTask(task.Host, task.Address), task.Version, cancellationToken);
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            // It was requested again, or another instance deleted it.
        }
    }

    /// <summary>Deletes tasks that were not answered within a day, and tasks with a request time in the future.</summary>
    /// <returns>The number of deleted tasks.</returns>
    public async Task<int> PurgeAsync(CancellationToken cancellationToken)
    {
        var count = 0;
        var now = _time.GetUtcNow();
        await foreach (var task in QueryAsync(TableClient.CreateQueryFilter($"PartitionKey eq {Keys.ProbeTasks} and (WantedAt lt {now - Retention} or WantedAt gt {now + ClockSkew.Allowed})"), cancellationToken))
        {
            await RemoveAsync(task, cancellationToken);
            count++;
        }

        return count;
    }

    private async Task<bool> TryAskAsync(IReadOnlyList<(string Host, IPAddress Address)> addresses, string checkRun, string domain, CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        var keys = string.Join(" or ", addresses.Select(probe => TableClient.CreateQueryFilter($"RowKey eq {Keys.ProbeTask(probe.Host, probe.Address)}")));
        var old = await QueryAsync($"{TableClient.CreateQueryFilter($"PartitionKey eq {Keys.ProbeTasks}")} and ({keys})", cancellationToken)
            .ToDictionaryAsync(task => Keys.ProbeTask(task.Host, task.Address), cancellationToken: cancellationToken);
        var actions = addresses.Select(probe =>
            old.TryGetValue(Keys.ProbeTask(probe.Host, probe.Address), out var task)
                ? new TableTransactionAction(TableTransactionActionType.UpdateReplace, ToRow(task.Requested(checkRun, domain, now)), task.Version)
                : new TableTransactionAction(TableTransactionActionType.Add, ToRow(ProbeTask.For(probe.Host, probe.Address, checkRun, domain, now))));
        try
        {
            await _table.SubmitTransactionAsync(actions, cancellationToken);
            return true;
        }
        catch (TableTransactionFailedException e) when (e.Status is 409 or 412 || e.ErrorCode == "ResourceNotFound")
        {
            return false;
        }
    }

    private async IAsyncEnumerable<ProbeTask> QueryAsync(string filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken))
        {
            yield return FromRow(row);
        }
    }

    private static TableEntity ToRow(ProbeTask task)
    {
        var row = new TableEntity(Keys.ProbeTasks, Keys.ProbeTask(task.Host, task.Address))
        {
            ["Host"] = task.Host,
            ["Address"] = task.Address.ToString(),
            ["CheckRun"] = task.CheckRun,
            ["WantedAt"] = task.RequestedAt,
            ["Domains"] = string.Join(',', task.Domains),
            ["Answered"] = task.AnsweredAt is not null,
            ["AnsweredAt"] = task.AnsweredAt,
        };
        for (var n = 0; n < ProbeTask.Agents; n++)
        {
            var slot = task.Leases[n];
            (row[Of("Agent", n)], row[Of("Nonce", n)], row[Of("Until", n)], row[Of("Verdict", n)]) = (slot.Agent, slot.Nonce, slot.Until, slot.Verdict);
        }

        return row;
    }

    private static ProbeTask FromRow(TableEntity row) => new(
        row.GetString("Host"),
        IPAddress.Parse(row.GetString("Address")),
        row.GetString("CheckRun"),
        row.GetDateTimeOffset("WantedAt")!.Value,
        row.GetString("Domains").Split(',', StringSplitOptions.RemoveEmptyEntries),
        [.. Enumerable.Range(0, ProbeTask.Agents).Select(n => new ProbeLease(
            row.GetString(Of("Agent", n)), row.GetString(Of("Nonce", n)), row.GetDateTimeOffset(Of("Until", n))!.Value, row.GetString(Of("Verdict", n))))],
        row.GetDateTimeOffset("AnsweredAt"),
        row.ETag);

    private static string Of(string property, int slot) => string.Create(CultureInfo.InvariantCulture, $"{property}{slot}");
}
