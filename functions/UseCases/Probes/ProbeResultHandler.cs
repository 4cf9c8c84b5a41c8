using System.Net;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Probes;
using StsFunctions.Core.Rules;
using StsFunctions.Core.Time;
using StsFunctions.Storage;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Probes;

namespace StsFunctions.UseCases.Probes;

/// <summary>The result matches no live lease: it is late, a duplicate, from another agent, or for another address.</summary>
internal sealed class NoProbeLeaseException() : Exception("This agent has no valid lease for this host and address with this nonce; ask for work again.");

/// <summary>Accepts results from probe agents, each once and for its lease, and requests a recheck of the domains that wait for them.</summary>
internal sealed class ProbeResultHandler(
    ProbeTaskStore tasks,
    AgentStore agents,
    MxHostStore hosts,
    CheckQueue checks,
    DomainStore domains,
    FindingRecorder recorder,
    ProbeResultReader resultReader,
    TimeProvider time,
    ILogger<ProbeResultHandler> log)
{
    /// <summary>How long to wait for a second agent's answer after the first.</summary>
    public static readonly TimeSpan SecondOpinion = TimeSpan.FromMinutes(2);

    /// <summary>Accepts one result.</summary>
    /// <exception cref="InvalidProbeResultException">It is not a valid result.</exception>
    /// <exception cref="NoProbeLeaseException">It matches no live lease.</exception>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public async Task HandleAsync(string agent, ProbeResultJson result, CancellationToken cancellationToken)
    {
        if (!IPAddress.TryParse(result.Address, out var address))
        {
            throw new InvalidProbeResultException("address is not an IP address.");
        }

        var (answered, probe) = await UseLeaseAsync(agent, result, address, cancellationToken);
        if (probe is null)
        {
            log.LogInformation("{Agent} could not observe {Host} {Address} either: {Outcome}", agent, result.Host, address, result.Result.Default.Outcome);
            return;
        }

        var verdict = ProbeVerdict.Of(probe);
        var others = answered.Leases.Where(slot => slot.Agent != agent && slot.Verdict.Length > 0).Select(slot => (slot.Agent, Verdict: ProbeVerdict.FromJson(slot.Verdict))).ToList();
        var contradicted = others.Where(other => other.Verdict is not null && verdict.Contradicts(other.Verdict)).ToList();
        // If two agents contradict each other, the one that observed a good server counts: whatever interferes is more likely near one agent than near all senders.
        if (contradicted is [] || verdict.Kind == ProbeVerdictKind.Trusted)
        {
            await hosts.StoreAsync(answered.Host, address, answered.CheckRun, probe.ToJson(), cancellationToken);
        }

        if (others is not [])
        {
            await RecordAsync($"{answered.Host} {address}", contradicted is [var (name, observed), ..] ? $"{name}: {observed!.Summary}; {agent}: {verdict.Summary}" : null, cancellationToken);
        }

        log.LogInformation("{Agent} probed {Host} {Address} for check run {Run}: {Outcome}", agent, answered.Host, address, answered.CheckRun, probe.Default.Outcome);
    }

    /// <summary>Requests a recheck of each domain whose addresses are settled, once for all its addresses.</summary>
    public async Task PassOnAsync(CancellationToken cancellationToken)
    {
        var answered = await tasks.AnsweredAsync(cancellationToken).ToListAsync(cancellationToken);
        if (answered is [])
        {
            return;
        }

        var (inUse, now) = (await agents.InUseAsync(cancellationToken), time.GetUtcNow());
        var settled = answered.Where(task => task.IsSettled(inUse, SecondOpinion, now)).ToList();
        foreach (var (domain, checkRun) in settled
            .SelectMany(task => task.Domains.Select(domain => (Domain: domain, task.CheckRun)))
            .GroupBy(waiting => waiting.Domain, (domain, checkRuns) => (domain, checkRuns.Select(r => r.CheckRun).Max(StringComparer.Ordinal)!)))
        {
            await RequestSecondProbeAsync(domain, checkRun, cancellationToken);
        }

        // Remove the tasks last: a run that stops before this requests a recheck twice, but forgets no domain.
        foreach (var task in settled)
        {
            await tasks.RemoveAsync(task, cancellationToken);
        }
    }

    /// <summary>Requests a recheck of a domain within its check run, now that agents have observed what this app could not.</summary>
    public Task RequestSecondProbeAsync(string domain, string checkRun, CancellationToken cancellationToken) =>
        checks.SendAsync(new CheckRequest(domain, CheckRunId.RunOf(checkRun), CheckRequest.Recheck), TimeSpan.Zero, cancellationToken);

    // The lease is used before the result is stored, so that no result counts twice. A run that stops between the two loses the result, and the next check asks for it again.
    private Task<(ProbeTask Answered, MxProbeResult? Result)> UseLeaseAsync(string agent, ProbeResultJson result, IPAddress address, CancellationToken cancellationToken) =>
        OptimisticConcurrency.RetryAsync<(ProbeTask, MxProbeResult?)>($"{result.Host} {address}", async () =>
        {
            var now = time.GetUtcNow();
            var leased = await tasks.FindAsync(result.Host, address, cancellationToken) ?? throw new NoProbeLeaseException();
            // Check the lease first: nothing is evaluated for an agent without one.
            _ = leased.AnsweredBy(agent, result.Nonce, "", now) ?? throw new NoProbeLeaseException();
            var probe = resultReader.ResultOf(result, address, agent);
            var isObserved = probe.Default.Outcome is not (SmtpOutcome.NoRoute or SmtpOutcome.AddressNotAllowed or SmtpOutcome.DeadlineExceeded or SmtpOutcome.NotObserved);
            return await tasks.WriteAsync(leased.AnsweredBy(agent, result.Nonce, isObserved ? ProbeVerdict.Of(probe).ToJson() : "", now)!, cancellationToken)
                ? (leased.AnsweredBy(agent, result.Nonce, "", now)!, isObserved ? probe : null)
                : throw new ConcurrentChangeException($"{result.Host} {address}");
        });

    // This records one address, so the open findings of other addresses are found again unchanged. A check may record a network finding at the same time.
    private Task RecordAsync(string place, string? evidence, CancellationToken cancellationToken) => OptimisticConcurrency.RetryAsync(Installation.Partition, async () =>
    {
        var (now, partition) = (time.GetUtcNow(), await domains.ReadAsync(Installation.Partition, cancellationToken));
        var open = partition.Findings.Where(open => open.Finding.Code == AgentFindings.ContradictionCode).Select(open => open.Finding);
        var found = open.Where(finding => finding.Subject != place).Concat(evidence is null ? [] : [AgentFindings.Contradiction(place, evidence)]).ToList();
        await recorder.RecordAsync(partition, FindingSource.RemoteProbes, CheckRunId.Of(now), now, found, new HashSet<string>(), record: null, cancellationToken);
    });
}
