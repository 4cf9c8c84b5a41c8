using System.Diagnostics.CodeAnalysis;
using Azure;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Time;

namespace StsFunctions.Storage.Checks;

/// <summary>The check run that the timer started last.</summary>
/// <param name="Run">The check run.</param>
/// <param name="StartedAt">When it started.</param>
internal sealed record ScheduledRun(string Run, DateTimeOffset StartedAt)
{
    /// <summary>The check run for a timer: the last one if it started within the gap, or else a new one. A check run in the future comes from a wrong clock and blocks no other.</summary>
    public static ScheduledRun At(DateTimeOffset now, ScheduledRun? last, TimeSpan gap) =>
        last is not null && ClockSkew.IsWithin(last.StartedAt, gap, now) ? last : new ScheduledRun(CheckRunId.Of(now), now);
}

/// <summary>
/// The sequence of check runs. A timer may fire twice for one time, on two instances or after a restart: both
/// get the same check run, and a domain is checked once in it.
/// </summary>
internal sealed class CheckRunStore
{
    private const int MaxAttempts = 5;

    private readonly TableClient _table;
    private readonly TimeProvider _time;
    private readonly ILogger<CheckRunStore>? _log;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public CheckRunStore(TableServiceClient tables, TimeProvider time, ILogger<CheckRunStore>? log = null) =>
        (_table, _time, _log) = (tables.GetTableClient(StorageNames.DomainsTable), time, log);

    /// <summary>Starts a check run, or continues the one that started less than <paramref name="gap"/> ago.</summary>
    /// <returns>The check run.</returns>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public async Task<string> BeginAsync(TimeSpan gap, CancellationToken cancellationToken)
    {
        for (var attempt = 1; ; attempt++)
        {
            var now = _time.GetUtcNow();
            var row = await _table.GetEntityIfExistsAsync<TableEntity>(Installation.Partition, Keys.LastCheckRun, cancellationToken: cancellationToken);
            var last = row.HasValue ? new ScheduledRun(row.Value!.GetString("CheckRun"), row.Value.GetDateTimeOffset("StartedAt")!.Value) : null;
            var next = ScheduledRun.At(now, last, gap);
            if (next == last)
            {
                return next.Run;
            }

            if (ClockSkew.IsFuture(last?.StartedAt, now))
            {
                _log?.LogWarning("The last check run, {Run}, started in the future because a clock was wrong: it is ignored", last!.Run);
            }

            try
            {
                var written = new TableEntity(Installation.Partition, Keys.LastCheckRun) { ["CheckRun"] = next.Run, ["StartedAt"] = next.StartedAt };
                await (row.HasValue
                    ? _table.UpdateEntityAsync(written, row.Value!.ETag, TableUpdateMode.Replace, cancellationToken)
                    : _table.AddEntityAsync(written, cancellationToken));
                return next.Run;
            }
            catch (RequestFailedException e) when (e.Status is 404 or 409 or 412)
            {
                if (attempt == MaxAttempts)
                {
                    throw new ConcurrentChangeException(Installation.Partition, e);
                }
            }
        }
    }
}
