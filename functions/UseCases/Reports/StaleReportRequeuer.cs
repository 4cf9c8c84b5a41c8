using StsFunctions.Core.Domains;
using StsFunctions.Core.Text;
using StsFunctions.Storage;
using StsFunctions.Storage.Reports;

namespace StsFunctions.UseCases.Reports;

/// <summary>Timer, hourly: requeues reports that were left in the inbox because their message was lost; after three attempts a report goes to quarantine.</summary>
internal sealed class StaleReportRequeuer(ReportInbox inbox, ReportQueue reports, EvaluationQueue evaluations, TimeProvider time, ILogger<StaleReportRequeuer> log)
{
    // A report is normally read within seconds. Event Grid retries for longer, and a second message does no harm.
    private static readonly TimeSpan StaleAfter = TimeSpan.FromHours(1);

    // Each attempt is five deliveries of the queue. A report that fails them all shows a fault of this app, and waits in quarantine for the fix.
    private const int MaxAttempts = 3;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var parts = new IndependentRuns(log, "Requeueing");
        await parts.TryAsync("The inbox", () => RequeueAllAsync(time.GetUtcNow() - StaleAfter, parts, cancellationToken), cancellationToken);
        // The Functions host does not report a poisoned message, so this asks for a check of the poison queue.
        await parts.TryAsync("The poison queue", () => evaluations.SendAsync(Installation.Partition, cancellationToken), cancellationToken);
        parts.ThrowIfAnyFailed();
    }

    private async Task RequeueAllAsync(DateTimeOffset before, IndependentRuns parts, CancellationToken cancellationToken)
    {
        var (unusable, example) = (0, "");
        await foreach (var (name, report, attempts) in inbox.StaleAsync(before, cancellationToken))
        {
            if (report is null)
            {
                (unusable, example) = (unusable + 1, name);
                continue;
            }

            await parts.TryAsync(name, () => RequeueAsync(report, attempts, cancellationToken), cancellationToken);
        }

        if (unusable > 0)
        {
            log.LogError("{Count} blob(s) in the inbox have names that are not read, such as {Blob}: rename or delete them", unusable, TextSanitizer.ToSingleLine(example));
        }
    }

    private async Task RequeueAsync(IncomingReport report, int attempts, CancellationToken cancellationToken)
    {
        if (attempts < MaxAttempts)
        {
            await reports.SendAgainAsync(report.Name, cancellationToken);
            await inbox.CountAttemptAsync(report, attempts + 1, cancellationToken);
            log.LogWarning("{Blob} was left in the inbox; IngestReport is asked to read it again, attempt {Try} of {MaxTries}", report.Name, attempts + 1, MaxAttempts);
        }
        else
        {
            await inbox.QuarantineAsync(report, raw: null, $"IngestReport failed on it repeatedly ({attempts} times {StorageNames.ReportArrivalsQueue}-poison): see its errors in the log.", cancellationToken);
            log.LogError("{Blob} went to quarantine: IngestReport failed on it repeatedly", report.Name);
        }
    }
}
