using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Time;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Reports;

namespace StsFunctions.UseCases.Reports;

/// <summary>
/// Turns the reports on a domain, and the reports that could not be read, into findings. Queue <c>report-evaluations</c>: a domain with a new report;
/// timer, daily: every domain, because missing reports and the end of a window send no message.
/// </summary>
internal sealed class ReportEvaluation(
    DomainStore domains,
    ReportStore reports,
    DomainSummaryStore summaries,
    FindingRecorder recorder,
    CheckQueue checks,
    OwnObservationReader ownObservations,
    ReportArchive raws,
    ReportQueue arrivals,
    TrustedReportSigners trusted,
    TimeProvider time,
    ILogger<ReportEvaluation> log)
{
    // Older quarantined reports were noticed before; retention deletes them.
    private const int QuarantineDays = 7;
    private const int MaxQuarantined = 1_000;

    // Long enough for the commit to be complete: handling the message updates the summary.
    private static readonly TimeSpan HealDelay = TimeSpan.FromMinutes(1);

    private static readonly HashSet<string> NoneInconclusive = [];

    /// <summary>Evaluates the reports on one domain, or what the installation could not read.</summary>
    public async Task RunAsync(string message, CancellationToken cancellationToken)
    {
        var (partition, now) = (DomainMessage.FromJson(message).Domain, time.GetUtcNow());
        if (partition == Installation.Partition)
        {
            await EvaluateInstallationAsync(now, cancellationToken);
            return;
        }

        var domain = DomainName.Parse(partition);
        var entry = await summaries.FindAsync(domain, cancellationToken);
        if (entry.Line is not null)
        {
            await EvaluateAsync(domain, entry, now, cancellationToken);
            return;
        }

        // Not listed: removed, or not listed yet.
        await summaries.ProjectAsync(domain, cancellationToken);
    }

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        var evaluations = new IndependentRuns(log, "Evaluating the reports");
        await foreach (var entry in summaries.ListEntriesAsync(cancellationToken))
        {
            var domain = entry.Line!.Domain;
            await evaluations.TryAsync(domain, () => EvaluateAsync(DomainName.Parse(domain), entry, now, cancellationToken), cancellationToken);
        }

        await evaluations.TryAsync("The installation", () => EvaluateInstallationAsync(now, cancellationToken), cancellationToken);
        evaluations.ThrowIfAnyFailed();
    }

    // The summary was read first, so its report counts are written over that version only.
    private async Task EvaluateAsync(DomainName domain, DomainSummaryEntry entry, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var reported = await reports.ReadAsync(domain, today.AddDays(1 - DomainSummaryStore.RetainedDays), cancellationToken);
        var recent = reported.Where(report => report.Day >= ReportRules.FirstDay(today)).ToList();
        var partition = recent.Count > 0 || entry.Line!.OpenFindings > 0 ? await domains.ReadAsync(Keys.Domain(domain), cancellationToken) : null;
        if (partition?.IsActive == true)
        {
            partition = await EvaluateAsync(domain, partition, recent, now, cancellationToken);
        }

        await summaries.ProjectAsync(domain, entry, partition, reported, cancellationToken);
    }

    private async Task<DomainPartition> EvaluateAsync(DomainName domain, DomainPartition partition, IReadOnlyList<Report> recent, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var rules = new ReportRules(DateOnly.FromDateTime(now.UtcDateTime), recent, trusted);
        var own = rules.TimeOfFetchErrors is { } failed ? await ownObservations.NearestAsync(domain, failed, cancellationToken) : null;
        var open = partition.Findings.Where(finding => FindingSource.Reports.Owns(finding.Finding.Code)).ToList();
        var evaluated = rules.Evaluate(own, ProbeConfirmation.Of(partition.Record, partition.Findings), [.. open.Select(finding => finding.Finding)]);
        if (FindingDiff.Between(open, evaluated.Findings, NoneInconclusive, evaluated.NoLongerReported).Count == 0)
        {
            return partition;
        }

        // The request names the last check run, so it starts no check; it only updates the summary if this run stops after the commit.
        await checks.SendAsync(new CheckRequest(domain.Value, partition.Record!.CheckRun.Run), HealDelay, cancellationToken);
        var recorded = await recorder.RecordAsync(
            partition, FindingSource.Reports, CheckRunId.Of(now), now, evaluated.Findings, NoneInconclusive, partition.Record, cancellationToken, evaluated.NoLongerReported);
        log.LogInformation(
            "Evaluated the reports on {Domain}: {Findings} finding(s), {Changes} change(s)", domain, evaluated.Findings.Count, recorded.Changes.Count(change => change.Change is not null));
        return recorded.Partition;
    }

    // Unreadable reports belong to no domain: they concern the operator of the installation.
    private async Task EvaluateInstallationAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var since = today.AddDays(1 - QuarantineDays);
        var quarantined = await raws.QuarantinedAsync(since, today, MaxQuarantined, cancellationToken);
        var poisoned = await arrivals.PoisonedAsync(cancellationToken);
        List<Finding> found = [];
        if (quarantined.Count > 0)
        {
            found.Add(ReportFindings.Quarantined(quarantined, since));
        }

        if (poisoned > 0)
        {
            found.Add(ReportFindings.Poison(poisoned));
        }

        var partition = await domains.ReadAsync(Installation.Partition, cancellationToken);
        await recorder.RecordAsync(partition, FindingSource.Reports, CheckRunId.Of(now), now, found, NoneInconclusive, record: null, cancellationToken);
    }
}
