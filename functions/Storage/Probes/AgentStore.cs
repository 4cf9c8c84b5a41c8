using System.Diagnostics.CodeAnalysis;
using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Time;

namespace StsFunctions.Storage.Probes;

/// <summary>The probe agents that recently asked for work: a partition of the <c>MxHosts</c> table with one row per agent.</summary>
internal sealed class AgentStore
{
    /// <summary>How long an agent counts as in use after it last asked for work; an idle agent asks every minute.</summary>
    public static readonly TimeSpan InUse = TimeSpan.FromMinutes(15);

    // How long an instance remembers whether there are agents: most installations have none, and every check asks.
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);

    private readonly TableClient _table;
    private readonly TimeProvider _time;
    private (bool Any, DateTimeOffset At)? _cached;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public AgentStore(TableServiceClient tables, TimeProvider time) => (_table, _time) = (tables.GetTableClient(StorageNames.MxHostsTable), time);

    /// <summary>Records that an agent asked for work now.</summary>
    public async Task NoteAsync(string agent, CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        await _table.UpsertEntityAsync(
            new TableEntity(Keys.Agents, Keys.Agent(agent)) { ["Name"] = agent, ["LastRequestAt"] = now }, TableUpdateMode.Replace, cancellationToken);
        _cached = (true, now);
    }

    /// <summary>Whether agents are in use, as of at most a minute ago.</summary>
    public async Task<bool> AnyInUseAsync(CancellationToken cancellationToken)
    {
        var now = _time.GetUtcNow();
        if (_cached is not { } cached || !ClockSkew.IsWithin(cached.At, Remembered, now))
        {
            _cached = cached = ((await InUseAsync(cancellationToken)).Count > 0, now);
        }

        return cached.Any;
    }

    /// <summary>The agents in use.</summary>
    public async Task<IReadOnlySet<string>> InUseAsync(CancellationToken cancellationToken)
    {
        var agents = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            var now = _time.GetUtcNow();
            // A time in the future comes from a wrong clock; the agent's next request corrects the row.
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Keys.Agents} and LastRequestAt ge {now - InUse} and LastRequestAt le {now + ClockSkew.Allowed}");
            await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken))
            {
                agents.Add(row.GetString("Name"));
            }
        }
        catch (RequestFailedException e) when (e.ErrorCode == TableErrorCode.TableNotFound)
        {
            // The table does not exist yet, so no agent ever asked.
        }

        return agents;
    }
}
