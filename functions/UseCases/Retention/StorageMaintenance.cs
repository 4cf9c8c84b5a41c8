using StsFunctions.Core.Domains;
using StsFunctions.Core.Text;
using StsFunctions.Storage;
using StsFunctions.Storage.Probes;
using StsFunctions.Storage.Reports;

namespace StsFunctions.UseCases.Retention;

/// <summary>Timer, hourly: requeues reports whose message was lost, and deletes what is no longer needed.</summary>
internal sealed class StorageMaintenance(
    ReportInbox inbox, ReportQueue arrivals, EvaluationQueue evaluations, MxHostStore mxHosts, ProbeTaskStore tasks, RetentionSweep retention, TimeProvider time, ILogger<StorageMaintenance> log)
{
    // A report is normally read within seconds. Event Grid retries for longer, and a second message does no harm.
    private static readonly TimeSpan StaleAfter = TimeSpan.FromHours(1);

    // Each attempt is five deliveries of the queue. A report that fails them all shows a fault of this app, and waits in quarantine for the fix.
    private const int MaxAttempts = 3;

    // Hosts are probed daily; one that was not probed for a month is no domain's MX host any more.
    private static readonly TimeSpan MxHostRetention = TimeSpan.FromDays(30);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var parts = new IndependentRuns(log, "Sweeping");
        await parts.TryAsync("The inbox", () => RequeueStaleAsync(now, parts, cancellationToken), cancellationToken);
        // The Functions host does not report a poisoned message, so this asks for a check of the poison queue.
        await parts.TryAsync("Whether reports were given up", () => evaluations.SendAsync(Installation.Partition, cancellationToken), cancellationToken);
        await parts.TryAsync("The addresses of MX hosts", () => SweepMxHostsAsync(now, cancellationToken), cancellationToken);
        await parts.TryAsync("What probe agents were asked for", () => SweepProbeTasksAsync(cancellationToken), cancellationToken);
        await parts.TryAsync("Retention", () => retention.RunAsync(now, (kind, purge) => parts.TryAsync(kind, purge, cancellationToken), cancellationToken), cancellationToken);
        parts.ThrowIfAnyFailed();
    }

    private async Task RequeueStaleAsync(DateTimeOffset now, IndependentRuns parts, CancellationToken cancellationToken)
    {
        var (unusable, example) = (0, "");
        await foreach (var (name, arrival, attempts) in inbox.StaleAsync(now - StaleAfter, cancellationToken))
        {
            if (arrival is null)
            {
                (unusable, example) = (unusable + 1, name);
                continue;
            }

            await parts.TryAsync(name, () => RequeueStaleAsync(arrival, attempts, cancellationToken), cancellationToken);
        }

        if (unusable > 0)
        {
            log.LogError("{Count} blob(s) in the inbox have names that are not read, such as {Blob}: rename or delete them", unusable, TextSanitizer.ToSingleLine(example));
        }
    }

    private async Task RequeueStaleAsync(IncomingReport arrival, int attempts, CancellationToken cancellationToken)
    {
        if (attempts < MaxAttempts)
        {
            await arrivals.SendAgainAsync(arrival.Name, cancellationToken);
            await inbox.CountAttemptAsync(arrival, attempts + 1, cancellationToken);
            log.LogWarning("{Blob} was left in the inbox; IngestReport is asked to read it again, attempt {Try} of {MaxTries}", arrival.Name, attempts + 1, MaxAttempts);
        }
        else
        {
            await inbox.QuarantineAsync(arrival, raw: null, $"IngestReport failed on it repeatedly ({attempts} times {StorageNames.ReportArrivalsQueue}-poison): see its errors in the log.", cancellationToken);
            log.LogError("{Blob} went to quarantine: IngestReport failed on it repeatedly", arrival.Name);
        }
    }

    private async Task SweepMxHostsAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var swept = await mxHosts.SweepAsync(now - MxHostRetention, cancellationToken);
        if (swept > 0)
        {
            log.LogInformation("Deleted {Count} address(es) of MX hosts that no domain uses any more", swept);
        }
    }

    private async Task SweepProbeTasksAsync(CancellationToken cancellationToken)
    {
        var unanswered = await tasks.SweepAsync(cancellationToken);
        if (unanswered > 0)
        {
            log.LogWarning("Deleted {Count} probe task(s) that no agent answered within a day; the next check run asks for them again", unanswered);
        }
    }
}
