using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.ScheduleChecks;

/// <summary>Timer: asks for one look at every hosted domain, spread over time.</summary>
internal sealed class ScheduleChecksFunction(DomainStore domains, FleetStore fleet, Rounds rounds, CheckQueue checks, ScheduleOptions options, ILogger<ScheduleChecksFunction> log)
{
    public async Task RunAsync(CancellationToken cancellation)
    {
        var round = await rounds.BeginAsync(options.RoundGap, cancellation);
        var asked = await DomainsAsync(cancellation);
        foreach (var domain in asked)
        {
            await checks.SendAsync(new CheckRequest(domain, round), Delay(domain), cancellation);
        }

        log.LogInformation("Round {Round}: asked for a look at {Count} domain(s)", round, asked.Count);
    }

    // What the partitions say, and what the list says: whatever one of them lost in a kill, handling its message heals.
    private async Task<IReadOnlySet<string>> DomainsAsync(CancellationToken cancellation)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        await foreach (var domain in domains.ListUnfinishedOrActiveAsync(cancellation))
        {
            names.Add(domain);
        }

        await foreach (var row in fleet.ListAsync(cancellation))
        {
            names.Add(row.Domain);
        }

        return names;
    }

    // The same domain has the same place in every round, so that its looks are a day apart.
    private TimeSpan Delay(string domain) =>
        DomainName.TryParse(domain, out var name) ? options.Spread * Keys.Place(name) : TimeSpan.Zero;
}
