using System.Globalization;
using Azure;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Domains;

/// <summary>What publishing came to.</summary>
/// <param name="Id">The id to write into the <c>_mta-sts</c> record.</param>
/// <param name="Changed">False where the same bytes were already served.</param>
internal sealed record Publication(string Id, bool Changed);

/// <summary>A domain cannot be removed yet: senders would go on applying a policy that nobody serves any more.</summary>
internal sealed class RemovalRefusedException(string message) : Exception(message);

/// <summary>A change is recorded, and storage failed before all of it was in place: the app carries it through by itself.</summary>
internal sealed class ChangePendingException(string what, Exception cause)
    : Exception($"{what} is recorded, but storage failed before it was in place: {cause.Message.Split('\n')[0].Trim()} It is carried through within minutes once storage answers again; domain show tells.", cause);

/// <summary>
/// Publishes, finishes and ends policies. The order is the row with the bytes, the blob, the record: a kill in between
/// leaves a row that <see cref="FinishAsync"/> carries through, never a record of something that is not served.
/// </summary>
internal sealed class PolicyPublisher(
    DomainStore domains,
    PolicyBlobs blobs,
    FleetStore fleet,
    CheckQueue checks,
    ServingOptions serving,
    TimeProvider time)
{
    // Long enough for the commit that follows to be over when the message is handled.
    private static readonly TimeSpan HealDelay = TimeSpan.FromMinutes(1);

    /// <summary>Publishes a policy for a domain, adding the domain if it is new.</summary>
    /// <exception cref="ConcurrentChangeException">Another writer was first; nothing of this change is stored.</exception>
    /// <exception cref="ChangePendingException">It is recorded, and will be carried through.</exception>
    public async Task<Publication> PublishAsync(DomainName domain, Policy policy, string? group, CancellationToken cancellation)
    {
        var bytes = policy.ToBytes();
        var partition = await domains.ReadAsync(Keys.Domain(domain), cancellation);
        if (partition.IsActive && partition.Newest is { } newest && newest.Bytes.AsSpan().SequenceEqual(bytes))
        {
            partition = await MoveAsync(await FinishAsync(domain, partition, cancellation), group, cancellation);
            await CarryThroughAsync(domain, () => fleet.ProjectAsync(domain, partition, cancellation), $"Policy {newest.Id} of {domain}", cancellation);
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
        await checks.SendAsync(new CheckRequest(domain.Value, Keys.Round(now)), HealDelay, cancellation);
        var change = new DomainChange(partition)
            .NewPolicy(next)
            .Audit(now, $"policy.recorded.{next.Id}", $"to be published: {next.Mode.ToToken()}, max_age {next.MaxAge.TotalSeconds} s, group {next.Group}");
        if (partition.Record is { } record)
        {
            // Rewritten as it is: of two writers at once, only one finds the version that it read.
            change.Record(record);
        }

        var recorded = await domains.CommitAsync(change, cancellation);
        await CarryThroughAsync(domain, () => CarryThroughAsync(domain, recorded, cancellation), $"Policy {next.Id} of {domain}", cancellation);
        return new Publication(next.Id, Changed: true);
    }

    // Another group for the same policy: its id stays (RFC 8461 §3.1: the id tells of a new policy, and of nothing else).
    private async Task<DomainPartition> MoveAsync(DomainPartition partition, string? group, CancellationToken cancellation)
    {
        if (group is null || group == partition.Record!.Group)
        {
            return partition;
        }

        var now = time.GetUtcNow();
        await checks.SendAsync(new CheckRequest(partition.Key, Keys.Round(now)), HealDelay, cancellation);
        return await domains.CommitAsync(
            new DomainChange(partition)
                .Record(partition.Record with { Group = group })
                .Audit(now, "domain.moved", $"from group {partition.Record.Group} to {group}"),
            cancellation);
    }

    /// <summary>Carries the newest policy through to the blob and the record, if a kill left it half way. The Fleet row is the caller's to rewrite.</summary>
    /// <returns>The partition as it is then.</returns>
    public async Task<DomainPartition> FinishAsync(DomainName domain, DomainPartition partition, CancellationToken cancellation)
    {
        if (partition.Newest is { } newest && !IsEnded(partition, newest))
        {
            var isRecorded = partition.IsActive && partition.Record!.PolicyId == newest.Id;
            var served = isRecorded
                ? await blobs.PutAsync(domain, newest, cancellation)
                : await blobs.ReplaceAsync(domain, newest, partition.ServedBlob, cancellation);
            var earlier = partition.Policies.Where(policy => policy.Id != newest.Id && policy.ReplacedAt is null).ToList();
            if (!isRecorded || earlier.Count > 0)
            {
                var change = new DomainChange(partition).Record(Serving(partition.Record, newest), served);
                // Until the blob was written the earlier policy was served, however long ago the new one's row was.
                var replacedAt = time.GetUtcNow();
                foreach (var policy in earlier)
                {
                    change.Policy(policy with { ReplacedAt = replacedAt });
                }

                if (!isRecorded)
                {
                    change.Audit(replacedAt, $"policy.published.{newest.Id}", $"published {newest.Mode.ToToken()}, max_age {newest.MaxAge.TotalSeconds} s");
                }

                return await domains.CommitAsync(change, cancellation);
            }
        }
        else if (partition.Record is { } ended)
        {
            await blobs.DeleteAsync(domain, ended.PolicyId, cancellation);
        }

        return partition;
    }

    /// <summary>Stops serving a domain's policy; its history stays.</summary>
    /// <exception cref="RemovalRefusedException">Some sender may still apply an earlier policy (RFC 8461 §8.3), and <paramref name="force"/> is not set.</exception>
    /// <exception cref="ConcurrentChangeException">Another writer was first; nothing of this change is stored.</exception>
    /// <exception cref="ChangePendingException">It is recorded, and will be carried through.</exception>
    public async Task<bool> RemoveAsync(DomainName domain, bool force, CancellationToken cancellation)
    {
        // A publication that a kill left half way is carried through first, or it would come to life after this.
        var partition = await FinishAsync(domain, await domains.ReadAsync(Keys.Domain(domain), cancellation), cancellation);
        if (!partition.IsActive)
        {
            await fleet.ProjectAsync(domain, partition, cancellation);
            return false;
        }

        var now = time.GetUtcNow();
        var safe = partition.Policies.SafeToRemoveAt(now, serving);
        if (!force && safe is null)
        {
            throw new RemovalRefusedException(
                $"{domain} publishes mode {partition.Record!.Mode.ToToken()}: senders that cached it go on applying it after the file is gone, whatever changes at your servers (RFC 8461 §8.3). "
                + $"First publish a policy with mode: none (domain add {domain} --policy FILE), wait until the older ones have expired, then remove; or use --force.");
        }

        if (!force && safe > now)
        {
            throw new RemovalRefusedException(
                $"{domain} can be removed from {safe:u}: until then a sender may hold an earlier policy (RFC 8461 §8.3). Wait, or use --force.");
        }

        await checks.SendAsync(new CheckRequest(domain.Value, Keys.Round(now)), HealDelay, cancellation);
        var change = new DomainChange(partition)
            .Record(partition.Record! with { State = DomainState.Gone }, servedBlob: default(ETag))
            .Policy(partition.Newest! with { ReplacedAt = now })
            .Audit(now, "domain.removed", force ? "removed by force" : "removed");
        var removed = await domains.CommitAsync(change, cancellation);
        await CarryThroughAsync(domain, () => CarryThroughAsync(domain, removed, cancellation), $"The removal of {domain}", cancellation);
        return true;
    }

    private async Task CarryThroughAsync(DomainName domain, DomainPartition partition, CancellationToken cancellation) =>
        await fleet.ProjectAsync(domain, await FinishAsync(domain, partition, cancellation), cancellation);

    // From here on the change stands, whatever happens to us: the message that was put before it finishes it.
    private async Task CarryThroughAsync(DomainName domain, Func<Task> carry, string what, CancellationToken cancellation)
    {
        try
        {
            await OptimisticConcurrency.RetryAsync(domain.Value, async () =>
            {
                // Where a check of the domain, or another publication, was at it too, what is left to do shows on a fresh read.
                var now = carry;
                carry = async () => await CarryThroughAsync(domain, await domains.ReadAsync(Keys.Domain(domain), cancellation), cancellation);
                await now();
            });
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            throw new ChangePendingException(what, e);
        }
    }

    // A domain is gone once its record says so and no newer policy was published after that.
    private static bool IsEnded(DomainPartition partition, PolicyVersion newest) =>
        partition.Record is { State: DomainState.Gone } record && record.PolicyId == newest.Id;

    private static DomainRecord Serving(DomainRecord? record, PolicyVersion policy) => record is null
        ? new DomainRecord(policy.Group, DomainState.Active, policy.Id, policy.Mode, policy.PublishedAt, "", null, Observed: false, null)
        : record with { Group = policy.Group, State = DomainState.Active, PolicyId = policy.Id, Mode = policy.Mode };

    // Ids are UTC stamps, and never at or below the one before, even where a clock went back.
    private static string NextId(DateTimeOffset now, string? last)
    {
        var id = Keys.Stamp(now);
        return last is null || string.CompareOrdinal(id, last) > 0
            ? id
            : (long.Parse(last, CultureInfo.InvariantCulture) + 1).ToString("d14", CultureInfo.InvariantCulture);
    }
}
