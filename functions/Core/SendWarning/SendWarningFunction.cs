using Azure;
using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.SendWarning;

/// <summary>Timer: tells what is in the outboxes, to the log and by mail, each change once, the most urgent first.</summary>
internal sealed class SendWarningFunction(
    DomainStore domains, FleetStore fleet, IMailRoad? road, MailQuota quota, MailCountStore sent, ILogger<SendWarningFunction> log)
{
    // One mail tells this many changes; the rest come in the next ones.
    private const int WarningsPerMail = 50;

    // Of more, the least urgent wait for the next run: what is read is bounded.
    private const int MaxMails = 500;

    public async Task RunAsync(CancellationToken cancellation)
    {
        var failures = new List<Exception>();
        var outgoing = new List<Outgoing>();
        var done = new HashSet<string>();
        var pending = await fleet.ListAsync(cancellation).Where(row => row.WarningsPending > 0)
            .Select(row => (row.Domain, IsCritical: row.WorstFinding == Severity.Critical))
            .ToListAsync(cancellation);
        // Where only what is critical may leave, nothing else is read.
        var isRoomForAll = road is null || !quota.IsLimited || pending.TrueForAll(row => row.IsCritical) || quota.CountOf([MailPriority.Other], await sent.ReadAsync(cancellation)) > 0;
        foreach (var partition in pending.Where(row => row.IsCritical).Select(row => row.Domain).Prepend(Keys.Operator))
        {
            await TryAsync(partition, () => GatherAsync(partition, outgoing, done, cancellation), failures, cancellation);
        }

        foreach (var row in pending.Where(row => isRoomForAll && !row.IsCritical).TakeWhile(_ => outgoing.Count < MaxMails))
        {
            await TryAsync(row.Domain, () => GatherAsync(row.Domain, outgoing, done, cancellation), failures, cancellation);
        }

        await SendAllAsync(Sorted(outgoing), done, failures, cancellation);
        foreach (var partition in done.Where(partition => partition != Keys.Operator))
        {
            await TryAsync(partition, () => fleet.ProjectAsync(DomainName.Parse(partition), cancellation), failures, cancellation);
        }

        if (failures.Count > 0)
        {
            // The run counts as failed, so that an alert on failures sees it; what was not told is tried again.
            throw new AggregateException($"The warnings of {failures.Count} domain(s) could not be sent; they stay in the outbox, and the next run tries again.", failures);
        }
    }

    // One domain's trouble never keeps another's warnings back.
    private async Task TryAsync(string partition, Func<Task> tell, List<Exception> failures, CancellationToken cancellation)
    {
        try
        {
            await tell();
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            log.LogError(e, "The warnings of {Partition} could not be sent", partition);
            failures.Add(e);
        }
    }

    private async Task GatherAsync(string partition, List<Outgoing> outgoing, HashSet<string> done, CancellationToken cancellation)
    {
        var outbox = (await domains.ReadAsync(partition, cancellation)).Outbox;
        if (outbox.Count == 0)
        {
            // A kill came between the last mail and the list.
            done.Add(partition);
        }

        // Handed over before, by a run that was cut off: asked after first; the same mail again where it was not taken.
        foreach (var earlier in outbox.Where(w => w.SendId is not null).GroupBy(w => w.SendId))
        {
            outgoing.Add(new Outgoing(partition, [.. earlier], Guid.Parse(earlier.Key!), WasHandedOver: true));
        }

        foreach (var batch in outbox.Where(w => w.SendId is null).OrderByDescending(w => MailQuota.PriorityOf([w])).ThenByDescending(w => w.Finding.Severity).Chunk(WarningsPerMail))
        {
            outgoing.Add(new Outgoing(partition, batch, Guid.NewGuid(), WasHandedOver: false));
        }
    }

    private static List<Outgoing> Sorted(IEnumerable<Outgoing> outgoing) => [.. outgoing
        .OrderByDescending(mail => mail.Priority)
        .ThenByDescending(mail => mail.Warnings.Max(w => w.Change.IsEnd() ? -1 : (int)w.Finding.Severity))
        .ThenBy(mail => mail.Warnings.Min(w => w.At))
        .ThenBy(mail => mail.Partition, StringComparer.Ordinal)];

    private async Task SendAllAsync(List<Outgoing> sorted, HashSet<string> done, List<Exception> failures, CancellationToken cancellation)
    {
        // What was handed over is asked after whatever the quota: an answer is no mail.
        var ready = new List<Outgoing>();
        foreach (var mail in sorted.Take(MaxMails))
        {
            await TryAsync(
                mail.Partition,
                async () =>
                {
                    if (road is null || !mail.WasHandedOver || await IsToBeSentAgainAsync(road, mail, done, cancellation))
                    {
                        ready.Add(mail);
                    }
                },
                failures,
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
            await TryAsync(
                mail.Partition,
                async () =>
                {
                    try
                    {
                        await SendAsync(mail, done, cancellation);
                    }
                    catch (RequestFailedException e) when (e.Status == 429)
                    {
                        // It says when to come back: the next run does.
                        busy = true;
                        throw;
                    }
                },
                failures,
                cancellation);
            if (busy)
            {
                return;
            }
        }
    }

    // False: it is out, or on its way.
    private async Task<bool> IsToBeSentAgainAsync(IMailRoad by, Outgoing mail, HashSet<string> done, CancellationToken cancellation)
    {
        var state = await by.AskAsync(mail.Id, cancellation);
        if (state == MailState.NotSent)
        {
            return true;
        }

        await EndAsync(mail, state, done, cancellation);
        return false;
    }

    private async Task SendAsync(Outgoing mail, HashSet<string> done, CancellationToken cancellation)
    {
        if (road is null)
        {
            await EndAsync(mail, MailState.Sent, done, cancellation);
            return;
        }

        if (!mail.WasHandedOver)
        {
            await MarkAsync(mail.Partition, mail.Warnings, mail.Id.ToString("D"), cancellation);
        }

        await EndAsync(mail, await road.SendAsync(WarningMail.Of(mail.Id, mail.Partition, mail.Warnings), cancellation), done, cancellation);
    }

    private async Task EndAsync(Outgoing mail, MailState state, HashSet<string> done, CancellationToken cancellation)
    {
        var (partition, warnings) = (mail.Partition, mail.Warnings);
        if (state == MailState.Failed)
        {
            await MarkAsync(partition, warnings, sendId: "", cancellation);
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

        await domains.CommitAsync(warnings.Aggregate(new DomainChange(partition), (change, warning) => change.Told(warning)), cancellation);
        done.Add(partition);
    }

    private Task MarkAsync(string partition, IEnumerable<PendingWarning> warnings, string sendId, CancellationToken cancellation) =>
        domains.CommitAsync(warnings.Aggregate(new DomainChange(partition), (change, warning) => change.HandOver(warning, sendId)), cancellation);

    private sealed record Outgoing(string Partition, PendingWarning[] Warnings, Guid Id, bool WasHandedOver)
    {
        public MailPriority Priority { get; } = MailQuota.PriorityOf(Warnings);
    }
}
