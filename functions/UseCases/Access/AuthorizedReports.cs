using Azure;
using StsFunctions.Core.Access;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Reports;

namespace StsFunctions.UseCases.Access;

/// <summary>The reports on the domains that the caller's groups may see.</summary>
internal sealed class AuthorizedReports(DomainStore domains, ReportStore reports, ReportArchive raws, ReportReader reader)
{
    private readonly ReportStore _reports = reports;
    private readonly ReportArchive _raws = raws;
    private readonly ReportReader _reader = reader;

    /// <summary>Finds the reports on one domain; null if it is not hosted, or is in a group that the caller may not see.</summary>
    public async Task<DomainReports?> OfAsync(GroupScope groups, DomainName name, CancellationToken cancellationToken) =>
        await IsVisibleAsync(groups, name, cancellationToken) is Visibility.Visible ? new DomainReports(this, groups, name) : null;

    private async Task<Visibility> IsVisibleAsync(GroupScope groups, DomainName name, CancellationToken cancellationToken)
    {
        try
        {
            var partition = await domains.ReadAsync(Keys.Domain(name), cancellationToken);
            return !partition.IsActive ? Visibility.NotHosted : groups.Include(partition.Record!.Group) ? Visibility.Visible : Visibility.Forbidden;
        }
        catch (RequestFailedException e) when (StorageLayout.LacksTable(e))
        {
            return Visibility.NotHosted;
        }
    }

    private enum Visibility
    {
        NotHosted,
        Forbidden,
        Visible,
    }

    /// <summary>The reports on one visible domain.</summary>
    internal sealed class DomainReports(AuthorizedReports all, GroupScope groups, DomainName name)
    {
        public DomainName Domain => name;

        /// <summary>Streams the reports of a range, by day.</summary>
        public IAsyncEnumerable<Report> Scan(ReportRange range, int? rowsPerCall, CancellationToken cancellationToken) =>
            all._reports.ScanAsync(name, range, rowsPerCall, cancellationToken);

        /// <summary>Finds a report by its key; null if there is none.</summary>
        public async Task<Report?> FindAsync(string key, CancellationToken cancellationToken)
        {
            // Read every body of the report: only together do they show which one counts.
            var identity = key[..Math.Max(0, key.LastIndexOf(':'))];
            return await Scan(ReportRange.OfIdentity(identity), null, cancellationToken).FirstOrDefaultAsync(report => report.Key == key, cancellationToken);
        }

        /// <summary>Reads the failures of a report.</summary>
        public Task<IReadOnlyList<ReportFailure>> FailuresAsync(Report report, CancellationToken cancellationToken) => all._reports.ReadFailuresAsync(report, cancellationToken);

        /// <summary>
        /// Opens the raw report; null if it is no longer stored. A report may be on several domains: it is shown completely
        /// or not at all, so only to a caller who may see every hosted domain that it names.
        /// </summary>
        /// <exception cref="RawReportForbiddenException">It also names a domain that the caller may not see.</exception>
        public async Task<MemoryStream?> RawAsync(Report report, CancellationToken cancellationToken)
        {
            if (!RawReportId.TryParse(report.Blob, out var id) || await all._raws.OpenAsync(StorageNames.ReportsContainer, id, cancellationToken) is not { } raw)
            {
                return null;
            }

            try
            {
                await using var content = raw.Content;
                var body = await all._reader.BufferAsync(content, cancellationToken);
                var isAllowed = false;
                try
                {
                    isAllowed = groups.IsEvery || await MayShowAsync(body, cancellationToken);
                    body.ReleaseReading();
                    return isAllowed ? body : throw new RawReportForbiddenException();
                }
                finally
                {
                    if (!isAllowed)
                    {
                        await body.DisposeAsync();
                    }
                }
            }
            catch (UnreadableReportException e)
            {
                // The domains of the report are unknown.
                throw new RawReportForbiddenException(e);
            }
        }

        private async Task<bool> MayShowAsync(MemoryStream body, CancellationToken cancellationToken)
        {
            var opened = await all._reader.ReadAsync(body, cancellationToken);
            if (opened.LeftOut is not null)
            {
                // The domains of the unread rest are unknown.
                return false;
            }

            foreach (var domain in opened.Reports.SelectMany(read => read.Report.Policies).Select(policy => policy.PolicyDomain).Distinct())
            {
                if (await all.IsVisibleAsync(groups, domain, cancellationToken) is Visibility.Forbidden)
                {
                    return false;
                }
            }

            return true;
        }
    }
}

/// <summary>A raw report names domains that the caller may not see.</summary>
internal sealed class RawReportForbiddenException(Exception? cause = null) : Exception("The raw report names domains that you may not see.", cause);
