using Azure;
using Azure.Data.Tables.Models;
using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.Access;

/// <summary>A domain that somebody may see, with what senders reported of it.</summary>
internal sealed record VisibleDomain(DomainName Name, DomainPartition Partition, IReadOnlyList<DailySessions> Days);

/// <summary>
/// The hosted domains as somebody sees them who is limited to groups. This is the one place where groups are enforced:
/// whatever leaves the app for one group reads through here, and a domain of another group is as one that is not hosted.
/// </summary>
internal sealed class VisibleDomains(FleetStore fleet, DomainStore domains, ReportStore reports, TimeProvider time)
{
    private const int DaysShown = 30;

    /// <summary>The next domains after a given one, or the first; at most <paramref name="count"/>.</summary>
    public async Task<IReadOnlyList<FleetRow>> ListAsync(Groups groups, DomainName? after, int count, CancellationToken cancellation)
    {
        try
        {
            return await fleet.ListAfterAsync(after, count, cancellation).Where(row => groups.Include(row.Group)).Take(count).ToListAsync(cancellation);
        }
        catch (RequestFailedException e) when (e.ErrorCode == TableErrorCode.TableNotFound)
        {
            // Nothing was ever added.
            return [];
        }
    }

    /// <summary>One domain; null where it is not hosted, or is of a group that may not be seen.</summary>
    public async Task<VisibleDomain?> FindAsync(Groups groups, DomainName name, CancellationToken cancellation)
    {
        try
        {
            var partition = await domains.ReadAsync(Keys.Domain(name), cancellation);
            if (!partition.IsActive || !groups.Include(partition.Record!.Group))
            {
                return null;
            }

            var today = DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);
            var recent = await reports.ReadAsync(name, today.AddDays(1 - DaysShown), cancellation);
            // Anybody may send a report of any day; tomorrow is what a sender's clock may make of today.
            return new VisibleDomain(name, partition, FleetStore.DailySessionsOf(recent.Where(report => report.Day <= today.AddDays(1))));
        }
        catch (RequestFailedException e) when (e.ErrorCode == TableErrorCode.TableNotFound)
        {
            return null;
        }
    }
}
