using StsFunctions.Domains;
using StsFunctions.Reports;

namespace StsFunctions.SweepStorage;

/// <summary>Timer, hourly: takes up the reports whose message was lost on the way, and clears away what nobody asks for any more.</summary>
internal sealed class SweepStorageFunction(
    ReportInbox inbox, ArrivalQueue arrivals, MxHostStore mxHosts, WantedLookStore wanted, RetentionSweep retention, TimeProvider time, ILogger<SweepStorageFunction> log)
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
        var failures = new List<Exception>();
        await TryAsync("The inbox", () => TakeUpAsync(now, failures, cancellation), failures, cancellation);
        await TryAsync("The addresses of MX hosts", () => SweepMxHostsAsync(now, cancellation), failures, cancellation);
        await TryAsync("What probe agents were asked for", () => SweepWantedAsync(cancellation), failures, cancellation);
        await TryAsync("Retention", () => retention.RunAsync(now, (kind, purge) => TryAsync(kind, purge, failures, cancellation), cancellation), failures, cancellation);
        if (failures.Count > 0)
        {
            throw new AggregateException(failures);
        }
    }

    private async Task TakeUpAsync(DateTimeOffset now, List<Exception> failures, CancellationToken cancellation)
    {
        var (unusable, example) = (0, "");
        await foreach (var (name, arrival, tries) in inbox.LeftBehindAsync(now - LeftBehindAfter, cancellation))
        {
            if (arrival is null)
            {
                (unusable, example) = (unusable + 1, name);
                continue;
            }

            await TryAsync(name, () => TakeUpAsync(arrival, tries, cancellation), failures, cancellation);
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

    // One report's trouble, or one table's, is not another's.
    private async Task TryAsync(string what, Func<Task> sweep, List<Exception> failures, CancellationToken cancellation)
    {
        try
        {
            await sweep();
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            log.LogError(e, "{What} could not be swept; it is tried again at the next run", what);
            failures.Add(e);
        }
    }
}
