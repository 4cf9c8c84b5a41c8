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
            await StoreAsync(blob, arrived.Source, await reader.ReadAsync(raw, cancellation), cancellation);
        }
        catch (UnreadableReportException e)
        {
            await inbox.QuarantineAsync(blob, e.Message, cancellation);
            log.LogWarning("{Blob} went to quarantine: {Reason}", blob, e.Message);
        }
    }

    private async Task StoreAsync(string blob, ReportSource? source, IReadOnlyList<ReadReport> read, CancellationToken cancellation)
    {
        var refused = new HashSet<DomainName>();
        var stored = 0;
        foreach (var one in read)
        {
            foreach (var policies in one.Report.Policies.GroupBy(policy => policy.PolicyDomain))
            {
                if (!await domains.IsActiveAsync(Keys.Domain(policies.Key), cancellation))
                {
                    // Never mixed into another domain's (RPT-7).
                    refused.Add(policies.Key);
                    continue;
                }

                var (report, failures) = ReportRows.Of(one, policies.Key, [.. policies], source, blob);
                await reports.StoreAsync(report, failures, cancellation);
                await fleet.ProjectAsync(policies.Key, cancellation);
                stored++;
                log.LogInformation(
                    "Report {ReportId} of {Submitter} on {Domain}: {Sessions} session(s), {Failures} failure(s)",
                    report.ReportId, report.Submitter, report.Domain, report.Sessions, report.Failures);
            }
        }

        if (stored == 0)
        {
            throw new UnreadableReportException(refused.Count == 0
                ? "The report names no policy, so it is for no domain."
                : $"Not hosted here: {string.Join(", ", refused.Take(20))}.");
        }

        if (refused.Count > 0)
        {
            log.LogWarning("{Blob} also names domains that are not hosted here: {Domains}", blob, string.Join(", ", refused.Take(20)));
        }
    }
}
