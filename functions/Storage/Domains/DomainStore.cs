using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;

namespace StsFunctions.Storage.Domains;

/// <summary>The <c>Domains</c> table: one partition per domain, one transaction per change.</summary>
internal sealed class DomainStore
{
    private readonly TableClient _table;

    // The table client creates entities by reflection when it reads them; trimming must retain the constructor.
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public DomainStore(TableServiceClient tables) => _table = tables.GetTableClient(StorageNames.DomainsTable);

    /// <summary>Reads a partition's state with one query.</summary>
    public async Task<DomainPartition> ReadAsync(string partition, CancellationToken cancellationToken)
    {
        var read = DomainPartition.Empty(partition);
        var policies = new List<PolicyVersion>();
        var findings = new List<OpenFinding>();
        var outbox = new List<OutboxNotification>();
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {Keys.FirstOfState}");
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken))
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

        // Ids are UTC timestamps that always increase, so the key order is the order of publication.
        return read with { Policies = policies, Findings = findings, Outbox = outbox };
    }

    /// <summary>Whether the domain is hosted, with one point read.</summary>
    public async Task<bool> IsActiveAsync(string partition, CancellationToken cancellationToken)
    {
        var row = await _table.GetEntityIfExistsAsync<TableEntity>(partition, Keys.Record, ["State"], cancellationToken);
        return row.HasValue && row.Value!.GetString("State") == nameof(DomainState.Active);
    }

    /// <summary>
    /// Lists the domains that a check run must include: all active ones, and all with a publication that was interrupted between
    /// the policy's row and the record. One scan of the table finds them all, even those missing from the summary list.
    /// </summary>
    public async IAsyncEnumerable<string> ListUnfinishedOrActiveAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var filter = TableClient.CreateQueryFilter($"RowKey eq {Keys.Record} or (RowKey ge {Keys.PolicyPrefix} and RowKey lt {Keys.EndOfPolicies})");
        var (partition, isActive, policyId, newestId) = ("", false, "", "");
        await foreach (var row in _table.QueryAsync<TableEntity>(filter, select: ["PartitionKey", "RowKey", "State", "PolicyId"], cancellationToken: cancellationToken))
        {
            if (row.PartitionKey != partition)
            {
                if (isActive || policyId != newestId)
                {
                    yield return partition;
                }

                (partition, isActive, policyId, newestId) = (row.PartitionKey, false, "", "");
            }

            // The record sorts before the policies, and the policies sort by age.
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

    /// <summary>Commits a change as one transaction.</summary>
    /// <returns>The partition after the change, computed from the read state and the change.</returns>
    /// <exception cref="ConcurrentChangeException">Another writer was first.</exception>
    public async Task<DomainPartition> CommitAsync(DomainTransaction change, CancellationToken cancellationToken)
    {
        if (change.Actions.Count == 0)
        {
            return change.Before;
        }

        try
        {
            var answer = await _table.SubmitTransactionAsync(change.Actions, cancellationToken);
            return change.After([.. answer.Value.Select(row => row.Headers.ETag ?? default)]);
        }
        catch (TableTransactionFailedException e) when (e.Status is 409 or 412 || e.ErrorCode == TableErrorCode.ResourceNotFound)
        {
            // A row to change or delete is gone: another writer deleted it. Or this writer did and the answer was lost:
            // the storage client then retries and fails on its own earlier change.
            if (!await IsCommittedAsync(change, cancellationToken))
            {
                throw new ConcurrentChangeException(change.Partition, e);
            }

            return await ReadAsync(change.Partition, cancellationToken);
        }
    }

    // A transaction is atomic, so one row proves it: a row that it wrote, or else the absence of a row that it deleted.
    private async Task<bool> IsCommittedAsync(DomainTransaction change, CancellationToken cancellationToken)
    {
        var written = change.Actions.FirstOrDefault(action => action.ActionType != TableTransactionActionType.Delete);
        var key = (written ?? change.Actions[0]).Entity.RowKey;
        var row = await _table.GetEntityIfExistsAsync<TableEntity>(change.Partition, key, [DomainTransaction.ChangeId], cancellationToken);
        return written is null ? !row.HasValue : row.HasValue && row.Value!.GetString(DomainTransaction.ChangeId) == change.Id;
    }
}
