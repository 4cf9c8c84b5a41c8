using System.Text.Json;
using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.CheckDomain;

/// <summary>
/// Queue <c>domain-checks</c>: one attempt at checking one domain. Read, observe, evaluate, record, and send what follows;
/// <see cref="CheckRunState"/> decides. SendWarning notifies of what changed.
/// </summary>
internal sealed class CheckDomainFunction(
    DomainStore domains,
    PolicyPublisher publisher,
    FleetStore fleet,
    FindingLedger ledger,
    Observer observer,
    ObservationBlobs observations,
    CheckQueue checks,
    AgentEyes agents,
    NetworkRecorder network,
    OurPlaces places,
    ConfirmationOptions options,
    TimeProvider time,
    ILogger<CheckDomainFunction> log)
{
    private readonly CheckRunRules _rules = new(options.Delay, AgentEyes.Patience, Judge.TakesThreeLooks);

    public async Task RunAsync(string message, CancellationToken cancellation)
    {
        var request = JsonSerializer.Deserialize(message, CheckRequestJson.Default.CheckRequest);
        if (request is not { Domain: not null, CheckRun: not null })
        {
            throw new JsonException("The message asks for no domain; it must be {\"domain\":\"…\",\"checkRun\":\"…\"}.");
        }

        var domain = DomainName.Parse(request.Domain);

        // First whatever a kill left half done: the blob and the record follow the newest policy row.
        var partition = await publisher.FinishAsync(domain, await domains.ReadAsync(Keys.Domain(domain), cancellation), cancellation);
        if (partition.IsActive)
        {
            foreach (var next in await HandleAsync(domain, partition, request, cancellation))
            {
                await checks.SendAsync(new CheckRequest(domain.Value, next.Run, next.Attempt), next.Delay, cancellation);
            }
        }

        // Also when there was nothing to do: a kill may have come between the commit and this.
        await fleet.ProjectAsync(domain, cancellation);
    }

    private async Task<IReadOnlyList<CheckRunMessage>> HandleAsync(DomainName domain, DomainPartition partition, CheckRequest request, CancellationToken cancellation) =>
        partition.Record!.CheckRun.On(new CheckRequested(request.CheckRun, request.Attempt, time.GetUtcNow()), _rules) switch
        {
            CheckRunDecision.StartAttempt attempt => await CheckAsync(domain, partition, attempt, cancellation),
            CheckRunDecision.Resend resend => resend.Messages,
            _ => [],
        };

    private async Task<IReadOnlyList<CheckRunMessage>> CheckAsync(
        DomainName domain, DomainPartition partition, CheckRunDecision.StartAttempt attempt, CancellationToken cancellation)
    {
        if (attempt.FutureRun is { } future)
        {
            log.LogWarning("The last check run of {Domain}, {Run}, is in the future: a clock was wrong. It does not count, and {Next} follows it", domain, future, attempt.Run);
        }

        // Observe: all the I/O of a check.
        var key = Keys.Look(attempt.Run, attempt.Number);
        var observation = await observer.LookAsync(domain, new RoundLook(key, attempt.MaxAge), cancellation);
        await observations.KeepAsync(observation, cancellation);
        var areProbesRequested = await agents.AskAsync(observation, cancellation);

        // Evaluate: pure.
        var before = partition.Record!;
        var evaluation = CheckEvaluation.Of(partition, observation, places);
        var outcome = before.CheckRun.On(evaluation.ToEvent(attempt, partition.Findings, areProbesRequested, time.GetUtcNow()), _rules);
        LogFailures(evaluation);

        // Record. The network first, so that a kill before the domain's own commit records it again.
        if (outcome.ReportPort25 is { } isOpen)
        {
            await network.RecordAsync(isOpen, observation.At, cancellation);
        }

        var record = before with { CheckRun = outcome.State, LastCheckAt = observation.At, NextExpiry = evaluation.NextExpiry, StsTtl = evaluation.StsTtl };
        // An attempt that is evaluated again has no key of its own in the check run.
        var changes = await ledger.RecordAsync(
            partition, FindingScope.Checks, attempt.IsRecheck ? Keys.Round(observation.At) : key, observation.At, outcome.Confirmed, evaluation.Judgement.Unseen, record, cancellation);
        log.LogInformation(
            "Checked {Domain} in check run {Run}, attempt {Attempt}: {Findings} finding(s), {Pending} to confirm, {Changes} change(s), port 25 {Port25}",
            domain, attempt.Run, attempt.Number, outcome.Confirmed.Count, outcome.State.Pending.Count, changes.Count(change => change.Change is not null), observation.Port25);
        return outcome.Messages;
    }

    // What concerns one item alone ends no check, so that nobody would learn of it but from here.
    private void LogFailures(CheckEvaluation evaluation)
    {
        var observation = evaluation.Observation;
        foreach (var (host, session) in observation.MxHosts.SelectMany(host => host.Sessions.Where(session => session.Outcome == SmtpOutcome.NotObserved), (host, session) => (host.Host, session)))
        {
            log.LogWarning("{Host} {Address} of {Domain} could not be observed: {Failure}", host, session.Address, observation.Domain, session.Detail);
        }

        foreach (var failure in evaluation.Judgement.Failed)
        {
            log.LogError("A rule could not be evaluated for {Domain}: {Failure}", observation.Domain, failure);
        }
    }
}
