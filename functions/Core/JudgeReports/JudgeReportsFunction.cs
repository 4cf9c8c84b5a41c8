using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Reports;

namespace StsFunctions.JudgeReports;

/// <summary>Timer, hourly: what senders report of each domain becomes findings, and so does what could not be read.</summary>
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

    public async Task RunAsync(CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        var failures = new List<Exception>();
        await foreach (var row in fleet.ListAsync(cancellation))
        {
            await TryAsync(row.Domain, () => JudgeAsync(row, now, cancellation), failures, cancellation);
        }

        await TryAsync("the installation", () => JudgeInstallationAsync(now, cancellation), failures, cancellation);
        if (failures.Count > 0)
        {
            throw new AggregateException(failures);
        }
    }

    private async Task JudgeAsync(FleetRow row, DateTimeOffset now, CancellationToken cancellation)
    {
        var domain = DomainName.Parse(row.Domain);
        var today = DateOnly.FromDateTime(now.UtcDateTime);
        var recent = await reports.ReadAsync(domain, ReportJudge.FirstDay(today), cancellation);
        if (recent.Count == 0 && row.OpenFindings == 0)
        {
            return;
        }

        var partition = await domains.ReadAsync(Keys.Domain(domain), cancellation);
        if (!partition.IsActive)
        {
            return;
        }

        var judge = new ReportJudge(today, recent, trusted);
        var own = judge.TimeOfFetchErrors is { } failed ? await looks.NearestAsync(domain, failed, cancellation) : null;
        var open = partition.Findings.Where(finding => FindingScope.Reports.Owns(finding.Finding.Code)).ToList();
        var judged = judge.Judge(own, ProbeConfirmation.Of(partition), [.. open.Select(finding => finding.Finding)]);
        if (FindingChanges.Between(open, judged.Findings, AllSeen, judged.NoLongerReported).Count == 0)
        {
            return;
        }

        // Of no newer round than the last: no look, only what a kill between the commit and the list leaves undone.
        await checks.SendAsync(new CheckRequest(domain.Value, partition.Record!.CheckRun.Run), HealDelay, cancellation);
        var changes = await ledger.RecordAsync(
            partition, FindingScope.Reports, Keys.Round(now), now, judged.Findings, AllSeen, partition.Record, cancellation, judged.NoLongerReported);
        await fleet.ProjectAsync(domain, cancellation);
        log.LogInformation(
            "Judged the reports on {Domain}: {Findings} finding(s), {Changes} change(s)", domain, judged.Findings.Count, changes.Count(change => change.Change is not null));
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

    // One domain's trouble is not another's.
    private async Task TryAsync(string what, Func<Task> judge, List<Exception> failures, CancellationToken cancellation)
    {
        try
        {
            await judge();
        }
        catch (ConcurrentChangeException)
        {
            log.LogInformation("{What} was changed at the same time; its reports are judged in an hour", what);
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            log.LogError(e, "The reports on {What} could not be judged", what);
            failures.Add(e);
        }
    }
}
