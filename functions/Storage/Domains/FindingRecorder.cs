using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Storage.Notifications;

namespace StsFunctions.Storage.Domains;

/// <summary>The result of recording.</summary>
/// <param name="Changes">What changed.</param>
/// <param name="Partition">The partition after the change.</param>
internal sealed record Recorded(IReadOnlyList<FindingChange> Changes, DomainPartition Partition);

/// <summary>Records the findings of a check: each change with its audit row and its outbox row in one transaction.</summary>
internal sealed class FindingRecorder(DomainStore store, NotificationQueue notifications)
{
    // Each change has three rows with five texts of 8 KiB, at most six bytes per character: this fits into a transaction's 100 rows and 4 MiB.
    private const int ChangesPerCommit = 15;

    /// <summary>Records the difference between the open findings and the new ones.</summary>
    /// <param name="partition">The partition as it was read.</param>
    /// <param name="scope">The findings that the caller owns: the others do not change.</param>
    /// <param name="checkRun">The check run: it gives a change the same key, however often it is recorded.</param>
    /// <param name="at">When the check started.</param>
    /// <param name="found">The findings.</param>
    /// <param name="inconclusive">The codes that were inconclusive.</param>
    /// <param name="record">The record after everything is recorded; null for a partition without one.</param>
    /// <param name="cancellationToken">Ends the work; whatever was committed stays whole.</param>
    /// <param name="noLongerReported">See <see cref="FindingDiff.Between"/>.</param>
    /// <returns>The changes, and the partition after them.</returns>
    /// <exception cref="ConcurrentChangeException">Another writer was first.</exception>
    /// <exception cref="ArgumentException">The caller does not own one of the findings.</exception>
    public async Task<Recorded> RecordAsync(
        DomainPartition partition,
        FindingSource scope,
        string checkRun,
        DateTimeOffset at,
        IReadOnlyList<Finding> found,
        IReadOnlySet<string> inconclusive,
        DomainRecord? record,
        CancellationToken cancellationToken,
        IReadOnlySet<(string Code, string Subject)>? noLongerReported = null)
    {
        if (found.FirstOrDefault(finding => !scope.Owns(finding.Code)) is { } foreign)
        {
            throw new ArgumentException($"{foreign.Code} does not belong to the scope of this caller.", nameof(found));
        }

        var all = new List<FindingChange>();
        var isAnnounced = false;
        while (true)
        {
            // Take each once, so that the loop ends even if storage alters a text.
            var changes = FindingDiff.Between([.. partition.Findings.Where(open => scope.Owns(open.Finding.Code))], found, inconclusive, noLongerReported)
                .Where(change => !all.Any(done => (done.Finding.Code, done.Finding.Subject) == (change.Finding.Code, change.Finding.Subject)))
                .ToList();
            var batch = changes.Take(ChangesPerCommit).ToList();
            var isLast = batch.Count == changes.Count;
            var commit = new DomainTransaction(partition);
            foreach (var change in batch)
            {
                Write(commit, change, checkRun, at);
            }

            if (partition.Record is { } before && record is not null)
            {
                if (batch.Count > 0 || record != before)
                {
                    // Before the last batch, the record is rewritten unchanged, only for its version.
                    commit.Record(isLast ? record : before);
                }
            }
            else if (batch.Count > 0)
            {
                commit.Version();
            }

            if (!isAnnounced && batch.Exists(change => change.Change is not null && change.Finding.Notifies))
            {
                await notifications.SendAsync(partition.Key, cancellationToken);
                isAnnounced = true;
            }

            partition = await store.CommitAsync(commit, cancellationToken);
            all.AddRange(batch);
            if (isLast)
            {
                return new Recorded(all, partition);
            }
        }
    }

    private static void Write(DomainTransaction commit, FindingChange change, string checkRun, DateTimeOffset at)
    {
        if (change.Change?.IsEnd() == true)
        {
            commit.Resolve(change.Finding);
        }
        else
        {
            commit.Open(new OpenFinding(change.Finding, change.Before?.OpenedAt ?? at, change.Before?.CheckRun ?? checkRun));
        }

        if (change.Change is { } notified)
        {
            _ = change.Finding.Notifies ? commit.Enqueue(checkRun, notified, change.Finding, at) : commit.AuditOnly(checkRun, notified, change.Finding, at);
        }
    }
}
