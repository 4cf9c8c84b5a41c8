using StsFunctions.Domains;
using StsFunctions.Reports;

namespace StsFunctions.SweepStorage;

/// <summary>Timer, hourly: takes up the reports whose message was lost on the way, and clears away what nobody asks for any more.</summary>
internal sealed class SweepStorageFunction(
    ReportInbox inbox, ArrivalQueue arrivals, EvaluationQueue evaluations, MxHostStore mxHosts, WantedLookStore wanted, RetentionSweep retention, TimeProvider time, ILogger<SweepStorageFunction> log)
{
    // A report is read within seconds; Event Grid goes on trying for longer, and a second message does no harm.
    private static readonly TimeSpan LeftBehindAfter = TimeSpan.FromHours(1);

    // Each try is five of the queue's. What nobody can read in that many is a fault of ours, and waits for its mend in quarantine.
    private const int MaxTries = 3;

    // Hosts are looked at daily; one that was not for a month is behind no domain any more.
    private static readonly TimeSpan MxHostsKept = TimeSpan.FromDays(30);

    public async Task RunAsync(CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var parts = new IndependentRuns(log, "Sweeping");
        await parts.TryAsync("The inbox", () => TakeUpAsync(now, parts, cancellation), cancellation);
        // The Functions host says nothing when it gives a message up: whether there are any is looked at here.
        await parts.TryAsync("Whether reports were given up", () => evaluations.SendAsync(Keys.Operator, cancellation), cancellation);
        await parts.TryAsync("The addresses of MX hosts", () => SweepMxHostsAsync(now, cancellation), cancellation);
        await parts.TryAsync("What probe agents were asked for", () => SweepWantedAsync(cancellation), cancellation);
        await parts.TryAsync("Retention", () => retention.RunAsync(now, (kind, purge) => parts.TryAsync(kind, purge, cancellation), cancellation), cancellation);
        parts.ThrowIfAnyFailed();
    }

    private async Task TakeUpAsync(DateTimeOffset now, IndependentRuns parts, CancellationToken cancellation)
    {
        var (unusable, example) = (0, "");
        await foreach (var (name, arrival, tries) in inbox.LeftBehindAsync(now - LeftBehindAfter, cancellation))
        {
            if (arrival is null)
            {
                (unusable, example) = (unusable + 1, name);
                continue;
            }

            await parts.TryAsync(name, () => TakeUpAsync(arrival, tries, cancellation), cancellation);
        }

        if (unusable > 0)
        {
            log.LogError("{Count} blob(s) lie in the inbox under names that are not read, such as {Blob}: give them others, or delete them", unusable, PlainText.OneLine(example));
        }
    }

    private async Task TakeUpAsync(Arrival arrival, int tries, CancellationToken cancellation)
    {
        if (tries < MaxTries)
        {
            await arrivals.SendAgainAsync(arrival.Name, cancellation);
            await inbox.CountTryAsync(arrival, tries + 1, cancellation);
            log.LogWarning("{Blob} was left behind in the inbox; IngestReport is asked for it again, try {Try} of {MaxTries}", arrival.Name, tries + 1, MaxTries);
        }
        else
        {
            await inbox.QuarantineAsync(arrival, raw: null, $"IngestReport failed on it again and again ({tries} times {StorageLayout.ArrivalsQueue}-poison): see its errors in the log.", cancellation);
            log.LogError("{Blob} went to quarantine: IngestReport failed on it again and again", arrival.Name);
        }
    }

    private async Task SweepMxHostsAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        var swept = await mxHosts.SweepAsync(now - MxHostsKept, cancellation);
        if (swept > 0)
        {
            log.LogInformation("{Count} address(es) of MX hosts that are behind no domain any more were cleared away", swept);
        }
    }

    private async Task SweepWantedAsync(CancellationToken cancellation)
    {
        var unanswered = await wanted.SweepAsync(cancellation);
        if (unanswered > 0)
        {
            log.LogWarning("{Count} address(es) that no probe agent looked at within a day were cleared away; the next round asks for them again", unanswered);
        }
    }
}
