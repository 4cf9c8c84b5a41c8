using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Reports;

namespace StsFunctions.IngestReport;

/// <summary>Queue <c>report-arrivals</c>: a raw report becomes rows, once however often its message comes; what cannot be read goes to quarantine with the reason.</summary>
internal sealed class IngestReportFunction(
    ReportInbox inbox,
    ReportReader reader,
    ReportStore reports,
    DomainStore domains,
    FleetStore fleet,
    ILogger<IngestReportFunction> log)
{
    public async Task RunAsync(string message, CancellationToken cancellation)
    {
        var blob = ArrivalEvent.BlobName(message);
        if (await inbox.OpenAsync(blob, cancellation) is not { } arrived)
        {
            // An earlier delivery of this message has moved it to quarantine.
            log.LogInformation("{Blob} is no longer in the inbox", blob);
            return;
        }

        try
        {
            await using var content = arrived.Content;
            using var raw = await reader.BufferAsync(content, cancellation);
            var read = await reader.ReadAsync(raw, cancellation);
            var hosted = await HostedAsync(blob, read, cancellation);
            // Kept before the rows that name it, and out of the inbox only after them.
            var kept = await inbox.KeepAsync(arrived.Arrival, raw, cancellation);
            await StoreAsync(arrived.Arrival, kept, read, hosted, cancellation);
            await inbox.RemoveAsync(arrived.Arrival, cancellation);
        }
        catch (UnreadableReportException e)
        {
            await inbox.QuarantineAsync(arrived.Arrival, e.Message, cancellation);
            log.LogWarning("{Blob} went to quarantine: {Reason}", blob, e.Message);
        }
    }

    private async Task<IReadOnlySet<DomainName>> HostedAsync(string blob, IReadOnlyList<ReadReport> read, CancellationToken cancellation)
    {
        var hosted = new HashSet<DomainName>();
        var refused = new HashSet<DomainName>();
        foreach (var domain in read.SelectMany(one => one.Report.Policies).Select(policy => policy.PolicyDomain).Distinct())
        {
            // Never mixed into another domain's (RPT-7).
            (await domains.IsActiveAsync(Keys.Domain(domain), cancellation) ? hosted : refused).Add(domain);
        }

        if (hosted.Count == 0)
        {
            throw new UnreadableReportException(refused.Count == 0
                ? "The report names no policy, so it is for no domain."
                : $"Not hosted here: {string.Join(", ", refused.Take(20))}.");
        }

        if (refused.Count > 0)
        {
            log.LogWarning("{Blob} also names domains that are not hosted here: {Domains}", blob, string.Join(", ", refused.Take(20)));
        }

        return hosted;
    }

    private async Task StoreAsync(Arrival arrival, string kept, IReadOnlyList<ReadReport> read, IReadOnlySet<DomainName> hosted, CancellationToken cancellation)
    {
        foreach (var one in read)
        {
            foreach (var policies in one.Report.Policies.Where(policy => hosted.Contains(policy.PolicyDomain)).GroupBy(policy => policy.PolicyDomain))
            {
                var (report, failures) = ReportRows.Of(one, policies.Key, [.. policies], arrival, kept);
                await reports.StoreAsync(report, failures, cancellation);
                log.LogInformation(
                    "Report {ReportId} of {Submitter} on {Domain}: {Sessions} session(s), {Failures} failure(s)",
                    report.ReportId, report.Submitter, report.Domain, report.Sessions, report.Failures);
            }
        }

        foreach (var domain in hosted)
        {
            await fleet.ProjectAsync(domain, cancellation);
        }
    }
}
