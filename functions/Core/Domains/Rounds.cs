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

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public Rounds(TableServiceClient tables, TimeProvider time) => (_table, _time) = (tables.GetTableClient(StorageLayout.DomainsTable), time);

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
            if (last.HasValue && last.Value!.GetDateTimeOffset("BeganAt") is { } began && began <= now && now - began < gap)
            {
                return last.Value.GetString("Round");
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
