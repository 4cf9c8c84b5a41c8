using System.Globalization;
using MimeKit;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Containers;
using StsFunctions.ReportIntake.Dkim;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Reports;

namespace StsFunctions.UseCases.Reports;

/// <summary>Queue <c>report-arrivals</c>: turns a raw report into rows, once, however often its message is delivered; an unreadable report goes to quarantine with the reason.</summary>
internal sealed class ReportIngestion(
    ReportInbox inbox,
    ReportArchive raws,
    ReportReader reader,
    ReportStore reports,
    SignerCountStore counts,
    DomainStore domains,
    DkimValidator dkim,
    ReportQueue arrivals,
    EvaluationQueue evaluations,
    ReportIntakeOptions intake,
    TimeProvider time,
    ILogger<ReportIngestion> log)
{
    /// <summary>How long after its arrival a mail waits for DNS to return the keys of its signatures; then it counts as not authenticated.</summary>
    public static readonly TimeSpan KeyRetryPeriod = TimeSpan.FromHours(2);

    /// <summary>The pause before the keys are looked up again. The queue's own retries end within minutes, in the poison queue.</summary>
    public static readonly TimeSpan KeyRetryDelay = TimeSpan.FromMinutes(15);

    /// <summary>The pause before a report is read again if too many reports of its sender were counted at the same moment.</summary>
    public static readonly TimeSpan CountedAgainAfter = TimeSpan.FromMinutes(1);

    public async Task RunAsync(string message, CancellationToken cancellationToken)
    {
        if (ReprocessRequest.FromJson(message) is { } request)
        {
            await (request.RawReport is { } id ? ReadAgainAsync(request, id, cancellationToken) : RequestEachAsync(request, cancellationToken));
            return;
        }

        var blob = BlobCreatedEvent.NameOf(message);
        if (await inbox.OpenAsync(blob, cancellationToken) is not { } arrived)
        {
            // An earlier delivery of this message moved it to quarantine.
            log.LogInformation("{Blob} is no longer in the inbox", blob);
            return;
        }

        var (arrival, raw) = (arrived.Arrival, (ReportBody?)null);
        try
        {
            await using var content = arrived.Content;
            raw = await reader.BufferAsync(content, cancellationToken);
            arrival = await inbox.VerifyAsync(arrival, raw, cancellationToken);
            var read = await ReadAsync(blob.Value, arrival, raw, cancellationToken);
            if (IsAwaited(arrival) && read.Opened.Reports.Any(one => read.SignersOf(one)?.IsUnresolvedFor(one.Report.OrganizationName) == true))
            {
                await WaitAsync(blob, KeyRetryDelay, read.Signers.Values.SelectMany(signers => signers.Reasons), cancellationToken);
                return;
            }

            arrival = arrival with { Signers = read.Valid };
            if (!await IsWithinDayAsync(arrival, raw, read, cancellationToken))
            {
                return;
            }

            // Archive the report before the rows that name it, and remove it from the inbox after them.
            var archived = await inbox.ArchiveAsync(arrival, raw, cancellationToken);
            await StoreAsync(arrival, archived, read, reports.StoreAsync, cancellationToken);
            if (read.Opened.LeftOut is { } why)
            {
                // The unread part must still be read, so the report goes to quarantine like an unreadable one.
                await QuarantineAsync(arrival, raw, $"Read in part: {why}", cancellationToken);
                log.LogWarning("{Blob} was read in part, and went to quarantine: {Reason}", blob, why);
                return;
            }

            await inbox.RemoveAsync(arrival, cancellationToken);
        }
        catch (UnreadableReportException e)
        {
            await QuarantineAsync(arrival, raw, e, cancellationToken);
        }
        finally
        {
            raw?.Dispose();
        }
    }

    // Verify the signatures now, for a later successful reading: keys rotate.
    private async Task QuarantineAsync(IncomingReport arrival, ReportBody? raw, UnreadableReportException why, CancellationToken cancellationToken)
    {
        var signers = why.Mail is { } mail && arrival.Source != ReportSource.Https ? await dkim.VerifyAsync(mail, IsFromMailbox(arrival), cancellationToken) : null;
        if (signers is { Unavailable.Count: > 0 } && IsAwaited(arrival))
        {
            await WaitAsync(arrival.Name, KeyRetryDelay, signers.Reasons, cancellationToken);
            return;
        }

        await QuarantineAsync(arrival with { Signers = signers?.Valid ?? [] }, raw, why.Message, cancellationToken);
        log.LogWarning("{Blob} went to quarantine: {Reason}", arrival.Name, why.Message);
    }

    // A quarantined report is a finding of the installation.
    private async Task QuarantineAsync(IncomingReport arrival, ReportBody? raw, string reason, CancellationToken cancellationToken)
    {
        await evaluations.SendAsync(Installation.Partition, cancellationToken);
        await inbox.QuarantineAsync(arrival, raw, reason, cancellationToken);
    }

    // A redelivered message counts again. A count that is slightly too high only means that a report must be read again from quarantine.
    private async Task<bool> IsWithinDayAsync(IncomingReport arrival, ReportBody raw, Reading read, CancellationToken cancellationToken)
    {
        // A posted report was counted when it arrived.
        var counted = arrival.Source == ReportSource.Https ? [] : read.Senders.Where(sender => !(sender.Key.IsSigner && intake.TrustedSigners.Contains(sender.Key.Domain)));
        foreach (var (sender, number) in counted)
        {
            switch (await counts.CountAsync(sender, number, intake.ReportsPerSignerAndDay, cancellationToken))
            {
                case PostCountOutcome.LimitReached:
                    var whose = sender.IsSigner ? $"{sender.Domain} has had its" : $"Unsigned reports on {sender.Domain} have had their";
                    var reason = string.Create(
                        CultureInfo.InvariantCulture, $"{whose} {intake.ReportsPerSignerAndDay} {(sender.IsSigner ? "reports " : "")}of {counts.Today:yyyy-MM-dd} (Sts__ReportsPerSignerAndDay).");
                    await QuarantineAsync(arrival, raw, reason, cancellationToken);
                    log.LogWarning("{Blob} went to quarantine: {Reason}", arrival.Name, reason);
                    return false;
                case PostCountOutcome.Contended:
                    await WaitAsync(arrival.Name, CountedAgainAfter, [$"too many reports of {sender.Domain} arrive at this moment"], cancellationToken);
                    return false;
            }
        }

        return true;
    }

    private bool IsAwaited(IncomingReport arrival) => time.GetUtcNow() < arrival.ArrivedAt + KeyRetryPeriod;

    private async Task WaitAsync(BlobName blob, TimeSpan delay, IEnumerable<string> reasons, CancellationToken cancellationToken)
    {
        await arrivals.SendLaterAsync(blob, delay, cancellationToken);
        log.LogWarning("{Blob} waits in the inbox: {Reasons}", blob, string.Join("; ", reasons));
    }

    // A range is split into days, and a day into its reports. After an interruption some reports are read twice, which changes nothing.
    private async Task RequestEachAsync(ReprocessRequest request, CancellationToken cancellationToken)
    {
        var (from, to) = (request.From!.Value, request.To!.Value);
        for (var day = from; from < to && day <= to; day = day.AddDays(1))
        {
            await arrivals.SendAsync(ReprocessRequest.Days(request.Container, day, day), cancellationToken);
        }

        if (from == to)
        {
            var count = 0;
            await foreach (var id in raws.OfDayAsync(request.Container, from, cancellationToken))
            {
                await arrivals.SendAsync(ReprocessRequest.One(request.Container, id), cancellationToken);
                count++;
            }

            log.LogInformation("{Count} raw report(s) of {Container} that arrived on {Day} are to be read again", count, request.Container, from);
        }
    }

    // A second reading replaces the first as a new generation. A report that is unreadable, or names no hosted domain, stays where it is.
    private async Task ReadAgainAsync(ReprocessRequest request, RawReportId id, CancellationToken cancellationToken)
    {
        if (await raws.OpenAsync(request.Container, id, cancellationToken) is not { } arrived)
        {
            log.LogInformation("{Id} is no longer in {Container}", id, request.Container);
            return;
        }

        try
        {
            await using var content = arrived.Content;
            using var raw = await reader.BufferAsync(content, cancellationToken);
            // Existing rows retain the verdict of their arrival unless the new one is better; a signature that was valid then still authenticates the report.
            var arrival = await inbox.VerifyAsync(arrived.Arrival, raw, cancellationToken);
            var read = await ReadAsync(id.Value, arrival, raw, cancellationToken);
            arrival = arrival with { Signers = read.Valid };
            var archived = request.IsQuarantine ? await inbox.ArchiveAsync(arrival, raw, cancellationToken) : id.Value;
            await StoreAsync(arrival, archived, read, reports.ReplaceAsync, cancellationToken);
            if (request.IsQuarantine && read.Opened.LeftOut is null)
            {
                await raws.RequeueAsync(id, arrived.Version, cancellationToken);
            }
        }
        catch (UnreadableReportException e)
        {
            log.LogWarning("{Id} of {Container} was read again and remains unchanged: {Reason}", id, request.Container, e.Message);
        }
    }

    private async Task<Reading> ReadAsync(string blob, IncomingReport arrival, MemoryStream raw, CancellationToken cancellationToken)
    {
        var opened = await reader.ReadAsync(raw, cancellationToken);
        return new Reading(opened, await HostedAsync(blob, opened, cancellationToken), await SignersAsync(arrival, opened, cancellationToken));
    }

    private async Task<IReadOnlySet<DomainName>> HostedAsync(string blob, UnpackedReports opened, CancellationToken cancellationToken)
    {
        var hosted = new HashSet<DomainName>();
        var refused = new HashSet<DomainName>();
        foreach (var domain in opened.Reports.SelectMany(one => one.Report.Policies).Select(policy => policy.PolicyDomain).Distinct())
        {
            // A report is never added to another domain's (RPT-7).
            (await domains.IsActiveAsync(Keys.Domain(domain), cancellationToken) ? hosted : refused).Add(domain);
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

    // A posted report is never verified: anybody can post a mail that somebody else received. A mail authenticates only the reports in it.
    private async Task<IReadOnlyDictionary<MimeMessage, DkimResults>> SignersAsync(IncomingReport arrival, UnpackedReports opened, CancellationToken cancellationToken)
    {
        if (arrival.Source == ReportSource.Https)
        {
            return new Dictionary<MimeMessage, DkimResults>();
        }

        var signers = await dkim.VerifyEachAsync(opened.Reports, IsFromMailbox(arrival), cancellationToken);
        if (opened.OneMail is { } mail)
        {
            signers[mail] = signers[mail].Knowing(arrival.Signers);
        }

        return signers;
    }

    private static bool IsFromMailbox(IncomingReport arrival) => arrival.Source == ReportSource.Mailbox;

    private async Task StoreAsync(
        IncomingReport arrival,
        string archived,
        Reading read,
        Func<Report, IReadOnlyList<ReportFailure>, CancellationToken, Task> storeAsync,
        CancellationToken cancellationToken)
    {
        foreach (var one in read.Opened.Reports)
        {
            var (verdict, signedBy) = read.VerdictOn(one);
            foreach (var policies in one.Report.Policies.Where(policy => read.Hosted.Contains(policy.PolicyDomain)).GroupBy(policy => policy.PolicyDomain))
            {
                var (report, failures) = ReportRows.Of(one, policies.Key, [.. policies], arrival, archived);
                report = report with { Authentication = verdict, SignedBy = signedBy };
                await storeAsync(report, failures, cancellationToken);
                log.LogInformation(
                    "Report {ReportId} of {Submitter} on {Domain}: {Sessions} session(s), {Failures} failure(s); {Verdict} {SignedBy}",
                    report.ReportId, report.Submitter, report.Domain, report.Sessions, report.Failures, verdict, signedBy);
            }
        }

        // Send this after the rows, so that the evaluation finds them. If the run stops before this, the arrival's message is redelivered.
        foreach (var domain in read.Hosted)
        {
            await evaluations.SendAsync(Keys.Domain(domain), cancellationToken);
        }
    }

    /// <param name="Opened">The reports.</param>
    /// <param name="Hosted">Their hosted policy domains.</param>
    /// <param name="Signers">The signers of each mail.</param>
    private sealed record Reading(UnpackedReports Opened, IReadOnlySet<DomainName> Hosted, IReadOnlyDictionary<MimeMessage, DkimResults> Signers)
    {
        /// <summary>The signers with a valid signature, if all reports are in one mail.</summary>
        public IReadOnlyList<DomainName> Valid => Opened.OneMail is { } mail && Signers.TryGetValue(mail, out var signers) ? signers.Valid : [];

        /// <summary>The number of reports of each sender. An unsigned report is counted for each of its policy domains.</summary>
        public IEnumerable<KeyValuePair<ReportSender, int>> Senders => Opened.Reports.SelectMany(SendersOf).CountBy(sender => sender);

        public (AuthenticationResult Verdict, string SignedBy) VerdictOn(ReadReport one) => SignersOf(one)?.ResultFor(one.Report.OrganizationName) ?? (AuthenticationResult.Unverified, "");

        public DkimResults? SignersOf(ReadReport one) => one.Mail is { } mail ? Signers.GetValueOrDefault(mail) : null;

        private IEnumerable<ReportSender> SendersOf(ReadReport one) => VerdictOn(one).SignedBy is { Length: > 0 } signer
            ? [new ReportSender(signer, IsSigner: true)]
            : one.Report.Policies.Select(policy => policy.PolicyDomain).Where(Hosted.Contains).Distinct().Select(domain => new ReportSender(domain.Value, IsSigner: false));
    }
}
