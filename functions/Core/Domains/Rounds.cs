using System.Diagnostics.CodeAnalysis;
using Azure;
using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>The check run that the timer began last.</summary>
/// <param name="Run">The check run.</param>
/// <param name="StartedAt">When it began.</param>
internal sealed record ScheduledRun(string Run, DateTimeOffset StartedAt)
{
    /// <summary>The check run that a timer asks for: the last one where that began within a gap, or a new one. One of the future is of a wrong clock, and stops no other.</summary>
    public static ScheduledRun At(DateTimeOffset now, ScheduledRun? last, TimeSpan gap) =>
        last is not null && ClockSkew.IsWithin(last.StartedAt, gap, now) ? last : new ScheduledRun(Keys.Round(now), now);
}

/// <summary>
/// The check runs, one after another. A timer may fire twice for one time, on two instances or after a restart: both
/// get the same check run, and a domain is checked once in it.
/// </summary>
internal sealed class Rounds
{
    private const int MaxAttempts = 5;

    private readonly TableClient _table;
    private readonly TimeProvider _time;
    private readonly ILogger<Rounds>? _log;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public Rounds(TableServiceClient tables, TimeProvider time, ILogger<Rounds>? log = null) =>
        (_table, _time, _log) = (tables.GetTableClient(StorageLayout.DomainsTable), time, log);

    /// <summary>Begins a check run, or goes on with the one that began less than <paramref name="gap"/> ago.</summary>
    /// <returns>The check run.</returns>
    /// <exception cref="ConcurrentChangeException">Others were first, again and again.</exception>
    public async Task<string> BeginAsync(TimeSpan gap, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var now = _time.GetUtcNow();
            var row = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.Operator, Keys.LastRound, cancellationToken: cancellation);
            var last = row.HasValue ? new ScheduledRun(row.Value!.GetString("CheckRun"), row.Value.GetDateTimeOffset("StartedAt")!.Value) : null;
            var next = ScheduledRun.At(now, last, gap);
            if (next == last)
            {
                return next.Run;
            }

            if (ClockSkew.IsFuture(last?.StartedAt, now))
            {
                _log?.LogWarning("The last check run, {Run}, began in the future: a clock was wrong, and the run does not count", last!.Run);
            }

            try
            {
                var written = new TableEntity(Keys.Operator, Keys.LastRound) { ["CheckRun"] = next.Run, ["StartedAt"] = next.StartedAt };
                await (row.HasValue
                    ? _table.UpdateEntityAsync(written, row.Value!.ETag, TableUpdateMode.Replace, cancellation)
                    : _table.AddEntityAsync(written, cancellation));
                return next.Run;
            }
            catch (RequestFailedException e) when (e.Status is 404 or 409 or 412)
            {
                if (attempt == MaxAttempts)
                {
                    throw new ConcurrentChangeException(Keys.Operator, e);
                }
            }
        }
    }
}
