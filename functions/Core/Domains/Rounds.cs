using System.Diagnostics.CodeAnalysis;
using Azure;
using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>
/// The rounds of checks, one after another. A timer may fire twice for one time, on two instances or after a restart: both
/// get the same round, and a domain is looked at once in it.
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

    /// <summary>Begins a round, or goes on with the one that began less than <paramref name="gap"/> ago.</summary>
    /// <returns>The round's id.</returns>
    /// <exception cref="ConcurrentChangeException">Others were first, again and again.</exception>
    public async Task<string> BeginAsync(TimeSpan gap, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var now = _time.GetUtcNow();
            var last = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.Operator, Keys.LastRound, cancellationToken: cancellation);
            // One from the future is of a clock that went wrong, and must not stop the rounds.
            if (last.HasValue && ClockSkew.IsWithin(last.Value!.GetDateTimeOffset("BeganAt"), gap, now))
            {
                return last.Value!.GetString("Round");
            }

            if (last.HasValue && ClockSkew.IsFuture(last.Value!.GetDateTimeOffset("BeganAt"), now))
            {
                _log?.LogWarning("The last round, {Round}, began in the future: a clock was wrong, and it does not count", last.Value.GetString("Round"));
            }

            var row = new TableEntity(Keys.Operator, Keys.LastRound) { ["Round"] = Keys.Round(now), ["BeganAt"] = now };
            try
            {
                await (last.HasValue
                    ? _table.UpdateEntityAsync(row, last.Value!.ETag, TableUpdateMode.Replace, cancellation)
                    : _table.AddEntityAsync(row, cancellation));
                return Keys.Round(now);
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
