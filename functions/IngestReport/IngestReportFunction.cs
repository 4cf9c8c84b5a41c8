using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Reports;

namespace StsFunctions.IngestReport;

/// <summary>Queue <c>report-arrivals</c>: a raw report becomes rows, once however often its message comes; what cannot be read goes to quarantine with the reason.</summary>
internal sealed class IngestReportFunction(
    ReportInbox inbox,
    RawReports raws,
    ArrivalQueue arrivals,
    ReportReader reader,
    ReportStore reports,
    DomainStore domains,
    FleetStore fleet,
    ILogger<IngestReportFunction> log)
{
    public async Task RunAsync(string message, CancellationToken cancellation)
    {
        if (ReprocessRequest.FromJson(message) is { } request)
        {
            await (request.Blob is null ? AskForEachAsync(request, cancellation) : ReadAgainAsync(request, request.Blob, cancellation));
            return;
        }

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
            await StoreAsync(arrived.Arrival, kept, read, hosted, reports.StoreAsync, cancellation);
            await inbox.RemoveAsync(arrived.Arrival, cancellation);
        }
        catch (UnreadableReportException e)
        {
            await inbox.QuarantineAsync(arrived.Arrival, e.Message, cancellation);
            log.LogWarning("{Blob} went to quarantine: {Reason}", blob, e.Message);
        }
    }

    // A range becomes days, a day its reports: a kill in between makes some be read twice, which changes nothing.
    private async Task AskForEachAsync(ReprocessRequest request, CancellationToken cancellation)
    {
        var (from, to) = (request.From!.Value, request.To!.Value);
        for (var day = from; from < to && day <= to; day = day.AddDays(1))
        {
            await arrivals.SendAsync(ReprocessRequest.Days(request.Container, day, day), cancellation);
        }

        if (from == to)
        {
            var count = 0;
            await foreach (var blob in raws.OfDayAsync(request.Container, from, cancellation))
            {
                await arrivals.SendAsync(ReprocessRequest.One(request.Container, blob), cancellation);
                count++;
            }

            log.LogInformation("{Count} raw report(s) of {Container} that arrived on {Day} are to be read again", count, request.Container, from);
        }
    }

    // A second reading takes the place of the first, as a new generation. What cannot be read, or is for nobody here, stays where it is.
    private async Task ReadAgainAsync(ReprocessRequest request, string blob, CancellationToken cancellation)
    {
        if (await raws.OpenAsync(request.Container, blob, cancellation) is not { } arrived)
        {
            log.LogInformation("{Blob} is no longer in {Container}", blob, request.Container);
            return;
        }

        try
        {
            await using var content = arrived.Content;
            using var raw = await reader.BufferAsync(content, cancellation);
            var read = await reader.ReadAsync(raw, cancellation);
            var hosted = await HostedAsync(blob, read, cancellation);
            var kept = request.IsQuarantine ? await inbox.KeepAsync(arrived.Arrival, raw, cancellation) : blob;
            await StoreAsync(arrived.Arrival, kept, read, hosted, reports.ReplaceAsync, cancellation);
            if (request.IsQuarantine)
            {
                await raws.ReleaseAsync(blob, arrived.Version, cancellation);
            }
        }
        catch (UnreadableReportException e)
        {
            log.LogWarning("{Blob} of {Container} was read again and stays as it is: {Reason}", blob, request.Container, e.Message);
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

    private async Task StoreAsync(
        Arrival arrival,
        string kept,
        IReadOnlyList<ReadReport> read,
        IReadOnlySet<DomainName> hosted,
        Func<Report, IReadOnlyList<ReportFailure>, CancellationToken, Task> storeAsync,
        CancellationToken cancellation)
    {
        foreach (var one in read)
        {
            foreach (var policies in one.Report.Policies.Where(policy => hosted.Contains(policy.PolicyDomain)).GroupBy(policy => policy.PolicyDomain))
            {
                var (report, failures) = ReportRows.Of(one, policies.Key, [.. policies], arrival, kept);
                await storeAsync(report, failures, cancellation);
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
