using Azure;
using StsFunctions.Core.Access;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Reports;

namespace StsFunctions.UseCases.Access;

/// <summary>A domain that the caller may see, with the sessions that senders reported.</summary>
internal sealed record AuthorizedDomain(DomainName Name, DomainPartition Partition, IReadOnlyList<DailySessions> Days);

/// <summary>
/// The hosted domains of the caller's groups. This is the one place that enforces groups:
/// all data that leaves the app for a group is read through here, and a domain of another group gives the same answer as one that is not hosted.
/// </summary>
internal sealed class AuthorizedDomains(DomainSummaryStore summaries, DomainStore domains, ReportStore reports, TimeProvider time)
{
    private const int ListedDays = 30;

    /// <summary>Lists the next domains after a given one, or the first; at most <paramref name="count"/>.</summary>
    public async Task<IReadOnlyList<DomainSummary>> ListAsync(GroupScope groups, DomainName? after, int count, CancellationToken cancellationToken)
    {
        try
        {
            return await summaries.ListAfterAsync(after, count, cancellationToken).Where(row => groups.Include(row.Group)).Take(count).ToListAsync(cancellationToken);
        }
        catch (RequestFailedException e) when (StorageLayout.LacksTable(e))
        {
            // No domain was added yet.
            return [];
        }
    }

    /// <summary>Finds one domain; null if it is not hosted, or is in a group that the caller may not see.</summary>
    public async Task<AuthorizedDomain?> FindAsync(GroupScope groups, DomainName name, CancellationToken cancellationToken)
    {
        try
        {
            var partition = await domains.ReadAsync(Keys.Domain(name), cancellationToken);
            if (!partition.IsActive || !groups.Include(partition.Record!.Group))
            {
                return null;
            }

            var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
            var recent = await reports.ReadAsync(name, today.AddDays(1 - ListedDays), cancellationToken);
            // Anybody may send a report of any day; a sender's clock may be a day ahead.
            return new AuthorizedDomain(name, partition, DomainSummaryStore.DailySessionsOf(recent.Where(report => report.Day <= today.AddDays(1))));
        }
        catch (RequestFailedException e) when (StorageLayout.LacksTable(e))
        {
            return null;
        }
    }
}
