using Azure;
using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.SendWarning;

/// <summary>
/// Tells what is in the outboxes, to the log and by mail, each change once, the most urgent first. Queue <c>notifications</c>: the outbox of one
/// domain; timer, hourly: every outbox that no message has led to.
/// </summary>
internal sealed class SendWarningFunction(
    DomainStore domains,
    FleetStore fleet,
    IMailRoad? road,
    MailQuota quota,
    MailCountStore sent,
    NotificationQueue notifications,
    TimeProvider time,
    ILogger<SendWarningFunction> log)
{
    // One mail tells this many changes; the rest come in the next ones.
    private const int WarningsPerMail = 50;

    // Of more, the least urgent wait for the next run: what is read is bounded.
    private const int MaxMails = 500;

    // For so long whoever has noted a send may still be at it: longer than any way for mail takes.
    private static readonly TimeSpan InHand = TimeSpan.FromMinutes(2);

    /// <summary>Tells what is in one outbox.</summary>
    public async Task RunAsync(string message, CancellationToken cancellation)
    {
        var key = DomainMessage.FromJson(message).Domain;
        var partition = await domains.ReadAsync(key, cancellation);
        if (partition.Outbox.Count == 0)
        {
            return;
        }

        var run = new Run(log);
        var now = time.GetUtcNow();
        Gather(partition, run, warning => warning.SendId is null || !ClockSkew.IsWithin(warning.HandedOverAt, InHand, now));
        await SendAllAsync(Sorted(run.Outgoing), run, cancellation);
        if (key != Keys.Operator && run.Done.Contains(key))
        {
            await run.Items.TryAsync(key, () => fleet.ProjectAsync(DomainName.Parse(key), run.Partitions[key], cancellation), cancellation);
        }

        // The queue tries it again.
        run.Items.ThrowIfAnyFailed();

        if (run.Partitions[key].Outbox.Count > 0)
        {
            await notifications.SendAgainAsync(key, cancellation);
        }
    }

    /// <summary>Tells what is in all outboxes.</summary>
    public async Task RunAsync(CancellationToken cancellation)
    {
        var run = new Run(log);
        var pending = await fleet.ListAsync(cancellation).Where(row => row.WarningsPending > 0)
            .Select(row => (row.Domain, IsCritical: row.WorstFinding == Severity.Critical))
            .ToListAsync(cancellation);
        // Where only what is critical may leave, nothing else is read.
        var isRoomForAll = road is null || !quota.IsLimited || pending.TrueForAll(row => row.IsCritical) || quota.CountOf([MailPriority.Other], await sent.ReadAsync(cancellation)) > 0;
        foreach (var partition in pending.Where(row => row.IsCritical).Select(row => row.Domain).Prepend(Keys.Operator))
        {
            await run.Items.TryAsync(partition, () => GatherAsync(partition, run, cancellation), cancellation);
        }

        foreach (var row in pending.Where(row => isRoomForAll && !row.IsCritical).TakeWhile(_ => run.Outgoing.Count < MaxMails))
        {
            await run.Items.TryAsync(row.Domain, () => GatherAsync(row.Domain, run, cancellation), cancellation);
        }

        await SendAllAsync(Sorted(run.Outgoing), run, cancellation);
        foreach (var partition in run.Done.Where(partition => partition != Keys.Operator))
        {
            await run.Items.TryAsync(partition, () => fleet.ProjectAsync(DomainName.Parse(partition), run.Partitions[partition], cancellation), cancellation);
        }

        run.Items.ThrowIfAnyFailed();
    }

    private async Task GatherAsync(string partition, Run run, CancellationToken cancellation) =>
        Gather(await domains.ReadAsync(partition, cancellation), run, _ => true);

    private static void Gather(DomainPartition partition, Run run, Func<PendingWarning, bool> isFree)
    {
        run.Partitions[partition.Key] = partition;
        if (partition.Outbox.Count == 0)
        {
            // A kill came between the last mail and the list.
            run.Done.Add(partition.Key);
        }

        var outbox = partition.Outbox.Where(isFree).ToList();
        // Handed over before, by a run that was cut off: asked after first; the same mail again where it was not taken.
        foreach (var earlier in outbox.Where(w => w.SendId is not null).GroupBy(w => w.SendId))
        {
            run.Outgoing.Add(new Outgoing(partition.Key, [.. earlier], Guid.Parse(earlier.Key!), WasHandedOver: true));
        }

        foreach (var batch in outbox.Where(w => w.SendId is null).OrderByDescending(w => MailQuota.PriorityOf([w])).ThenByDescending(w => w.Finding.Severity).Chunk(WarningsPerMail))
        {
            run.Outgoing.Add(new Outgoing(partition.Key, batch, Guid.NewGuid(), WasHandedOver: false));
        }
    }

    private static List<Outgoing> Sorted(IEnumerable<Outgoing> outgoing) => [.. outgoing
        .OrderByDescending(mail => mail.Priority)
        .ThenByDescending(mail => mail.Warnings.Max(w => w.Change.IsEnd() ? -1 : (int)w.Finding.Severity))
        .ThenBy(mail => mail.Warnings.Min(w => w.At))
        .ThenBy(mail => mail.Partition, StringComparer.Ordinal)];

    private async Task SendAllAsync(List<Outgoing> sorted, Run run, CancellationToken cancellation)
    {
        // What was handed over is asked after whatever the quota: an answer is no mail.
        var ready = new List<Outgoing>();
        foreach (var mail in sorted.Take(MaxMails))
        {
            await run.Items.TryAsync(
                mail.Partition,
                async () =>
                {
                    if (road is null || !mail.WasHandedOver || await IsToBeSentAgainAsync(road, mail, run, cancellation))
                    {
                        ready.Add(mail);
                    }
                },
                cancellation);
        }

        var count = ready.Count;
        if (road is not null && quota.IsLimited && count > 0)
        {
            await sent.CountAsync(lately => count = quota.CountOf([.. ready.Select(mail => mail.Priority)], lately), cancellation);
            if (count < ready.Count)
            {
                log.LogWarning("{Count} mail(s) wait: this hour's number is used up, or kept for what is more urgent (Sts__MailsPerHour)", ready.Count - count);
            }
        }

        foreach (var mail in ready.Take(count))
        {
            var busy = false;
            await run.Items.TryAsync(
                mail.Partition,
                async () =>
                {
                    try
                    {
                        await SendAsync(mail, run, cancellation);
                    }
                    catch (RequestFailedException e) when (e.Status == 429)
                    {
                        // It says when to come back: the next run does.
                        busy = true;
                        throw;
                    }
                },
                cancellation);
            if (busy)
            {
                return;
            }
        }
    }

    // False: it is out, or on its way.
    private async Task<bool> IsToBeSentAgainAsync(IMailRoad by, Outgoing mail, Run run, CancellationToken cancellation)
    {
        var state = await by.AskAsync(mail.Id, cancellation);
        if (state == MailState.NotSent)
        {
            return true;
        }

        await EndAsync(mail, state, run, cancellation);
        return false;
    }

    private async Task SendAsync(Outgoing mail, Run run, CancellationToken cancellation)
    {
        if (road is null)
        {
            await EndAsync(mail, MailState.Sent, run, cancellation);
            return;
        }

        if (!mail.WasHandedOver)
        {
            await MarkAsync(mail, mail.Id.ToString("D"), run, cancellation);
        }

        await EndAsync(mail, await road.SendAsync(WarningMail.Of(mail.Id, mail.Partition, mail.Warnings), cancellation), run, cancellation);
    }

    private async Task EndAsync(Outgoing mail, MailState state, Run run, CancellationToken cancellation)
    {
        var (partition, warnings) = (mail.Partition, mail.Warnings);
        if (state == MailState.Failed)
        {
            await MarkAsync(mail, sendId: null, run, cancellation);
            throw new IOException($"The mail with {warnings.Length} warning(s) of {partition} was given up on its way; the next run sends it anew.");
        }

        if (state != MailState.Sent)
        {
            return;
        }

        foreach (var warning in warnings)
        {
            log.Log(
                warning.Change.IsEnd() ? LogLevel.Information : warning.Finding.Severity == Severity.Critical ? LogLevel.Error : LogLevel.Warning,
                "{Change} {Severity} {Code} {Subject} of {Partition}: {Evidence}. {Remedy}",
                warning.Change, warning.Finding.Severity, warning.Finding.Code, warning.Finding.Subject, partition, warning.Finding.Evidence, warning.Finding.Remedy);
        }

        run.Partitions[partition] = await domains.CommitAsync(warnings.Aggregate(new DomainChange(run.Partitions[partition]), (change, warning) => change.Told(warning)), cancellation);
        run.Done.Add(partition);
    }

    private async Task MarkAsync(Outgoing mail, string? sendId, Run run, CancellationToken cancellation)
    {
        // As they are now: a note changes their version.
        var keys = mail.Warnings.Select(warning => warning.Key).ToHashSet();
        var before = run.Partitions[mail.Partition];
        run.Partitions[mail.Partition] = await domains.CommitAsync(
            before.Outbox.Where(warning => keys.Contains(warning.Key)).Aggregate(new DomainChange(before), (change, warning) => change.HandOver(warning, sendId, time.GetUtcNow())), cancellation);
    }

    /// <summary>What one run has gathered and done.</summary>
    private sealed class Run(ILogger log)
    {
        /// <summary>One domain's trouble never keeps another's warnings back; they stay in the outbox.</summary>
        public IndependentRuns Items { get; } = new(log, "Sending the warnings");

        /// <summary>The partitions, as they are now.</summary>
        public Dictionary<string, DomainPartition> Partitions { get; } = [];

        public List<Outgoing> Outgoing { get; } = [];

        /// <summary>The partitions whose line in the list is behind.</summary>
        public HashSet<string> Done { get; } = [];
    }

    private sealed record Outgoing(string Partition, PendingWarning[] Warnings, Guid Id, bool WasHandedOver)
    {
        public MailPriority Priority { get; } = MailQuota.PriorityOf(Warnings);
    }
}
