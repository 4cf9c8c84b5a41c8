using Azure;
using Azure.Data.Tables.Models;
using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Reports;

namespace StsFunctions.Access;

/// <summary>What senders reported, as somebody sees it who is limited to groups: of domains that they may see, and of no other.</summary>
internal sealed class VisibleReports(DomainStore domains, ReportStore reports, RawReports raws, ReportReader reader)
{
    private readonly ReportStore _reports = reports;
    private readonly RawReports _raws = raws;
    private readonly ReportReader _reader = reader;

    /// <summary>The reports on one domain; null where it is not hosted, or is of a group that may not be seen.</summary>
    public async Task<DomainReports?> OfAsync(Groups groups, DomainName name, CancellationToken cancellation) =>
        await IsVisibleAsync(groups, name, cancellation) is Visibility.Seen ? new DomainReports(this, groups, name) : null;

    private async Task<Visibility> IsVisibleAsync(Groups groups, DomainName name, CancellationToken cancellation)
    {
        try
        {
            var partition = await domains.ReadAsync(Keys.Domain(name), cancellation);
            return !partition.IsActive ? Visibility.NotHosted : groups.Include(partition.Record!.Group) ? Visibility.Seen : Visibility.Hidden;
        }
        catch (RequestFailedException e) when (e.ErrorCode == TableErrorCode.TableNotFound)
        {
            return Visibility.NotHosted;
        }
    }

    private enum Visibility
    {
        NotHosted,
        Hidden,
        Seen,
    }

    /// <summary>One visible domain's reports.</summary>
    internal sealed class DomainReports(VisibleReports all, Groups groups, DomainName name)
    {
        public DomainName Domain => name;

        /// <summary>Those of a range, by day, as they come.</summary>
        public IAsyncEnumerable<Report> Scan(ReportRange range, int? rowsPerCall, CancellationToken cancellation) =>
            all._reports.ScanAsync(name, range, rowsPerCall, cancellation);

        /// <summary>One, by its key; null where there is none.</summary>
        public async Task<Report?> FindAsync(string key, CancellationToken cancellation)
        {
            // Every body of it: only side by side do they show which of them counts.
            var identity = key[..Math.Max(0, key.LastIndexOf(':'))];
            return await Scan(ReportRange.OfIdentity(identity), null, cancellation).FirstOrDefaultAsync(report => report.Key == key, cancellation);
        }

        /// <summary>Its details.</summary>
        public Task<IReadOnlyList<ReportFailure>> FailuresAsync(Report report, CancellationToken cancellation) => all._reports.ReadFailuresAsync(report, cancellation);

        /// <summary>
        /// The raw report, as it came; null where it is no longer kept. One report may be on several domains: it is shown whole
        /// or not at all, so only to whoever may see every hosted domain that it names.
        /// </summary>
        /// <exception cref="RawReportHiddenException">It also tells of a domain that may not be seen.</exception>
        public async Task<MemoryStream?> RawAsync(Report report, CancellationToken cancellation)
        {
            if (!RawReportId.TryParse(report.Blob, out var id) || await all._raws.OpenAsync(StorageLayout.ReportsContainer, id, cancellation) is not { } raw)
            {
                return null;
            }

            try
            {
                await using var content = raw.Content;
                var body = await all._reader.BufferAsync(content, cancellation);
                var isShown = false;
                try
                {
                    isShown = groups.IsEvery || await MayShowAsync(body, cancellation);
                    body.ReleaseReading();
                    return isShown ? body : throw new RawReportHiddenException();
                }
                finally
                {
                    if (!isShown)
                    {
                        await body.DisposeAsync();
                    }
                }
            }
            catch (UnreadableReportException e)
            {
                // Nobody can say whom it is about.
                throw new RawReportHiddenException(e);
            }
        }

        private async Task<bool> MayShowAsync(MemoryStream body, CancellationToken cancellation)
        {
            var opened = await all._reader.ReadAsync(body, cancellation);
            if (opened.LeftOut is not null)
            {
                // Nobody can say whom the rest is about.
                return false;
            }

            foreach (var domain in opened.Reports.SelectMany(read => read.Report.Policies).Select(policy => policy.PolicyDomain).Distinct())
            {
                if (await all.IsVisibleAsync(groups, domain, cancellation) is Visibility.Hidden)
                {
                    return false;
                }
            }

            return true;
        }
    }
}

/// <summary>A raw report tells of more than its reader may see.</summary>
internal sealed class RawReportHiddenException(Exception? cause = null) : Exception("The raw report tells of domains that may not be seen.", cause);
