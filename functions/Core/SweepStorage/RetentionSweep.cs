using StsFunctions.Domains;

namespace StsFunctions.SweepStorage;

/// <summary>
/// Carries retention out: each kind of data once a day, a bounded part of it a run, from where the run before this one ended. What fails of one kind, or one item of it, keeps
/// nothing else from being done.
/// </summary>
internal sealed class RetentionSweep(RetentionOptions options, BlobRetention blobs, RowRetention rows, RetentionCursorStore cursors, ILogger<RetentionSweep> log)
{
    // From one end to the next beginning: less than a day, so that an hourly timer comes to each kind once a day.
    private static readonly TimeSpan Pause = TimeSpan.FromHours(23);

    /// <summary>Does the part of this run.</summary>
    /// <param name="now">The time.</param>
    /// <param name="tryAsync">Runs one kind, and notes its failure.</param>
    /// <param name="cancellation">Ends the work; whatever was deleted stays so.</param>
    public async Task RunAsync(DateTimeOffset now, Func<string, Func<Task>, Task> tryAsync, CancellationToken cancellation)
    {
        var known = await cursors.ReadAsync(cancellation);
        foreach (var (kind, purgeAsync) in KindsAt(now, cancellation))
        {
            var cursor = known.GetValueOrDefault(kind) ?? new RetentionCursor("", DateTimeOffset.MinValue);
            // One of the future is of a clock that went wrong.
            if (cursor.Position.Length == 0 && cursor.At <= now && now - cursor.At < Pause)
            {
                continue;
            }

            await tryAsync($"Retention of {kind}", async () =>
            {
                var pass = await purgeAsync(cursor.Position);
                await cursors.WriteAsync(kind, new RetentionCursor(pass.Position, now), cancellation);
                if (pass.Deleted > 0)
                {
                    log.LogInformation("Deleted {Count} of {Kind} that were older than they are kept{More}", pass.Deleted, kind, pass.IsAtEnd ? "" : "; the next run goes on");
                }

                if (pass.Failures.Count > 0)
                {
                    throw new AggregateException(pass.Failures);
                }
            });
        }
    }

    private IEnumerable<(string Kind, Func<string, Task<RetentionPass>> PurgeAsync)> KindsAt(DateTimeOffset now, CancellationToken cancellation)
    {
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        return
        [
            ("raw-reports", _ => blobs.PurgeRawReportsAsync(StorageLayout.ReportsContainer, today.AddDays(-options.RawReportDays), cancellation)),
            ("quarantine", _ => blobs.PurgeRawReportsAsync(StorageLayout.QuarantineContainer, today.AddDays(-options.QuarantineDays), cancellation)),
            ("reports", position => rows.PurgeReportsAsync(position, today.AddDays(-options.ReportDays), cancellation)),
            ("report-failures", position => rows.PurgeFailuresAsync(position, today.AddDays(-options.ReportDays), cancellation)),
            ("observations", position => blobs.PurgeObservationsAsync(position, now.AddDays(-options.ObservationDays), cancellation)),
            ("audit", position => rows.PurgeAuditAsync(position, now.AddDays(-options.AuditDays), cancellation)),
            ("post-counts", _ => rows.PurgePostCountsAsync(today.AddDays(1 - options.PostCountDays), today.AddDays(1), cancellation)),
        ];
    }
}
