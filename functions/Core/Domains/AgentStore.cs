using System.Diagnostics.CodeAnalysis;
using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;

namespace StsFunctions.Domains;

/// <summary>The probe agents that asked for work lately: a partition of its own in the <c>MxHosts</c> table, a row an agent.</summary>
internal sealed class AgentStore
{
    /// <summary>An agent that has not asked for so long is no longer reckoned with; one that has nothing to do asks every minute.</summary>
    public static readonly TimeSpan InUse = TimeSpan.FromMinutes(15);

    // For so long an instance remembers whether there are any: most installations have none, and ask at every check.
    private static readonly TimeSpan Remembered = TimeSpan.FromMinutes(1);

    private readonly TableClient _table;
    private readonly TimeProvider _time;
    private (bool Any, DateTimeOffset At)? _known;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public AgentStore(TableServiceClient tables, TimeProvider time) => (_table, _time) = (tables.GetTableClient(StorageLayout.MxHostsTable), time);

    /// <summary>Notes that an agent asked for work, now.</summary>
    public async Task NoteAsync(string agent, CancellationToken cancellation)
    {
        var now = _time.GetUtcNow();
        await _table.UpsertEntityAsync(
            new TableEntity(Keys.Agents, Keys.Agent(agent)) { ["Name"] = agent, ["SeenAt"] = now }, TableUpdateMode.Replace, cancellation);
        _known = (true, now);
    }

    /// <summary>Whether there are agents in use, as far as was known a minute ago.</summary>
    public async Task<bool> AnyInUseAsync(CancellationToken cancellation)
    {
        var now = _time.GetUtcNow();
        if (_known is not { } known || !ClockSkew.IsWithin(known.At, Remembered, now))
        {
            _known = known = ((await InUseAsync(cancellation)).Count > 0, now);
        }

        return known.Any;
    }

    /// <summary>The agents in use.</summary>
    public async Task<IReadOnlySet<string>> InUseAsync(CancellationToken cancellation)
    {
        var agents = new HashSet<string>(StringComparer.Ordinal);
        try
        {
            var now = _time.GetUtcNow();
            // One that asks in the future is of a clock that was wrong: when it asks again, its row is right.
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {Keys.Agents} and SeenAt ge {now - InUse} and SeenAt le {now + ClockSkew.Allowed}");
            await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
            {
                agents.Add(row.GetString("Name"));
            }
        }
        catch (RequestFailedException e) when (e.ErrorCode == TableErrorCode.TableNotFound)
        {
            // Nothing was ever looked at, by nobody.
        }

        return agents;
    }
}
