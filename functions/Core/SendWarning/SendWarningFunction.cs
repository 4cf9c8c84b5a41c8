using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.SendWarning;

/// <summary>Timer: tells what is in the outboxes, to the log and by mail, each change once.</summary>
internal sealed class SendWarningFunction(DomainStore domains, FleetStore fleet, IMailRoad? road, ILogger<SendWarningFunction> log)
{
    // One mail tells this many changes; the rest come in the next ones.
    private const int WarningsPerMail = 50;

    public async Task RunAsync(CancellationToken cancellation)
    {
        var failures = new List<Exception>();
        await TryAsync(Keys.Operator, failures, cancellation);
        await foreach (var row in fleet.ListAsync(cancellation))
        {
            if (row.WarningsPending > 0)
            {
                await TryAsync(row.Domain, failures, cancellation);
            }
        }

        if (failures.Count > 0)
        {
            // The run counts as failed, so that an alert on failures sees it; what was not told is tried again.
            throw new AggregateException($"The warnings of {failures.Count} domain(s) could not be sent; they stay in the outbox, and the next run tries again.", failures);
        }
    }

    // One domain's trouble never keeps another's warnings back.
    private async Task TryAsync(string partition, List<Exception> failures, CancellationToken cancellation)
    {
        try
        {
            await TellAsync(partition, cancellation);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            log.LogError(e, "The warnings of {Partition} could not be sent", partition);
            failures.Add(e);
        }
    }

    private async Task TellAsync(string partition, CancellationToken cancellation)
    {
        var outbox = (await domains.ReadAsync(partition, cancellation)).Outbox;

        // Handed over before, by a run that was cut off: the same mail again, asked after first.
        foreach (var earlier in outbox.Where(w => w.SendId is not null).GroupBy(w => w.SendId))
        {
            await SendAsync(partition, [.. earlier], Guid.Parse(earlier.Key!), wasHandedOver: true, cancellation);
        }

        foreach (var batch in outbox.Where(w => w.SendId is null).Chunk(WarningsPerMail))
        {
            await SendAsync(partition, batch, Guid.NewGuid(), wasHandedOver: false, cancellation);
        }

        if (partition != Keys.Operator)
        {
            await fleet.ProjectAsync(DomainName.Parse(partition), cancellation);
        }
    }

    private async Task SendAsync(string partition, PendingWarning[] warnings, Guid mailId, bool wasHandedOver, CancellationToken cancellation)
    {
        if (road is not null)
        {
            var mail = WarningMail.Of(mailId, partition, warnings);
            var state = await HandOverAsync(road, partition, mail, warnings, wasHandedOver, cancellation);
            if (state == MailState.Failed)
            {
                await MarkAsync(partition, warnings, sendId: "", cancellation);
                throw new IOException($"The mail with {warnings.Length} warning(s) of {partition} was given up on its way; the next run sends it anew.");
            }

            if (state != MailState.Sent)
            {
                return;
            }
        }

        foreach (var warning in warnings)
        {
            log.Log(
                warning.Change == Change.Resolved ? LogLevel.Information : warning.Finding.Severity == Severity.Critical ? LogLevel.Error : LogLevel.Warning,
                "{Change} {Severity} {Code} {Subject} of {Partition}: {Evidence}. {Remedy}",
                warning.Change, warning.Finding.Severity, warning.Finding.Code, warning.Finding.Subject, partition, warning.Finding.Evidence, warning.Finding.Remedy);
        }

        await domains.CommitAsync(warnings.Aggregate(new DomainChange(partition), (change, warning) => change.Told(warning)), cancellation);
    }

    private async Task<MailState> HandOverAsync(
        IMailRoad road, string partition, WarningMail mail, PendingWarning[] warnings, bool wasHandedOver, CancellationToken cancellation)
    {
        if (wasHandedOver)
        {
            var state = await road.AskAsync(mail.Id, cancellation);
            if (state != MailState.NotSent)
            {
                return state;
            }
        }
        else
        {
            await MarkAsync(partition, warnings, mail.Id.ToString("D"), cancellation);
        }

        return await road.SendAsync(mail, cancellation);
    }

    private Task MarkAsync(string partition, IEnumerable<PendingWarning> warnings, string sendId, CancellationToken cancellation) =>
        domains.CommitAsync(warnings.Aggregate(new DomainChange(partition), (change, warning) => change.HandOver(warning, sendId)), cancellation);
}
