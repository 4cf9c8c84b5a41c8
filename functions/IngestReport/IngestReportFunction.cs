using MimeKit;
using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Reports;

namespace StsFunctions.IngestReport;

/// <summary>Queue <c>report-arrivals</c>: a raw report becomes rows, once however often its message comes; what cannot be read goes to quarantine with the reason.</summary>
internal sealed class IngestReportFunction(
    ReportInbox inbox,
    RawReports raws,
    ReportReader reader,
    ReportStore reports,
    DomainStore domains,
    FleetStore fleet,
    MailAuthenticity authenticity,
    ArrivalQueue arrivals,
    TimeProvider time,
    ILogger<IngestReportFunction> log)
{
    /// <summary>For how long after it arrived a mail waits for DNS to tell the keys of its signatures; then it is taken for one that nobody vouches for.</summary>
    public static readonly TimeSpan KeysAwaited = TimeSpan.FromHours(2);

    /// <summary>The pause before they are asked for again. Not the queue's own retries: those end in minutes, as poison.</summary>
    public static readonly TimeSpan KeysAskedAgainAfter = TimeSpan.FromMinutes(15);

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
            var (read, hosted, signers) = await ReadAsync(blob, arrived.Arrival, raw, cancellation);
            if (signers is not null && time.GetUtcNow() < arrived.Arrival.ArrivedAt + KeysAwaited && read.Any(one => signers.IsOpenOn(one.Report.OrganizationName)))
            {
                await arrivals.SendLaterAsync(blob, KeysAskedAgainAfter, cancellation);
                log.LogWarning("{Blob} waits in the inbox: {Reasons}", blob, string.Join("; ", signers.Reasons));
                return;
            }

            // Kept before the rows that name it, and out of the inbox only after them.
            var kept = await inbox.KeepAsync(arrived.Arrival with { Signers = signers?.Valid ?? [] }, raw, cancellation);
            await StoreAsync(arrived.Arrival, kept, read, hosted, signers, reports.StoreAsync, cancellation);
            await inbox.RemoveAsync(arrived.Arrival, cancellation);
        }
        catch (UnreadableReportException e)
        {
            var signers = await SignersAsync(arrived.Arrival, e.Mail, cancellation);
            await inbox.QuarantineAsync(arrived.Arrival with { Signers = signers?.Valid ?? [] }, e.Message, cancellation);
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
            // Rows that are there keep the verdict of their arrival, unless it is a better one now; whose signature was valid then vouches for it still.
            var (read, hosted, signers) = await ReadAsync(blob, arrived.Arrival, raw, cancellation);
            var kept = request.IsQuarantine ? await inbox.KeepAsync(arrived.Arrival, raw, cancellation) : blob;
            await StoreAsync(arrived.Arrival, kept, read, hosted, signers, reports.ReplaceAsync, cancellation);
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

    private async Task<(IReadOnlyList<ReadReport> Read, IReadOnlySet<DomainName> Hosted, MailSigners? Signers)> ReadAsync(
        string blob, Arrival arrival, MemoryStream raw, CancellationToken cancellation)
    {
        var read = await reader.ReadAsync(raw, cancellation);
        return (read, await HostedAsync(blob, read, cancellation), await SignersAsync(arrival, MailOf(read), cancellation));
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
                : $"Not hosted here: {string.Join(", ", refused.Take(20))}.")
            {
                Mail = MailOf(read),
            };
        }

        if (refused.Count > 0)
        {
            log.LogWarning("{Blob} also names domains that are not hosted here: {Domains}", blob, string.Join(", ", refused.Take(20)));
        }

        return hosted;
    }

    // A POST is never verified, whatever was posted: anybody can post a mail that somebody else once got.
    private async Task<MailSigners?> SignersAsync(Arrival arrival, MimeMessage? mail, CancellationToken cancellation)
    {
        if (mail is null || arrival.Source == ReportSource.Https)
        {
            return null;
        }

        var now = await authenticity.VerifyAsync(mail, fromMailbox: arrival.Source == ReportSource.Mailbox, cancellation);
        return now with { Valid = [.. now.Valid.Union(arrival.Signers)] };
    }

    private static MimeMessage? MailOf(IReadOnlyList<ReadReport> read) => read.Select(one => one.Mail).FirstOrDefault(mail => mail is not null);

    private async Task StoreAsync(
        Arrival arrival,
        string kept,
        IReadOnlyList<ReadReport> read,
        IReadOnlySet<DomainName> hosted,
        MailSigners? signers,
        Func<Report, IReadOnlyList<ReportFailure>, CancellationToken, Task> storeAsync,
        CancellationToken cancellation)
    {
        foreach (var one in read)
        {
            var (verdict, signedBy) = signers?.VerdictOn(one.Report.OrganizationName) ?? (Verdict.Unverified, "");
            foreach (var policies in one.Report.Policies.Where(policy => hosted.Contains(policy.PolicyDomain)).GroupBy(policy => policy.PolicyDomain))
            {
                var (report, failures) = ReportRows.Of(one, policies.Key, [.. policies], arrival, kept);
                report = report with { Verdict = verdict, SignedBy = signedBy };
                await storeAsync(report, failures, cancellation);
                log.LogInformation(
                    "Report {ReportId} of {Submitter} on {Domain}: {Sessions} session(s), {Failures} failure(s); {Verdict} {SignedBy}",
                    report.ReportId, report.Submitter, report.Domain, report.Sessions, report.Failures, verdict, signedBy);
            }
        }

        foreach (var domain in hosted)
        {
            await fleet.ProjectAsync(domain, cancellation);
        }
    }
}
