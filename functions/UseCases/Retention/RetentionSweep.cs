using StsFunctions.Core.Domains;
using StsFunctions.Storage.Retention;

namespace StsFunctions.UseCases.Retention;

/// <summary>
/// Deletes expired data: each kind once a day, a limited amount per run, starting where the last run ended. A failure of one kind or item does not
/// stop the others.
/// </summary>
internal sealed class RetentionSweep(RetentionOptions options, BlobRetention blobs, RowRetention rows, RetentionCursorStore cursors, ILogger<RetentionSweep> log)
{
    // The pause between a finished sweep and the next one: less than a day, so that an hourly timer sweeps each kind once a day.
    private static readonly TimeSpan Pause = TimeSpan.FromHours(23);

    /// <summary>Sweeps each kind that is due.</summary>
    /// <param name="now">The time.</param>
    /// <param name="tryAsync">Runs the sweep of one kind and records its failure.</param>
    /// <param name="cancellationToken">Cancels the sweep; what was deleted stays deleted.</param>
    public async Task RunAsync(DateTimeOffset now, Func<string, Func<Task>, Task> tryAsync, CancellationToken cancellationToken)
    {
        var stored = await cursors.ReadAsync(cancellationToken);
        foreach (var (kind, purgeAsync) in KindsAt(now, cancellationToken))
        {
            var cursor = stored.GetValueOrDefault(kind) ?? new RetentionCursor("", DateTimeOffset.MinValue);
            // A cursor in the future comes from a wrong clock and is ignored.
            if (cursor.Position.Length == 0 && cursor.At <= now && now - cursor.At < Pause)
            {
                continue;
            }

            await tryAsync($"Retention of {kind}", async () =>
            {
                var pass = await purgeAsync(cursor.Position);
                await cursors.WriteAsync(kind, new RetentionCursor(pass.Position, now), cancellationToken);
                if (pass.Deleted > 0)
                {
                    log.LogInformation("Deleted {Count} of {Kind} that were past their retention{More}", pass.Deleted, kind, pass.IsAtEnd ? "" : "; the next run continues");
                }

                if (pass.Failures.Count > 0)
                {
                    throw new AggregateException(pass.Failures);
                }
            });
        }
    }

    private IEnumerable<(string Kind, Func<string, Task<RetentionPass>> PurgeAsync)> KindsAt(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        return
        [
            ("raw-reports", _ => blobs.PurgeRawReportsAsync(StorageNames.ReportsContainer, today.AddDays(-options.RawReportDays), cancellationToken)),
            ("quarantine", _ => blobs.PurgeRawReportsAsync(StorageNames.QuarantineContainer, today.AddDays(-options.QuarantineDays), cancellationToken)),
            ("reports", position => rows.PurgeReportsAsync(position, today.AddDays(-options.ReportDays), cancellationToken)),
            ("report-failures", position => rows.PurgeFailuresAsync(position, today.AddDays(-options.ReportDays), cancellationToken)),
            ("observations", position => blobs.PurgeObservationsAsync(position, now.AddDays(-options.ObservationDays), cancellationToken)),
            ("audit", position => rows.PurgeAuditAsync(position, now.AddDays(-options.AuditDays), cancellationToken)),
            ("post-counts", _ => rows.PurgePostCountsAsync(today.AddDays(1 - options.PostCountDays), today.AddDays(1), cancellationToken)),
        ];
    }
}
