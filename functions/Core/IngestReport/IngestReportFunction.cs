using System.Globalization;
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
    SignerCountStore counts,
    DomainStore domains,
    FleetStore fleet,
    MailAuthenticity authenticity,
    ArrivalQueue arrivals,
    ReportIntakeOptions intake,
    TimeProvider time,
    ILogger<IngestReportFunction> log)
{
    /// <summary>For how long after it arrived a mail waits for DNS to tell the keys of its signatures; then it is taken for one that nobody vouches for.</summary>
    public static readonly TimeSpan KeysAwaited = TimeSpan.FromHours(2);

    /// <summary>The pause before they are asked for again. Not the queue's own retries: those end in minutes, as poison.</summary>
    public static readonly TimeSpan KeysAskedAgainAfter = TimeSpan.FromMinutes(15);

    /// <summary>The pause before a report is taken up again whose sender was being counted by many others at the same moment.</summary>
    public static readonly TimeSpan CountedAgainAfter = TimeSpan.FromMinutes(1);

    public async Task RunAsync(string message, CancellationToken cancellation)
    {
        if (ReprocessRequest.FromJson(message) is { } request)
        {
            await (request.RawReport is { } id ? ReadAgainAsync(request, id, cancellation) : AskForEachAsync(request, cancellation));
            return;
        }

        var blob = ArrivalEvent.BlobName(message);
        if (await inbox.OpenAsync(blob, cancellation) is not { } arrived)
        {
            // An earlier delivery of this message has moved it to quarantine.
            log.LogInformation("{Blob} is no longer in the inbox", blob);
            return;
        }

        var (arrival, raw) = (arrived.Arrival, (ReportBody?)null);
        try
        {
            await using var content = arrived.Content;
            raw = await reader.BufferAsync(content, cancellation);
            arrival = await inbox.VerifyAsync(arrival, raw, cancellation);
            var read = await ReadAsync(blob.Value, arrival, raw, cancellation);
            if (IsAwaited(arrival) && read.Opened.Reports.Any(one => read.SignersOf(one)?.IsOpenOn(one.Report.OrganizationName) == true))
            {
                await WaitAsync(blob, KeysAskedAgainAfter, read.Signers.Values.SelectMany(signers => signers.Reasons), cancellation);
                return;
            }

            arrival = arrival with { Signers = read.Valid };
            if (!await IsWithinDayAsync(arrival, raw, read, cancellation))
            {
                return;
            }

            // Kept before the rows that name it, and out of the inbox only after them.
            var kept = await inbox.KeepAsync(arrival, raw, cancellation);
            await StoreAsync(arrival, kept, read, reports.StoreAsync, cancellation);
            if (read.Opened.LeftOut is { } why)
            {
                // What could not be read is still to be: it shows as what was not read at all does.
                await inbox.QuarantineAsync(arrival, raw, $"Read in part: {why}", cancellation);
                log.LogWarning("{Blob} was read in part, and went to quarantine: {Reason}", blob, why);
                return;
            }

            await inbox.RemoveAsync(arrival, cancellation);
        }
        catch (UnreadableReportException e)
        {
            await QuarantineAsync(arrival, raw, e, cancellation);
        }
        finally
        {
            raw?.Dispose();
        }
    }

    // Whoever signed it is found out now, for a reading that will succeed: keys rotate.
    private async Task QuarantineAsync(Arrival arrival, ReportBody? raw, UnreadableReportException why, CancellationToken cancellation)
    {
        var signers = why.Mail is { } mail && arrival.Source != ReportSource.Https ? await authenticity.VerifyAsync(mail, IsFromMailbox(arrival), cancellation) : null;
        if (signers is { Untold.Count: > 0 } && IsAwaited(arrival))
        {
            await WaitAsync(arrival.Name, KeysAskedAgainAfter, signers.Reasons, cancellation);
            return;
        }

        await inbox.QuarantineAsync(arrival with { Signers = signers?.Valid ?? [] }, raw, why.Message, cancellation);
        log.LogWarning("{Blob} went to quarantine: {Reason}", arrival.Name, why.Message);
    }

    // A message that comes again counts again: a number a little too high costs nothing but a reading later, out of quarantine.
    private async Task<bool> IsWithinDayAsync(Arrival arrival, ReportBody raw, Reading read, CancellationToken cancellationToken)
    {
        // A POST was counted when it came.
        var counted = arrival.Source == ReportSource.Https ? [] : read.Senders.Where(sender => !(sender.Key.IsSigner && intake.TrustedSigners.Contains(sender.Key.Domain)));
        foreach (var (sender, number) in counted)
        {
            switch (await counts.CountAsync(sender, number, intake.ReportsPerSignerAndDay, cancellationToken))
            {
                case PostCountOutcome.LimitReached:
                    var whose = sender.IsSigner ? $"{sender.Domain} has had its" : $"Unsigned reports on {sender.Domain} have had their";
                    var reason = string.Create(
                        CultureInfo.InvariantCulture, $"{whose} {intake.ReportsPerSignerAndDay} {(sender.IsSigner ? "reports " : "")}of {counts.Today:yyyy-MM-dd} (Sts__ReportsPerSignerAndDay).");
                    await inbox.QuarantineAsync(arrival, raw, reason, cancellationToken);
                    log.LogWarning("{Blob} went to quarantine: {Reason}", arrival.Name, reason);
                    return false;
                case PostCountOutcome.Contended:
                    await WaitAsync(arrival.Name, CountedAgainAfter, [$"too many reports of {sender.Domain} arrive at this moment"], cancellationToken);
                    return false;
            }
        }

        return true;
    }

    private bool IsAwaited(Arrival arrival) => time.GetUtcNow() < arrival.ArrivedAt + KeysAwaited;

    private async Task WaitAsync(BlobName blob, TimeSpan delay, IEnumerable<string> reasons, CancellationToken cancellation)
    {
        await arrivals.SendLaterAsync(blob, delay, cancellation);
        log.LogWarning("{Blob} waits in the inbox: {Reasons}", blob, string.Join("; ", reasons));
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
            await foreach (var id in raws.OfDayAsync(request.Container, from, cancellation))
            {
                await arrivals.SendAsync(ReprocessRequest.One(request.Container, id), cancellation);
                count++;
            }

            log.LogInformation("{Count} raw report(s) of {Container} that arrived on {Day} are to be read again", count, request.Container, from);
        }
    }

    // A second reading takes the place of the first, as a new generation. What cannot be read, or is for nobody here, stays where it is.
    private async Task ReadAgainAsync(ReprocessRequest request, RawReportId id, CancellationToken cancellation)
    {
        if (await raws.OpenAsync(request.Container, id, cancellation) is not { } arrived)
        {
            log.LogInformation("{Id} is no longer in {Container}", id, request.Container);
            return;
        }

        try
        {
            await using var content = arrived.Content;
            using var raw = await reader.BufferAsync(content, cancellation);
            // Rows that are there keep the verdict of their arrival, unless it is a better one now; whose signature was valid then vouches for it still.
            var arrival = await inbox.VerifyAsync(arrived.Arrival, raw, cancellation);
            var read = await ReadAsync(id.Value, arrival, raw, cancellation);
            arrival = arrival with { Signers = read.Valid };
            var kept = request.IsQuarantine ? await inbox.KeepAsync(arrival, raw, cancellation) : id.Value;
            await StoreAsync(arrival, kept, read, reports.ReplaceAsync, cancellation);
            if (request.IsQuarantine && read.Opened.LeftOut is null)
            {
                await raws.ReleaseAsync(id, arrived.Version, cancellation);
            }
        }
        catch (UnreadableReportException e)
        {
            log.LogWarning("{Id} of {Container} was read again and stays as it is: {Reason}", id, request.Container, e.Message);
        }
    }

    private async Task<Reading> ReadAsync(string blob, Arrival arrival, MemoryStream raw, CancellationToken cancellation)
    {
        var opened = await reader.ReadAsync(raw, cancellation);
        return new Reading(opened, await HostedAsync(blob, opened, cancellation), await SignersAsync(arrival, opened, cancellation));
    }

    private async Task<IReadOnlySet<DomainName>> HostedAsync(string blob, OpenedArrival opened, CancellationToken cancellation)
    {
        var hosted = new HashSet<DomainName>();
        var refused = new HashSet<DomainName>();
        foreach (var domain in opened.Reports.SelectMany(one => one.Report.Policies).Select(policy => policy.PolicyDomain).Distinct())
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
                Mail = opened.OneMail,
            };
        }

        if (refused.Count > 0)
        {
            log.LogWarning("{Blob} also names domains that are not hosted here: {Domains}", blob, string.Join(", ", refused.Take(20)));
        }

        return hosted;
    }

    // A POST is never verified, whatever was posted: anybody can post a mail that somebody else once got. Each mail vouches for what came in it alone.
    private async Task<IReadOnlyDictionary<MimeMessage, MailSigners>> SignersAsync(Arrival arrival, OpenedArrival opened, CancellationToken cancellation)
    {
        if (arrival.Source == ReportSource.Https)
        {
            return new Dictionary<MimeMessage, MailSigners>();
        }

        var signers = await authenticity.VerifyEachAsync(opened.Reports, IsFromMailbox(arrival), cancellation);
        if (opened.OneMail is { } mail)
        {
            signers[mail] = signers[mail].Knowing(arrival.Signers);
        }

        return signers;
    }

    private static bool IsFromMailbox(Arrival arrival) => arrival.Source == ReportSource.Mailbox;

    private async Task StoreAsync(
        Arrival arrival,
        string kept,
        Reading read,
        Func<Report, IReadOnlyList<ReportFailure>, CancellationToken, Task> storeAsync,
        CancellationToken cancellation)
    {
        foreach (var one in read.Opened.Reports)
        {
            var (verdict, signedBy) = read.VerdictOn(one);
            foreach (var policies in one.Report.Policies.Where(policy => read.Hosted.Contains(policy.PolicyDomain)).GroupBy(policy => policy.PolicyDomain))
            {
                var (report, failures) = ReportRows.Of(one, policies.Key, [.. policies], arrival, kept);
                report = report with { Verdict = verdict, SignedBy = signedBy };
                await storeAsync(report, failures, cancellation);
                log.LogInformation(
                    "Report {ReportId} of {Submitter} on {Domain}: {Sessions} session(s), {Failures} failure(s); {Verdict} {SignedBy}",
                    report.ReportId, report.Submitter, report.Domain, report.Sessions, report.Failures, verdict, signedBy);
            }
        }

        foreach (var domain in read.Hosted)
        {
            await fleet.ProjectAsync(domain, cancellation);
        }
    }

    /// <param name="Opened">The reports.</param>
    /// <param name="Hosted">Their policy domains that are hosted here.</param>
    /// <param name="Signers">Who signed each mail.</param>
    private sealed record Reading(OpenedArrival Opened, IReadOnlySet<DomainName> Hosted, IReadOnlyDictionary<MimeMessage, MailSigners> Signers)
    {
        /// <summary>Whose signatures are valid, where all of it is one mail.</summary>
        public IReadOnlyList<DomainName> Valid => Opened.OneMail is { } mail && Signers.TryGetValue(mail, out var signers) ? signers.Valid : [];

        /// <summary>How many of the reports are of each sender. One that nobody signed is counted for each policy domain that it is on.</summary>
        public IEnumerable<KeyValuePair<ReportSender, int>> Senders => Opened.Reports.SelectMany(SendersOf).CountBy(sender => sender);

        public (Verdict Verdict, string SignedBy) VerdictOn(ReadReport one) => SignersOf(one)?.VerdictOn(one.Report.OrganizationName) ?? (Verdict.Unverified, "");

        public MailSigners? SignersOf(ReadReport one) => one.Mail is { } mail ? Signers.GetValueOrDefault(mail) : null;

        private IEnumerable<ReportSender> SendersOf(ReadReport one) => VerdictOn(one).SignedBy is { Length: > 0 } signer
            ? [new ReportSender(signer, IsSigner: true)]
            : one.Report.Policies.Select(policy => policy.PolicyDomain).Where(Hosted.Contains).Distinct().Select(domain => new ReportSender(domain.Value, IsSigner: false));
    }
}
