using System.Text.Json;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Core.Time;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Domains;
using StsFunctions.UseCases.Policies;

namespace StsFunctions.UseCases.Checks;

/// <summary>
/// Queue <c>domain-checks</c>: one attempt at checking one domain. Read, observe, evaluate, record, and send what follows;
/// <see cref="CheckRunState"/> decides. SendPendingNotifications notifies of what changed.
/// </summary>
internal sealed class DomainCheck(
    DomainStore domains,
    PolicyPublisher publisher,
    DomainSummaryStore summaries,
    FindingRecorder recorder,
    Observer observer,
    ObservationBlobs observations,
    CheckQueue checks,
    RemoteProbeRequester probeRequester,
    NetworkRecorder network,
    ExpectedTargets expectedTargets,
    ConfirmationOptions options,
    TimeProvider time,
    ILogger<DomainCheck> log)
{
    private readonly CheckRunRules _rules = new(options.Delay, RemoteProbeRequester.Timeout, RuleEngine.RequiresConfirmation);

    public async Task RunAsync(string message, CancellationToken cancellationToken)
    {
        var request = JsonSerializer.Deserialize(message, CheckRequestJson.Default.CheckRequest);
        if (request is not { Domain: not null, CheckRun: not null })
        {
            throw new JsonException("The message names no domain; it must be {\"domain\":\"…\",\"checkRun\":\"…\"}.");
        }

        var domain = DomainName.Parse(request.Domain);

        // Finish an interrupted publication first: the blob and the record follow the newest policy row.
        var partition = await publisher.FinishAsync(domain, await domains.ReadAsync(Keys.Domain(domain), cancellationToken), cancellationToken);
        if (partition.IsActive)
        {
            (partition, var messages) = await HandleAsync(domain, partition, request, cancellationToken);
            foreach (var next in messages)
            {
                await checks.SendAsync(new CheckRequest(domain.Value, next.Run, next.Attempt), next.Delay, cancellationToken);
            }
        }

        // This runs even if nothing was done: an earlier run may have stopped after its commit.
        await summaries.ProjectAsync(domain, partition, cancellationToken);
    }

    private async Task<(DomainPartition Partition, IReadOnlyList<CheckRunMessage> Messages)> HandleAsync(DomainName domain, DomainPartition partition, CheckRequest request, CancellationToken cancellationToken) =>
        partition.Record!.CheckRun.On(new CheckRequested(request.CheckRun, request.Attempt, time.GetUtcNow()), _rules) switch
        {
            CheckRunDecision.StartAttempt attempt => await CheckAsync(domain, partition, attempt, cancellationToken),
            CheckRunDecision.Resend resend => (partition, resend.Messages),
            _ => (partition, []),
        };

    private async Task<(DomainPartition Partition, IReadOnlyList<CheckRunMessage> Messages)> CheckAsync(
        DomainName domain, DomainPartition partition, CheckRunDecision.StartAttempt attempt, CancellationToken cancellationToken)
    {
        if (attempt.FutureRun is { } future)
        {
            log.LogWarning("The last check run of {Domain}, {Run}, is in the future because a clock was wrong. It is ignored, and {Next} follows it", domain, future, attempt.Run);
        }

        // Observe: all the I/O of a check.
        var key = CheckRunId.Attempt(attempt.Run, attempt.Number);
        var observation = await observer.ObserveAsync(domain, new CheckAttempt(key, attempt.MaxAge), cancellationToken);
        await observations.StoreAsync(observation, cancellationToken);
        var areProbesRequested = await probeRequester.RequestAsync(observation, cancellationToken);

        // Evaluate: pure.
        var before = partition.Record!;
        var evaluation = CheckEvaluation.Of(partition, observation, expectedTargets);
        var outcome = before.CheckRun.On(evaluation.ToEvent(attempt, partition.Findings, areProbesRequested, time.GetUtcNow()), _rules);
        LogFailures(evaluation);

        // Record the network first: if the run stops before the domain's commit, the retry records it again.
        if (outcome.ReportPort25 is { } isOpen)
        {
            await network.RecordAsync(isOpen, observation.At, cancellationToken);
        }

        var record = before with { CheckRun = outcome.State, LastCheckAt = observation.At, NextExpiry = evaluation.NextExpiry, StsTtl = evaluation.StsTtl };
        // A recheck has no key of its own in the check run.
        var recorded = await recorder.RecordAsync(
            partition, FindingSource.Checks, attempt.IsRecheck ? CheckRunId.Of(observation.At) : key, observation.At, outcome.Confirmed, evaluation.Results.Inconclusive, record, cancellationToken);
        log.LogInformation(
            "Checked {Domain} in check run {Run}, attempt {Attempt}: {Findings} finding(s), {Pending} to confirm, {Changes} change(s), port 25 {Port25}",
            domain, attempt.Run, attempt.Number, outcome.Confirmed.Count, outcome.State.Pending.Count, recorded.Changes.Count(change => change.Change is not null), observation.OutboundSmtp);
        return (recorded.Partition, outcome.Messages);
    }

    // A failure of one host or rule does not fail the check, so the log is the only place that reports it.
    private void LogFailures(CheckEvaluation evaluation)
    {
        var observation = evaluation.Observation;
        foreach (var (host, session) in observation.MxHosts.SelectMany(host => host.Sessions.Where(session => session.Outcome == SmtpOutcome.NotObserved), (host, session) => (host.Host, session)))
        {
            log.LogWarning("{Host} {Address} of {Domain} could not be observed: {Failure}", host, session.Address, observation.Domain, session.Detail);
        }

        foreach (var failure in evaluation.Results.Failed)
        {
            log.LogError("A rule could not be evaluated for {Domain}: {Failure}", observation.Domain, failure);
        }
    }
}
