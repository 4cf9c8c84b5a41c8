using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;

namespace StsFunctions.Domains;

/// <summary>The <c>Domains</c> table: one partition a domain, one transaction a change.</summary>
internal sealed class DomainStore
{
    /// <summary>The most operations that one entity group transaction carries.</summary>
    public const int MaxOperations = 100;

    private readonly TableClient _table;

    // The table client makes entities by reflection when it reads them; trimming must keep the constructor.
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public DomainStore(TableServiceClient tables) => _table = tables.GetTableClient(StorageLayout.DomainsTable);

    /// <summary>Reads a partition's state with one query.</summary>
    public async Task<DomainPartition> ReadAsync(string partition, CancellationToken cancellation)
    {
        var read = DomainPartition.Empty(partition);
        var policies = new List<PolicyVersion>();
        var findings = new List<OpenFinding>();
        var outbox = new List<PendingWarning>();
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {Keys.FirstOfState}");
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
        {
            if (row.RowKey == Keys.Record)
            {
                read = read with
                {
                    Record = DomainRecordRow.ToRecord(row),
                    ETag = row.ETag,
                    Revision = DomainRecordRow.ToRevision(row),
                    ServedBlob = DomainRecordRow.ToServedBlob(row),
                };
            }
            else if (PolicyVersionRow.Is(row))
            {
                policies.Add(PolicyVersionRow.ToPolicy(row));
            }
            else if (FindingRow.IsOpen(row))
            {
                findings.Add(FindingRow.ToOpenFinding(row));
            }
            else if (OutboxRow.Is(row))
            {
                outbox.Add(OutboxRow.ToWarning(row));
            }
        }

        // Ids are UTC stamps and never go back, so the key's order is the order of publication.
        return read with { Policies = policies, Findings = findings, Outbox = outbox };
    }

    /// <summary>Whether the domain is hosted here, with one point read.</summary>
    public async Task<bool> IsActiveAsync(string partition, CancellationToken cancellation)
    {
        var row = await _table.GetEntityIfExistsAsync<TableEntity>(partition, Keys.Record, ["State"], cancellation);
        return row.HasValue && row.Value!.GetString("State") == nameof(DomainState.Active);
    }

    /// <summary>
    /// The domains that a round must go over: every one that is active, and every one that a kill left half way between
    /// a policy's row and the record. One walk through the table, so that none is overlooked, whatever lists forgot.
    /// </summary>
    public async IAsyncEnumerable<string> ListUnfinishedOrActiveAsync([EnumeratorCancellation] CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"RowKey eq {Keys.Record} or (RowKey ge {Keys.PolicyPrefix} and RowKey lt {Keys.EndOfPolicies})");
        var (partition, isActive, policyId, newestId) = ("", false, "", "");
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, select: ["PartitionKey", "RowKey", "State", "PolicyId"], cancellationToken: cancellation))
        {
            if (row.PartitionKey != partition)
            {
                if (isActive || policyId != newestId)
                {
                    yield return partition;
                }

                (partition, isActive, policyId, newestId) = (row.PartitionKey, false, "", "");
            }

            // The record sorts before the policies, and they by age.
            if (row.RowKey == Keys.Record)
            {
                (isActive, policyId, newestId) = (row.GetString("State") == nameof(DomainState.Active), row.GetString("PolicyId") ?? "", row.GetString("PolicyId") ?? "");
            }
            else
            {
                newestId = row.RowKey[Keys.PolicyPrefix.Length..];
            }
        }

        if (isActive || policyId != newestId)
        {
            yield return partition;
        }
    }

    /// <summary>Commits a change as one transaction: all of it or nothing.</summary>
    /// <returns>The partition after the change, made from what was read and the change itself.</returns>
    /// <exception cref="ConcurrentChangeException">Another writer was first.</exception>
    public async Task<DomainPartition> CommitAsync(DomainChange change, CancellationToken cancellation)
    {
        if (change.Actions.Count == 0)
        {
            return change.Before;
        }

        try
        {
            var answer = await _table.SubmitTransactionAsync(change.Actions, cancellation);
            return change.After([.. answer.Value.Select(row => row.Headers.ETag ?? default)]);
        }
        catch (TableTransactionFailedException e) when (e.Status is 409 or 412 || e.ErrorCode == TableErrorCode.ResourceNotFound)
        {
            // A row to be changed or taken out that is no longer there: another writer took it out. Or we did, and the
            // answer was lost: the storage client then tries again, and runs into what it did itself.
            if (!await IsCommittedAsync(change, cancellation))
            {
                throw new ConcurrentChangeException(change.Partition, e);
            }

            return await ReadAsync(change.Partition, cancellation);
        }
    }

    // A transaction is there whole or not at all, so that one row of it tells: one that it wrote, or else the absence of one that it took out.
    private async Task<bool> IsCommittedAsync(DomainChange change, CancellationToken cancellation)
    {
        var written = change.Actions.FirstOrDefault(action => action.ActionType != TableTransactionActionType.Delete);
        var key = (written ?? change.Actions[0]).Entity.RowKey;
        var row = await _table.GetEntityIfExistsAsync<TableEntity>(change.Partition, key, [DomainChange.ChangeId], cancellation);
        return written is null ? !row.HasValue : row.HasValue && row.Value!.GetString(DomainChange.ChangeId) == change.Id;
    }
}
