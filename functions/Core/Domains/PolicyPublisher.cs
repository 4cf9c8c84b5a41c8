using System.Globalization;
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

    private const int MaxAttempts = 5;

    /// <summary>Publishes a policy for a domain, adding the domain if it is new.</summary>
    /// <exception cref="ConcurrentChangeException">Another writer was first; nothing of this change is stored.</exception>
    /// <exception cref="ChangePendingException">It is recorded, and will be carried through.</exception>
    public async Task<Publication> PublishAsync(DomainName domain, Policy policy, string? group, CancellationToken cancellation)
    {
        var bytes = policy.ToBytes();
        var partition = await domains.ReadAsync(Keys.Domain(domain), cancellation);
        if (partition.IsActive && partition.Newest is { } newest && newest.Bytes.AsSpan().SequenceEqual(bytes))
        {
            await MoveAsync(await FinishAsync(domain, partition, cancellation), group, cancellation);
            await CarryThroughAsync(domain, $"Policy {newest.Id} of {domain}", cancellation);
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
        var change = new DomainChange(partition.Key)
            .NewPolicy(next)
            .Audit(now, $"policy.recorded.{next.Id}", $"to be published: {next.Mode.ToToken()}, max_age {next.MaxAge.TotalSeconds} s, group {next.Group}");
        if (partition.Record is { } record)
        {
            // Rewritten as it is: of two writers at once, only one finds the version that it read.
            change.Record(record, partition.ETag);
        }

        await domains.CommitAsync(change, cancellation);
        await CarryThroughAsync(domain, $"Policy {next.Id} of {domain}", cancellation);
        return new Publication(next.Id, Changed: true);
    }

    // Another group for the same policy: its id stays (RFC 8461 §3.1: the id tells of a new policy, and of nothing else).
    private async Task MoveAsync(DomainPartition partition, string? group, CancellationToken cancellation)
    {
        if (group is null || group == partition.Record!.Group)
        {
            return;
        }

        var now = time.GetUtcNow();
        await checks.SendAsync(new CheckRequest(partition.Key, Keys.Round(now)), HealDelay, cancellation);
        await domains.CommitAsync(
            new DomainChange(partition.Key)
                .Record(partition.Record with { Group = group }, partition.ETag)
                .Audit(now, "domain.moved", $"from group {partition.Record.Group} to {group}"),
            cancellation);
    }

    /// <summary>Carries the newest policy through to the blob and the record, if a kill left it half way. The Fleet row is the caller's to rewrite.</summary>
    public async Task<DomainPartition> FinishAsync(DomainName domain, DomainPartition partition, CancellationToken cancellation)
    {
        if (partition.Newest is { } newest && !IsEnded(partition, newest))
        {
            await blobs.PutAsync(domain, newest, cancellation);
            if (!partition.IsActive || partition.Record!.PolicyId != newest.Id)
            {
                var change = new DomainChange(partition.Key).Record(Serving(partition.Record, newest), partition.ETag);
                // Until the blob was written the earlier policy was served, however long ago the new one's row was.
                var replacedAt = time.GetUtcNow();
                foreach (var earlier in partition.Policies.Where(p => p.Id != newest.Id && p.ReplacedAt is null))
                {
                    change.Policy(earlier with { ReplacedAt = replacedAt });
                }

                change.Audit(replacedAt, $"policy.published.{newest.Id}", $"published {newest.Mode.ToToken()}, max_age {newest.MaxAge.TotalSeconds} s");
                await domains.CommitAsync(change, cancellation);
                partition = await domains.ReadAsync(partition.Key, cancellation);
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
            await fleet.ProjectAsync(domain, cancellation);
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
        var change = new DomainChange(partition.Key)
            .Record(partition.Record! with { State = DomainState.Gone }, partition.ETag)
            .Policy(partition.Newest! with { ReplacedAt = now })
            .Audit(now, "domain.removed", force ? "removed by force" : "removed");
        await domains.CommitAsync(change, cancellation);
        await CarryThroughAsync(domain, $"The removal of {domain}", cancellation);
        return true;
    }

    // From here on the change stands, whatever happens to us: the message that was put before it finishes it.
    private async Task CarryThroughAsync(DomainName domain, string what, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await FinishAsync(domain, await domains.ReadAsync(Keys.Domain(domain), cancellation), cancellation);
                await fleet.ProjectAsync(domain, cancellation);
                return;
            }
            catch (ConcurrentChangeException) when (attempt < MaxAttempts)
            {
                // A check of the domain, or another publication, was at it too: what is left to do shows on a fresh read.
            }
            catch (Exception e) when (!cancellation.IsCancellationRequested)
            {
                throw new ChangePendingException(what, e);
            }
        }
    }

    // A domain is gone once its record says so and no newer policy was published after that.
    private static bool IsEnded(DomainPartition partition, PolicyVersion newest) =>
        partition.Record is { State: DomainState.Gone } record && record.PolicyId == newest.Id;

    private static DomainRecord Serving(DomainRecord? record, PolicyVersion policy) => record is null
        ? new DomainRecord(policy.Group, DomainState.Active, policy.Id, policy.Mode, policy.PublishedAt, CheckRunState.None)
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
