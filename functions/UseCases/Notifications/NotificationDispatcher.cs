using Azure;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Time;
using StsFunctions.Notifications;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Notifications;

namespace StsFunctions.UseCases.Notifications;

/// <summary>
/// Sends the notifications in the outboxes to the log and by mail, each change once, the most urgent first. Queue <c>notifications</c>: the outbox of one
/// domain; timer, hourly: every outbox, in case a message was lost.
/// </summary>
internal sealed class NotificationDispatcher(
    DomainStore domains,
    DomainSummaryStore summaries,
    IEmailSender? sender,
    MailQuota quota,
    MailCountStore sent,
    NotificationQueue notifications,
    TimeProvider time,
    ILogger<NotificationDispatcher> log)
{
    // The most changes in one mail; the rest follow in the next mails.
    private const int WarningsPerMail = 50;

    // The least urgent of a larger number wait for the next run, which limits what is read.
    private const int MaxMails = 500;

    // How long another run may still be sending a mail that it marked: longer than any sender takes.
    private static readonly TimeSpan InHand = TimeSpan.FromMinutes(2);

    /// <summary>Sends the notifications in one outbox.</summary>
    public async Task RunAsync(string message, CancellationToken cancellationToken)
    {
        var key = DomainMessage.FromJson(message).Domain;
        var partition = await domains.ReadAsync(key, cancellationToken);
        if (partition.Outbox.Count == 0)
        {
            return;
        }

        var run = new Run(log);
        var now = time.GetUtcNow();
        Gather(partition, run, warning => warning.SendId is null || !ClockSkew.IsWithin(warning.HandedOverAt, InHand, now));
        await SendAllAsync(Sorted(run.Outgoing), run, cancellationToken);
        if (key != Installation.Partition && run.Done.Contains(key))
        {
            await run.Items.TryAsync(key, () => summaries.ProjectAsync(DomainName.Parse(key), run.Partitions[key], cancellationToken), cancellationToken);
        }

        // The queue tries it again.
        run.Items.ThrowIfAnyFailed();

        if (run.Partitions[key].Outbox.Count > 0)
        {
            await notifications.SendAgainAsync(key, cancellationToken);
        }
    }

    /// <summary>Sends the notifications in all outboxes.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var run = new Run(log);
        var pending = await summaries.ListAsync(cancellationToken).Where(row => row.PendingNotifications > 0)
            .Select(row => (row.Domain, IsCritical: row.WorstFinding == Severity.Critical))
            .ToListAsync(cancellationToken);
        // If only critical mail may be sent, do not read the rest.
        var isRoomForAll = sender is null || !quota.IsLimited || pending.TrueForAll(row => row.IsCritical) || quota.CountOf([MailPriority.Other], await sent.ReadAsync(cancellationToken)) > 0;
        foreach (var partition in pending.Where(row => row.IsCritical).Select(row => row.Domain).Prepend(Installation.Partition))
        {
            await run.Items.TryAsync(partition, () => GatherAsync(partition, run, cancellationToken), cancellationToken);
        }

        foreach (var row in pending.Where(row => isRoomForAll && !row.IsCritical).TakeWhile(_ => run.Outgoing.Count < MaxMails))
        {
            await run.Items.TryAsync(row.Domain, () => GatherAsync(row.Domain, run, cancellationToken), cancellationToken);
        }

        await SendAllAsync(Sorted(run.Outgoing), run, cancellationToken);
        foreach (var partition in run.Done.Where(partition => partition != Installation.Partition))
        {
            await run.Items.TryAsync(partition, () => summaries.ProjectAsync(DomainName.Parse(partition), run.Partitions[partition], cancellationToken), cancellationToken);
        }

        run.Items.ThrowIfAnyFailed();
    }

    private async Task GatherAsync(string partition, Run run, CancellationToken cancellationToken) =>
        Gather(await domains.ReadAsync(partition, cancellationToken), run, _ => true);

    private static void Gather(DomainPartition partition, Run run, Func<OutboxNotification, bool> isFree)
    {
        run.Partitions[partition.Key] = partition;
        if (partition.Outbox.Count == 0)
        {
            // An earlier run stopped between the last mail and the update of the summary.
            run.Done.Add(partition.Key);
        }

        var outbox = partition.Outbox.Where(isFree).ToList();
        // An interrupted run handed these over: ask for their state first, and send the same mail again if it was not accepted.
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

    private async Task SendAllAsync(List<Outgoing> sorted, Run run, CancellationToken cancellationToken)
    {
        // Asking for the state of a mail does not count towards the quota.
        var ready = new List<Outgoing>();
        foreach (var mail in sorted.Take(MaxMails))
        {
            await run.Items.TryAsync(
                mail.Partition,
                async () =>
                {
                    if (sender is null || !mail.WasHandedOver || await IsToBeSentAgainAsync(sender, mail, run, cancellationToken))
                    {
                        ready.Add(mail);
                    }
                },
                cancellationToken);
        }

        var count = ready.Count;
        if (sender is not null && quota.IsLimited && count > 0)
        {
            await sent.CountAsync(lately => count = quota.CountOf([.. ready.Select(mail => mail.Priority)], lately), cancellationToken);
            if (count < ready.Count)
            {
                log.LogWarning("{Count} mail(s) wait: this hour's limit is reached, or reserved for more urgent mail (Sts__EmailsPerHour)", ready.Count - count);
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
                        await SendAsync(mail, run, cancellationToken);
                    }
                    catch (RequestFailedException e) when (e.Status == 429)
                    {
                        // The service is busy; the next run tries again.
                        busy = true;
                        throw;
                    }
                },
                cancellationToken);
            if (busy)
            {
                return;
            }
        }
    }

    // False: the mail is sent or in transit.
    private async Task<bool> IsToBeSentAgainAsync(IEmailSender emailSender, Outgoing mail, Run run, CancellationToken cancellationToken)
    {
        var state = await emailSender.GetStatusAsync(mail.Id, cancellationToken);
        if (state == DeliveryState.NotSent)
        {
            return true;
        }

        await EndAsync(mail, state, run, cancellationToken);
        return false;
    }

    private async Task SendAsync(Outgoing mail, Run run, CancellationToken cancellationToken)
    {
        if (sender is null)
        {
            await EndAsync(mail, DeliveryState.Sent, run, cancellationToken);
            return;
        }

        if (!mail.WasHandedOver)
        {
            await MarkAsync(mail, mail.Id.ToString("D"), run, cancellationToken);
        }

        await EndAsync(mail, await sender.SendAsync(NotificationEmail.Of(mail.Id, mail.Partition, mail.Warnings), cancellationToken), run, cancellationToken);
    }

    private async Task EndAsync(Outgoing mail, DeliveryState state, Run run, CancellationToken cancellationToken)
    {
        var (partition, warnings) = (mail.Partition, mail.Warnings);
        if (state == DeliveryState.Failed)
        {
            await MarkAsync(mail, sendId: null, run, cancellationToken);
            throw new IOException($"The mail with {warnings.Length} notification(s) of {partition} could not be delivered; the next run sends it again.");
        }

        if (state != DeliveryState.Sent)
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

        run.Partitions[partition] = await domains.CommitAsync(warnings.Aggregate(new DomainTransaction(run.Partitions[partition]), (change, warning) => change.Dequeue(warning)), cancellationToken);
        run.Done.Add(partition);
    }

    private async Task MarkAsync(Outgoing mail, string? sendId, Run run, CancellationToken cancellationToken)
    {
        // Use the current rows: marking a row changes its version.
        var keys = mail.Warnings.Select(warning => warning.Key).ToHashSet();
        var before = run.Partitions[mail.Partition];
        run.Partitions[mail.Partition] = await domains.CommitAsync(
            before.Outbox.Where(warning => keys.Contains(warning.Key)).Aggregate(new DomainTransaction(before), (change, warning) => change.MarkSending(warning, sendId, time.GetUtcNow())), cancellationToken);
    }

    /// <summary>The state of one run.</summary>
    private sealed class Run(ILogger log)
    {
        /// <summary>A failure of one domain does not stop the others; its notifications remain in the outbox.</summary>
        public IndependentRuns Items { get; } = new(log, "Sending the notifications");

        /// <summary>The current state of each partition.</summary>
        public Dictionary<string, DomainPartition> Partitions { get; } = [];

        public List<Outgoing> Outgoing { get; } = [];

        /// <summary>The partitions whose summary must be updated.</summary>
        public HashSet<string> Done { get; } = [];
    }

    private sealed record Outgoing(string Partition, OutboxNotification[] Warnings, Guid Id, bool WasHandedOver)
    {
        public MailPriority Priority { get; } = MailQuota.PriorityOf(Warnings);
    }
}
