using System.Globalization;
using Azure;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Time;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Domains;

namespace StsFunctions.UseCases.Policies;

/// <summary>The result of publishing.</summary>
/// <param name="Id">The id to write into the <c>_mta-sts</c> record.</param>
/// <param name="Changed">False if the same bytes were already served.</param>
internal sealed record Publication(string Id, bool Changed);

/// <summary>A domain cannot be removed yet: senders would continue to apply a policy that is no longer served.</summary>
internal sealed class RemovalRefusedException(string message) : Exception(message);

/// <summary>A change is recorded, but storage failed before all of it was applied: the app completes it by itself.</summary>
internal sealed class ChangePendingException(string what, Exception cause)
    : Exception($"{what} is recorded, but storage failed before it was applied: {cause.Message.Split('\n')[0].Trim()} The app completes it within minutes once storage answers again; domain show reports the state.", cause);

/// <summary>
/// Publishes, completes and removes policies. The order is the row with the bytes, the blob, the record: an interrupted run
/// leaves a row that <see cref="FinishAsync"/> completes, never a record of a policy that is not served.
/// </summary>
internal sealed class PolicyPublisher(
    DomainStore domains,
    PolicyBlobs blobs,
    DomainSummaryStore summaries,
    CheckQueue checks,
    ServingOptions serving,
    TimeProvider time)
{
    // Long enough for the following commit to be complete when the message is handled.
    private static readonly TimeSpan HealDelay = TimeSpan.FromMinutes(1);

    /// <summary>Publishes a policy for a domain, adding the domain if it is new.</summary>
    /// <exception cref="ConcurrentChangeException">Another writer was first; nothing of this change is stored.</exception>
    /// <exception cref="ChangePendingException">It is recorded, and the app will complete it.</exception>
    public async Task<Publication> PublishAsync(DomainName domain, Policy policy, string? group, CancellationToken cancellationToken)
    {
        var bytes = policy.ToBytes();
        var partition = await domains.ReadAsync(Keys.Domain(domain), cancellationToken);
        if (partition.IsActive && partition.Newest is { } newest && newest.Bytes.AsSpan().SequenceEqual(bytes))
        {
            partition = await MoveAsync(await FinishAsync(domain, partition, cancellationToken), group, cancellationToken);
            await CompleteAsync(domain, () => summaries.ProjectAsync(domain, partition, cancellationToken), $"Policy {newest.Id} of {domain}", cancellationToken);
            return new Publication(newest.Id, Changed: false);
        }

        var now = time.GetUtcNow();
        var next = new PolicyVersion(
            NextId(now, partition.Newest?.Id),
            bytes,
            policy.Mode,
            TimeSpan.FromSeconds(policy.MaxAge),
            now,
            ReplacedAt: null,
            group ?? partition.Record?.Group ?? "default");
        await checks.SendAsync(new CheckRequest(domain.Value, CheckRunId.Of(now)), HealDelay, cancellationToken);
        var change = new DomainTransaction(partition)
            .NewPolicy(next)
            .Audit(now, $"policy.recorded.{next.Id}", $"to be published: {next.Mode.ToToken()}, max_age {next.MaxAge.TotalSeconds} s, group {next.Group}");
        if (partition.Record is { } record)
        {
            // Rewrite it unchanged: of two concurrent writers, only one finds the version that it read.
            change.Record(record);
        }

        var recorded = await domains.CommitAsync(change, cancellationToken);
        await CompleteAsync(domain, () => CompleteAsync(domain, recorded, cancellationToken), $"Policy {next.Id} of {domain}", cancellationToken);
        return new Publication(next.Id, Changed: true);
    }

    // A change of the group alone keeps the id (RFC 8461 §3.1: the id signals a new policy only).
    private async Task<DomainPartition> MoveAsync(DomainPartition partition, string? group, CancellationToken cancellationToken)
    {
        if (group is null || group == partition.Record!.Group)
        {
            return partition;
        }

        var now = time.GetUtcNow();
        await checks.SendAsync(new CheckRequest(partition.Key, CheckRunId.Of(now)), HealDelay, cancellationToken);
        return await domains.CommitAsync(
            new DomainTransaction(partition)
                .Record(partition.Record with { Group = group })
                .Audit(now, "domain.moved", $"from group {partition.Record.Group} to {group}"),
            cancellationToken);
    }

    /// <summary>Completes an interrupted publication: writes the newest policy to the blob and the record. The caller updates the summary row.</summary>
    /// <returns>The partition after the change.</returns>
    public async Task<DomainPartition> FinishAsync(DomainName domain, DomainPartition partition, CancellationToken cancellationToken)
    {
        if (partition.Newest is { } newest && !IsEnded(partition, newest))
        {
            var isRecorded = partition.IsActive && partition.Record!.PolicyId == newest.Id;
            var served = isRecorded
                ? await blobs.PutAsync(domain, newest, cancellationToken)
                : await blobs.ReplaceAsync(domain, newest, partition.ServedBlob, cancellationToken);
            var earlier = partition.Policies.Where(policy => policy.Id != newest.Id && policy.ReplacedAt is null).ToList();
            if (!isRecorded || earlier.Count > 0)
            {
                var change = new DomainTransaction(partition).Record(Serving(partition.Record, newest), served);
                // The earlier policy was served until the blob was written, even if the new row is older.
                var replacedAt = time.GetUtcNow();
                foreach (var policy in earlier)
                {
                    change.Policy(policy with { ReplacedAt = replacedAt });
                }

                if (!isRecorded)
                {
                    change.Audit(replacedAt, $"policy.published.{newest.Id}", $"published {newest.Mode.ToToken()}, max_age {newest.MaxAge.TotalSeconds} s");
                }

                return await domains.CommitAsync(change, cancellationToken);
            }
        }
        else if (partition.Record is { } ended)
        {
            await blobs.DeleteAsync(domain, ended.PolicyId, cancellationToken);
        }

        return partition;
    }

    /// <summary>Stops serving a domain's policy and retains its history.</summary>
    /// <exception cref="RemovalRefusedException">Some sender may still apply an earlier policy (RFC 8461 §8.3), and <paramref name="force"/> is not set.</exception>
    /// <exception cref="ConcurrentChangeException">Another writer was first; nothing of this change is stored.</exception>
    /// <exception cref="ChangePendingException">It is recorded, and the app will complete it.</exception>
    public async Task<bool> RemoveAsync(DomainName domain, bool force, CancellationToken cancellationToken)
    {
        // Complete an interrupted publication first, or it would publish the policy again after the removal.
        var partition = await FinishAsync(domain, await domains.ReadAsync(Keys.Domain(domain), cancellationToken), cancellationToken);
        if (!partition.IsActive)
        {
            await summaries.ProjectAsync(domain, partition, cancellationToken);
            return false;
        }

        var now = time.GetUtcNow();
        var safe = partition.Policies.SafeToRemoveAt(now, serving);
        if (!force && safe is null)
        {
            throw new RemovalRefusedException(
                $"{domain} publishes mode {partition.Record!.Mode.ToToken()}: senders that cached it continue to apply it after the file is gone, even if your servers change (RFC 8461 §8.3). "
                + $"First publish a policy with mode: none (domain add {domain} --policy FILE), wait until the older ones have expired, then remove; or use --force.");
        }

        if (!force && safe > now)
        {
            throw new RemovalRefusedException(
                $"{domain} can be removed from {safe:u}: until then a sender may hold an earlier policy (RFC 8461 §8.3). Wait, or use --force.");
        }

        await checks.SendAsync(new CheckRequest(domain.Value, CheckRunId.Of(now)), HealDelay, cancellationToken);
        var change = new DomainTransaction(partition)
            .Record(partition.Record! with { State = DomainState.Removed }, servedBlob: default(ETag))
            .Policy(partition.Newest! with { ReplacedAt = now })
            .Audit(now, "domain.removed", force ? "removed by force" : "removed");
        var removed = await domains.CommitAsync(change, cancellationToken);
        await CompleteAsync(domain, () => CompleteAsync(domain, removed, cancellationToken), $"The removal of {domain}", cancellationToken);
        return true;
    }

    private async Task CompleteAsync(DomainName domain, DomainPartition partition, CancellationToken cancellationToken) =>
        await summaries.ProjectAsync(domain, await FinishAsync(domain, partition, cancellationToken), cancellationToken);

    // From here on the change is certain: the message that was sent before the commit completes it.
    private async Task CompleteAsync(DomainName domain, Func<Task> complete, string what, CancellationToken cancellationToken)
    {
        try
        {
            await OptimisticConcurrency.RetryAsync(domain.Value, async () =>
            {
                // If a check or another publication changed the domain at the same time, a fresh read shows what is left to do.
                var now = complete;
                complete = async () => await CompleteAsync(domain, await domains.ReadAsync(Keys.Domain(domain), cancellationToken), cancellationToken);
                await now();
            });
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new ChangePendingException(what, e);
        }
    }

    // A domain is removed if its record says so and no newer policy was published since.
    private static bool IsEnded(DomainPartition partition, PolicyVersion newest) =>
        partition.Record is { State: DomainState.Removed } record && record.PolicyId == newest.Id;

    private static DomainRecord Serving(DomainRecord? record, PolicyVersion policy) => record is null
        ? new DomainRecord(policy.Group, DomainState.Active, policy.Id, policy.Mode, policy.PublishedAt, CheckRunState.None)
        : record with { Group = policy.Group, State = DomainState.Active, PolicyId = policy.Id, Mode = policy.Mode };

    // Ids are UTC timestamps and always increase, even if a clock went back.
    private static string NextId(DateTimeOffset now, string? last)
    {
        var id = Keys.Timestamp(now);
        return last is null || string.CompareOrdinal(id, last) > 0
            ? id
            : (long.Parse(last, CultureInfo.InvariantCulture) + 1).ToString("d14", CultureInfo.InvariantCulture);
    }
}
