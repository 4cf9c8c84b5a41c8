namespace StsFunctions.Domains;

/// <summary>What recording came to.</summary>
/// <param name="Changes">What changed.</param>
/// <param name="Partition">The partition after it.</param>
internal sealed record Recorded(IReadOnlyList<FindingChange> Changes, DomainPartition Partition);

/// <summary>Records what a look found: each change with its audit row and its outbox row in one transaction.</summary>
internal sealed class FindingLedger(DomainStore store, NotificationQueue notifications)
{
    // Three rows a change with five texts of 8 KiB, six bytes a character at worst: within a transaction's 100 rows and 4 MiB.
    private const int ChangesPerCommit = 15;

    /// <summary>Records the difference between what stands open and what was found.</summary>
    /// <param name="partition">The partition as it was read.</param>
    /// <param name="scope">Which findings are the caller's own: the others stay as they are.</param>
    /// <param name="round">The round: with it a change has the same key however often it is recorded.</param>
    /// <param name="at">When the look began.</param>
    /// <param name="found">What it found.</param>
    /// <param name="unseen">Codes that it could not see.</param>
    /// <param name="record">The record once all is recorded; null for a partition without one.</param>
    /// <param name="cancellation">Ends the work; whatever was committed stays whole.</param>
    /// <param name="noLongerReported">As <see cref="FindingChanges.Between"/> takes it.</param>
    /// <returns>What changed, and what the partition is then.</returns>
    /// <exception cref="ConcurrentChangeException">Another writer was first.</exception>
    /// <exception cref="ArgumentException">Something found is not the caller's own.</exception>
    public async Task<Recorded> RecordAsync(
        DomainPartition partition,
        FindingScope scope,
        string round,
        DateTimeOffset at,
        IReadOnlyList<Finding> found,
        IReadOnlySet<string> unseen,
        DomainRecord? record,
        CancellationToken cancellation,
        IReadOnlySet<(string Code, string Subject)>? noLongerReported = null)
    {
        if (found.FirstOrDefault(finding => !scope.Owns(finding.Code)) is { } strange)
        {
            throw new ArgumentException($"{strange.Code} is not this writer's to find.", nameof(found));
        }

        var all = new List<FindingChange>();
        var isAnnounced = false;
        while (true)
        {
            // Each once: whatever storage makes of a text, the loop ends.
            var changes = FindingChanges.Between([.. partition.Findings.Where(open => scope.Owns(open.Finding.Code))], found, unseen, noLongerReported)
                .Where(change => !all.Any(done => (done.Finding.Code, done.Finding.Subject) == (change.Finding.Code, change.Finding.Subject)))
                .ToList();
            var batch = changes.Take(ChangesPerCommit).ToList();
            var isLast = batch.Count == changes.Count;
            var commit = new DomainChange(partition);
            foreach (var change in batch)
            {
                Write(commit, change, round, at);
            }

            if (partition.Record is { } before && record is not null)
            {
                if (batch.Count > 0 || record != before)
                {
                    // Before the last batch the record is rewritten as it is, for its version alone.
                    commit.Record(isLast ? record : before);
                }
            }
            else if (batch.Count > 0)
            {
                commit.Version();
            }

            if (!isAnnounced && batch.Exists(change => change.Change is not null && change.Finding.Notifies))
            {
                await notifications.SendAsync(partition.Key, cancellation);
                isAnnounced = true;
            }

            partition = await store.CommitAsync(commit, cancellation);
            all.AddRange(batch);
            if (isLast)
            {
                return new Recorded(all, partition);
            }
        }
    }

    private static void Write(DomainChange commit, FindingChange change, string round, DateTimeOffset at)
    {
        if (change.Change?.IsEnd() == true)
        {
            commit.Close(change.Finding);
        }
        else
        {
            commit.Open(new OpenFinding(change.Finding, change.Before?.OpenedAt ?? at, change.Before?.Round ?? round));
        }

        if (change.Change is { } told)
        {
            _ = change.Finding.Notifies ? commit.Tell(round, told, change.Finding, at) : commit.AuditOnly(round, told, change.Finding, at);
        }
    }
}
