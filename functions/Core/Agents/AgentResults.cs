using System.Net;
using StsFunctions.CheckDomain;
using StsFunctions.Domains;

namespace StsFunctions.Agents;

/// <summary>The result is for no lease that is live: it came late, twice, from another, or for something else.</summary>
internal sealed class NoLeaseException() : Exception("There is no live lease of yours for this host and address with this nonce; ask for work anew.");

/// <summary>Takes what agents saw: each answer once, for its lease; then passes it on to the checks that wait for it.</summary>
internal sealed class AgentResults(
    WantedLookStore wanted,
    AgentStore agents,
    MxHostStore hosts,
    CheckQueue checks,
    DomainStore domains,
    FindingLedger ledger,
    HandedIn handedIn,
    TimeProvider time,
    ILogger<AgentResults> log)
{
    /// <summary>How long after the first answer a second agent's is waited for.</summary>
    public static readonly TimeSpan SecondOpinion = TimeSpan.FromMinutes(2);

    /// <summary>Takes one result.</summary>
    /// <exception cref="ResultFaultException">It is none.</exception>
    /// <exception cref="NoLeaseException">It is for no lease that is live.</exception>
    /// <exception cref="ConcurrentChangeException">Others were first, again and again.</exception>
    public async Task TakeAsync(string agent, AgentResultJson result, CancellationToken cancellation)
    {
        if (!IPAddress.TryParse(result.Address, out var address))
        {
            throw new ResultFaultException("address is not an IP address.");
        }

        var (answered, look) = await UseLeaseAsync(agent, result, address, cancellation);
        if (look is null)
        {
            log.LogInformation("{Agent} cannot see {Host} {Address} either: {Outcome}", agent, result.Host, address, result.Look.Session.Outcome);
            return;
        }

        var saw = AgentSaw.Of(look);
        var others = answered.Slots.Where(slot => slot.Agent != agent && slot.Saw.Length > 0).Select(slot => (slot.Agent, Saw: AgentSaw.FromJson(slot.Saw))).ToList();
        var contradicted = others.Where(other => other.Saw is not null && saw.Contradicts(other.Saw)).ToList();
        // Of two that contradict each other the one that saw a good server counts: what changes mail on its way is nearer to an agent than to all senders.
        if (contradicted is [] || saw.Kind == SawKind.Trusted)
        {
            await hosts.KeepAsync(answered.Host, address, answered.Round, look.ToJson(), cancellation);
        }

        if (others is not [])
        {
            await RecordAsync($"{answered.Host} {address}", contradicted is [var (name, seen), ..] ? $"{name}: {seen!.Words}; {agent}: {saw.Words}" : null, cancellation);
        }

        log.LogInformation("{Agent} saw {Host} {Address} for round {Round}: {Outcome}", agent, answered.Host, address, answered.Round, look.Session.Outcome);
    }

    /// <summary>Passes on what was answered and settled: each domain that waits is asked to be looked at again, once for all its addresses.</summary>
    public async Task PassOnAsync(CancellationToken cancellation)
    {
        var answered = await wanted.AnsweredAsync(cancellation).ToListAsync(cancellation);
        if (answered is [])
        {
            return;
        }

        var (inUse, now) = (await agents.InUseAsync(cancellation), time.GetUtcNow());
        var settled = answered.Where(look => look.IsSettled(inUse, SecondOpinion, now)).ToList();
        foreach (var (domain, round) in settled
            .SelectMany(look => look.Domains.Select(domain => (Domain: domain, look.Round)))
            .GroupBy(waiting => waiting.Domain, (domain, rounds) => (domain, rounds.Select(r => r.Round).Max(StringComparer.Ordinal)!)))
        {
            await LookAgainAsync(domain, round, cancellation);
        }

        // Only then: whoever is killed before this asks twice, and nobody is forgotten.
        foreach (var look in settled)
        {
            await wanted.TakeOutAsync(look, cancellation);
        }
    }

    /// <summary>Asks for a domain to be looked at again in a round that has looked at it already, now that agents have seen what this app could not.</summary>
    public Task LookAgainAsync(string domain, string round, CancellationToken cancellation) =>
        checks.SendAsync(new CheckRequest(domain, Keys.RoundOf(round), CheckRequest.Again), TimeSpan.Zero, cancellation);

    // The lease is used up before anything is kept, so that nothing counts twice. A kill in between loses the look, and the check that follows asks for it anew.
    private Task<(WantedLook Answered, AddressLook? Look)> UseLeaseAsync(string agent, AgentResultJson result, IPAddress address, CancellationToken cancellation) =>
        OptimisticConcurrency.RetryAsync<(WantedLook, AddressLook?)>($"{result.Host} {address}", async () =>
        {
            var now = time.GetUtcNow();
            var leased = await wanted.FindAsync(result.Host, address, cancellation) ?? throw new NoLeaseException();
            // First whether there is a lease: who has none has nothing judged here.
            _ = leased.AnsweredBy(agent, result.Nonce, "", now) ?? throw new NoLeaseException();
            var look = handedIn.LookOf(result, address, agent);
            var isSeen = look.Session.Outcome is not (SmtpOutcome.NoRoute or SmtpOutcome.AddressNotAllowed or SmtpOutcome.OutOfTime or SmtpOutcome.NotObserved);
            return await wanted.WriteAsync(leased.AnsweredBy(agent, result.Nonce, isSeen ? AgentSaw.Of(look).ToJson() : "", now)!, cancellation)
                ? (leased.AnsweredBy(agent, result.Nonce, "", now)!, isSeen ? look : null)
                : throw new ConcurrentChangeException($"{result.Host} {address}");
        });

    // One address at a time: what stands open of others is found again as it is. A check may find something of the network at the same time.
    private Task RecordAsync(string place, string? evidence, CancellationToken cancellation) => OptimisticConcurrency.RetryAsync(Keys.Operator, async () =>
    {
        var (now, partition) = (time.GetUtcNow(), await domains.ReadAsync(Keys.Operator, cancellation));
        var open = partition.Findings.Where(open => open.Finding.Code == AgentFindings.ContradictionCode).Select(open => open.Finding);
        var found = open.Where(finding => finding.Subject != place).Concat(evidence is null ? [] : [AgentFindings.Contradiction(place, evidence)]).ToList();
        await ledger.RecordAsync(partition, FindingScope.Agents, Keys.Round(now), now, found, new HashSet<string>(), record: null, cancellation);
    });
}
