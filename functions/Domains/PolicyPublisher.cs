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

/// <summary>
/// Publishes, finishes and ends policies. The order is the row with the bytes, the blob, the record: a kill in between
/// leaves a row that <see cref="FinishAsync"/> carries through, never a record of something that is not served.
/// </summary>
internal sealed class PolicyPublisher(
    DomainStore domains,
    PolicyBlobs blobs,
    FleetStore fleet,
    CheckQueue checks,
    ServingSettings serving,
    TimeProvider time)
{
    // Long enough for the commit that follows to be over when the message is handled.
    private static readonly TimeSpan HealDelay = TimeSpan.FromMinutes(1);

    /// <summary>Publishes a policy for a domain, adding the domain if it is new.</summary>
    /// <exception cref="ConcurrentChangeException">Another writer was first.</exception>
    public async Task<Publication> PublishAsync(DomainName domain, Policy policy, string? group, CancellationToken cancellation)
    {
        var bytes = policy.ToBytes();
        var partition = await domains.ReadAsync(Keys.Domain(domain), cancellation);
        if (partition.IsActive && partition.Newest is { } newest && newest.Bytes.AsSpan().SequenceEqual(bytes)
            && (group is null || group == partition.Record!.Group))
        {
            await FinishAndProjectAsync(domain, partition, cancellation);
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
        var change = new DomainChange(partition.Key).NewPolicy(next);
        if (partition.Record is { } record)
        {
            // Rewritten as it is: of two writers at once, only one finds the version that it read.
            change.Record(record, partition.ETag);
        }

        await domains.CommitAsync(change, cancellation);
        await FinishAndProjectAsync(domain, await domains.ReadAsync(partition.Key, cancellation), cancellation);
        return new Publication(next.Id, Changed: true);
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

                change.Audit(newest.PublishedAt, $"policy.{newest.Id}", $"published {newest.Mode.ToToken()}, max_age {newest.MaxAge.TotalSeconds} s");
                await domains.CommitAsync(change, cancellation);
                partition = await domains.ReadAsync(partition.Key, cancellation);
            }
        }
        else
        {
            await blobs.DeleteAsync(domain, cancellation);
        }

        return partition;
    }

    /// <summary>Stops serving a domain's policy; its history stays.</summary>
    /// <exception cref="RemovalRefusedException">Some sender may still apply an earlier policy (RFC 8461 §8.3), and <paramref name="force"/> is not set.</exception>
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
        await FinishAndProjectAsync(domain, await domains.ReadAsync(partition.Key, cancellation), cancellation);
        return true;
    }

    private async Task FinishAndProjectAsync(DomainName domain, DomainPartition partition, CancellationToken cancellation)
    {
        await FinishAsync(domain, partition, cancellation);
        await fleet.ProjectAsync(domain, cancellation);
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
