using StsFunctions.Core.Checks;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Domains;

namespace StsFunctions.UseCases.Checks;

/// <summary>Timer: requests one check of every hosted domain, spread over time.</summary>
internal sealed class CheckScheduler(DomainStore domains, DomainSummaryStore summaries, CheckRunStore checkRuns, CheckQueue checks, ScheduleOptions options, ILogger<CheckScheduler> log)
{
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var checkRun = await checkRuns.BeginAsync(options.MinRunInterval, cancellationToken);
        var requested = await DomainsAsync(cancellationToken);
        foreach (var domain in requested)
        {
            await checks.SendAsync(new CheckRequest(domain, checkRun), Delay(domain), cancellationToken);
        }

        log.LogInformation("Check run {Run}: requested the check of {Count} domain(s)", checkRun, requested.Count);
    }

    // Domains from both the partitions and the summary list: if an interrupted run left one of them behind, the check repairs it.
    private async Task<IReadOnlySet<string>> DomainsAsync(CancellationToken cancellationToken)
    {
        var names = new SortedSet<string>(StringComparer.Ordinal);
        await foreach (var domain in domains.ListUnfinishedOrActiveAsync(cancellationToken))
        {
            names.Add(domain);
        }

        await foreach (var row in summaries.ListAsync(cancellationToken))
        {
            names.Add(row.Domain);
        }

        return names;
    }

    // A domain has the same delay in every check run, so its checks are a day apart.
    private TimeSpan Delay(string domain) =>
        DomainName.TryParse(domain, out var name) ? options.Spread * Keys.SpreadFraction(name) : TimeSpan.Zero;
}
