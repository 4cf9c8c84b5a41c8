using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Reports;

namespace StsFunctions.JudgeReports;

/// <summary>
/// What senders report of a domain becomes findings, and so does what could not be read. Queue <c>report-evaluations</c>: where something arrived;
/// timer, daily: everywhere, because silence and the end of a window arrive with nobody.
/// </summary>
internal sealed class JudgeReportsFunction(
    DomainStore domains,
    ReportStore reports,
    FleetStore fleet,
    FindingLedger ledger,
    CheckQueue checks,
    OwnLooks looks,
    RawReports raws,
    ArrivalQueue arrivals,
    TrustedReportSigners trusted,
    TimeProvider time,
    ILogger<JudgeReportsFunction> log)
{
    // What is older was seen by whoever looks, or goes by the account's life-cycle rules.
    private const int QuarantineDays = 7;
    private const int MaxQuarantined = 1_000;

    // By then the commit is there or is not: handling the message makes the list follow.
    private static readonly TimeSpan HealDelay = TimeSpan.FromMinutes(1);

    private static readonly HashSet<string> AllSeen = [];

    /// <summary>Evaluates the reports on one domain, or what the installation could not read.</summary>
    public async Task RunAsync(string message, CancellationToken cancellation)
    {
        var (partition, now) = (DomainMessage.FromJson(message).Domain, time.GetUtcNow());
        if (partition == Keys.Operator)
        {
            await JudgeInstallationAsync(now, cancellation);
            return;
        }

        var domain = DomainName.Parse(partition);
        var entry = await fleet.FindAsync(domain, cancellation);
        if (entry.Line is not null)
        {
            await JudgeAsync(domain, entry, now, cancellation);
            return;
        }

        // Not listed: gone, or not listed yet.
        await fleet.ProjectAsync(domain, cancellation);
    }

    public async Task RunAsync(CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var evaluations = new IndependentRuns(log, "Judging the reports");
        await foreach (var entry in fleet.ListEntriesAsync(cancellation))
        {
            var domain = entry.Line!.Domain;
            await evaluations.TryAsync(domain, () => JudgeAsync(DomainName.Parse(domain), entry, now, cancellation), cancellation);
        }

        await evaluations.TryAsync("The installation", () => JudgeInstallationAsync(now, cancellation), cancellation);
        evaluations.ThrowIfAnyFailed();
    }

    // The line was read first: what it counts of reports is written over that version alone.
    private async Task JudgeAsync(DomainName domain, FleetEntry entry, DateTimeOffset now, CancellationToken cancellation)
    {
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var reported = await reports.ReadAsync(domain, today.AddDays(1 - FleetStore.DaysKept), cancellation);
        var recent = reported.Where(report => report.Day >= ReportJudge.FirstDay(today)).ToList();
        var partition = recent.Count > 0 || entry.Line!.OpenFindings > 0 ? await domains.ReadAsync(Keys.Domain(domain), cancellation) : null;
        if (partition?.IsActive == true)
        {
            partition = await JudgeAsync(domain, partition, recent, now, cancellation);
        }

        await fleet.ProjectAsync(domain, entry, partition, reported, cancellation);
    }

    private async Task<DomainPartition> JudgeAsync(DomainName domain, DomainPartition partition, IReadOnlyList<Report> recent, DateTimeOffset now, CancellationToken cancellation)
    {
        var judge = new ReportJudge(DateOnly.FromDateTime(now.UtcDateTime), recent, trusted);
        var own = judge.TimeOfFetchErrors is { } failed ? await looks.NearestAsync(domain, failed, cancellation) : null;
        var open = partition.Findings.Where(finding => FindingScope.Reports.Owns(finding.Finding.Code)).ToList();
        var judged = judge.Judge(own, ProbeConfirmation.Of(partition), [.. open.Select(finding => finding.Finding)]);
        if (FindingChanges.Between(open, judged.Findings, AllSeen, judged.NoLongerReported).Count == 0)
        {
            return partition;
        }

        // Of no newer round than the last: no look, only what a kill between the commit and the list leaves undone.
        await checks.SendAsync(new CheckRequest(domain.Value, partition.Record!.LastRound), HealDelay, cancellation);
        var recorded = await ledger.RecordAsync(
            partition, FindingScope.Reports, Keys.Round(now), now, judged.Findings, AllSeen, partition.Record, cancellation, judged.NoLongerReported);
        log.LogInformation(
            "Judged the reports on {Domain}: {Findings} finding(s), {Changes} change(s)", domain, judged.Findings.Count, recorded.Changes.Count(change => change.Change is not null));
        return recorded.Partition;
    }

    // What could not be read is nobody's domain's fault: it concerns whoever runs the installation.
    private async Task JudgeInstallationAsync(DateTimeOffset now, CancellationToken cancellation)
    {
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var since = today.AddDays(1 - QuarantineDays);
        var lying = await raws.QuarantinedAsync(since, today, MaxQuarantined, cancellation);
        var poisoned = await arrivals.PoisonedAsync(cancellation);
        List<Finding> found = [];
        if (lying.Count > 0)
        {
            found.Add(ReportFindings.Quarantined(lying, since));
        }

        if (poisoned > 0)
        {
            found.Add(ReportFindings.Poison(poisoned));
        }

        var partition = await domains.ReadAsync(Keys.Operator, cancellation);
        await ledger.RecordAsync(partition, FindingScope.Reports, Keys.Round(now), now, found, AllSeen, record: null, cancellation);
    }
}
