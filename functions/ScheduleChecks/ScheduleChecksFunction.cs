using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.ScheduleChecks;

/// <summary>Timer: asks for one look at every hosted domain, spread over time.</summary>
internal sealed class ScheduleChecksFunction(FleetStore fleet, CheckQueue checks, ScheduleSettings settings, TimeProvider time, ILogger<ScheduleChecksFunction> log)
{
    public async Task RunAsync(CancellationToken cancellation)
    {
        var round = Keys.Round(time.GetUtcNow());
        var count = 0;
        await foreach (var row in fleet.ListAsync(cancellation))
        {
            await checks.SendAsync(new CheckRequest(row.Domain, round), Delay(row.Domain), cancellation);
            count++;
        }

        log.LogInformation("Round {Round}: asked for a look at {Count} domain(s)", round, count);
    }

    // The same domain has the same place in every round, so that its looks are a day apart.
    private TimeSpan Delay(string domain) =>
        DomainName.TryParse(domain, out var name) ? settings.Spread * Keys.Place(name) : TimeSpan.Zero;
}
