using StsFunctions.Domains;
using StsFunctions.Reports;

namespace StsFunctions.SweepStorage;

/// <summary>Timer, hourly: takes up the reports whose message was lost on the way, and clears away what nobody asks for any more.</summary>
internal sealed class SweepStorageFunction(
    ReportInbox inbox, ArrivalQueue arrivals, MxHostStore mxHosts, WantedLookStore wanted, PostCountStore posts, TimeProvider time, ILogger<SweepStorageFunction> log)
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
        await foreach (var (arrival, tries) in inbox.LeftBehindAsync(now - LeftBehindAfter, cancellation))
        {
            if (tries < MaxTries)
            {
                await arrivals.SendAgainAsync(arrival.Name, cancellation);
                await inbox.CountTryAsync(arrival, tries + 1, cancellation);
                log.LogWarning("{Blob} was left behind in the inbox; IngestReport is asked for it again, try {Try} of {MaxTries}", arrival.Name, tries + 1, MaxTries);
            }
            else
            {
                await inbox.QuarantineAsync(arrival, $"IngestReport failed on it again and again ({tries} times {StorageLayout.ArrivalsQueue}-poison): see its errors in the log.", cancellation);
                log.LogError("{Blob} went to quarantine: IngestReport failed on it again and again", arrival.Name);
            }
        }

        await posts.SweepAsync(cancellation);
        var swept = await mxHosts.SweepAsync(now - MxHostsKept, cancellation);
        if (swept > 0)
        {
            log.LogInformation("{Count} address(es) of MX hosts that are behind no domain any more were cleared away", swept);
        }

        var unanswered = await wanted.SweepAsync(cancellation);
        if (unanswered > 0)
        {
            log.LogWarning("{Count} address(es) that no probe agent looked at within a day were cleared away; the next round asks for them again", unanswered);
        }
    }
}
