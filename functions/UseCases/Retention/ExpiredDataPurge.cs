using StsFunctions.Storage;
using StsFunctions.Storage.Probes;

namespace StsFunctions.UseCases.Retention;

/// <summary>Timer, hourly: deletes data that is past its retention, MX hosts that no domain uses any more, and probe tasks that no agent answered.</summary>
internal sealed class ExpiredDataPurge(MxHostStore mxHosts, ProbeTaskStore tasks, RetentionSweep retention, TimeProvider time, ILogger<ExpiredDataPurge> log)
{
    // Hosts are probed daily; one that was not probed for a month is no domain's MX host any more.
    private static readonly TimeSpan MxHostRetention = TimeSpan.FromDays(30);

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var parts = new IndependentRuns(log, "Purging");
        await parts.TryAsync("The addresses of MX hosts", () => PurgeMxHostsAsync(now, cancellationToken), cancellationToken);
        await parts.TryAsync("The probe tasks", () => PurgeProbeTasksAsync(cancellationToken), cancellationToken);
        await parts.TryAsync("Retention", () => retention.RunAsync(now, (kind, purge) => parts.TryAsync(kind, purge, cancellationToken), cancellationToken), cancellationToken);
        parts.ThrowIfAnyFailed();
    }

    private async Task PurgeMxHostsAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var purged = await mxHosts.PurgeAsync(now - MxHostRetention, cancellationToken);
        if (purged > 0)
        {
            log.LogInformation("Deleted {Count} address(es) of MX hosts that no domain uses any more", purged);
        }
    }

    private async Task PurgeProbeTasksAsync(CancellationToken cancellationToken)
    {
        var unanswered = await tasks.PurgeAsync(cancellationToken);
        if (unanswered > 0)
        {
            log.LogWarning("Deleted {Count} probe task(s) that no agent answered within a day; the next check run asks for them again", unanswered);
        }
    }
}
