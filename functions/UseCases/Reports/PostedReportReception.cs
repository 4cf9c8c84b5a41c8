using System.Net;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Reports;

namespace StsFunctions.UseCases.Reports;

/// <summary>
/// Accepts a posted report (RFC 8460 §5.4) and stores it; <see cref="ReportIngestion"/> reads it from there. Anybody may post,
/// so a report is read before it is stored, and the number of reports is limited for each policy domain and in total.
/// </summary>
internal sealed class PostedReportReception(
    ReportReader reader,
    PostedBodyReader bodies,
    ReportInbox inbox,
    DomainStore domains,
    PostCountStore counts,
    ReportLimitsOptions limits,
    ReportIntakeOptions intake,
    TimeProvider time,
    ILogger<PostedReportReception> log)
{
    /// <summary>When a sender should retry if other reports were counted at the same moment.</summary>
    public static readonly TimeSpan CountRetryDelay = TimeSpan.FromSeconds(5);

    // The most domains of a report that are looked up here; ReportIngestion handles the rest.
    private const int MaxLookups = 20;

    /// <summary>Reads a posted report and stores it.</summary>
    /// <param name="body">The body of the request.</param>
    /// <param name="contentLength">The length that the sender gives, in bytes; null where it gives none.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="UnreadableReportException">It is not a report, or it is too large.</exception>
    /// <exception cref="IntakeRefusedException">The app does not accept it, or not now.</exception>
    public async Task TakeAsync(Stream body, long? contentLength, CancellationToken cancellationToken)
    {
        if (contentLength > limits.MaxBytes)
        {
            throw new UnreadableReportException($"The report is larger than {limits.MaxBytes} bytes.", isTooLarge: true);
        }

        // Read it before storing it, so that nobody fills the storage with other data.
        using var raw = await bodies.ReadAsync(body, cancellationToken);
        if (!BodySniffer.IsReports(raw.GetBuffer().AsSpan(0, (int)raw.Length)))
        {
            throw new IntakeRefusedException(
                (int)HttpStatusCode.UnsupportedMediaType, "The body is neither JSON, nor gzip, nor zip. Post the report itself, as application/tlsrpt+gzip or application/tlsrpt+json (RFC 8460 §5.4).");
        }

        var named = await ReadAsync(raw, cancellationToken);
        var hosted = await HostedAsync(named.Keys, cancellationToken);
        if (hosted.Count == 0)
        {
            throw new IntakeRefusedException((int)HttpStatusCode.Forbidden, "None of the report's policy domains is hosted here.");
        }

        foreach (var domain in hosted)
        {
            switch (await counts.CountAsync(domain, named[domain], intake.PostsPerDomainAndDay, cancellationToken))
            {
                case PostCountOutcome.LimitReached:
                    log.LogWarning("A posted report was refused: {Domain} reached today's limit of {Most}", domain, intake.PostsPerDomainAndDay);
                    throw TooMany($"No more reports on {domain} are accepted by POST today.", UntilTomorrow());
                case PostCountOutcome.Contended:
                    log.LogWarning("A posted report was refused: too many on {Domain} arrive at this moment", domain);
                    throw TooMany($"Too many reports on {domain} are posted at this moment; send it again in a few seconds.", CountRetryDelay);
            }
        }

        var blob = await inbox.PutAsync(raw, ReportSource.Https, cancellationToken);
        log.LogInformation("Accepted a report by POST: {Blob}", blob);
    }

    // Counts the reports on each policy domain (a zip file holds many), in their order, and releases the parsed reports: other requests wait for the memory.
    private async Task<OrderedDictionary<DomainName, int>> ReadAsync(ReportBody raw, CancellationToken cancellationToken)
    {
        var named = new OrderedDictionary<DomainName, int>();
        foreach (var report in (await reader.ReadAsync(raw, cancellationToken)).Reports)
        {
            foreach (var domain in report.Report.Policies.Select(policy => policy.PolicyDomain).Distinct())
            {
                named[domain] = named.GetValueOrDefault(domain) + 1;
            }
        }

        raw.ReleaseReading();
        return named;
    }

    private async Task<IReadOnlyList<DomainName>> HostedAsync(IEnumerable<DomainName> named, CancellationToken cancellationToken)
    {
        var hosted = new List<DomainName>();
        foreach (var domain in named.Take(MaxLookups))
        {
            if (await domains.IsActiveAsync(Keys.Domain(domain), cancellationToken))
            {
                hosted.Add(domain);
            }
        }

        return hosted;
    }

    private TimeSpan UntilTomorrow()
    {
        var now = time.GetUtcNow();
        return now.UtcDateTime.Date.AddDays(1) - now.UtcDateTime;
    }

    private static IntakeRefusedException TooMany(string message, TimeSpan retryAfter) => new((int)HttpStatusCode.TooManyRequests, message, retryAfter);
}
