using System.Text.Json;
using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CheckDomain;

/// <summary>
/// Queue <c>domain-checks</c>: one look at one domain. Observe, judge, record; what changed is told by SendWarning. What
/// may pass by itself is looked at again, by a message that comes later.
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
    OurPlaces places,
    ConfirmationOptions options,
    TimeProvider time,
    ILogger<CheckDomainFunction> log)
{
    public async Task RunAsync(string message, CancellationToken cancellation)
    {
        var request = JsonSerializer.Deserialize(message, CheckRequestJson.Default.CheckRequest)
            ?? throw new JsonException("The message is null; it must be {\"domain\":\"…\",\"round\":\"…\"}.");
        var domain = DomainName.Parse(request.Domain);

        // First whatever a kill left half done: the blob and the record follow the newest policy row.
        var partition = await publisher.FinishAsync(domain, await domains.ReadAsync(Keys.Domain(domain), cancellation), cancellation);
        var record = partition.IsActive ? partition.Record : null;
        if (record is not null && IsNext(request, record, time.GetUtcNow()))
        {
            partition = await LookAsync(domain, partition, request, cancellation);
            record = partition.Record!;
        }

        // Also where a message comes again that was worked on: a kill may have come between the commit and this.
        if (record is { LooksAgain: true } && record.LastRound == request.Round && (request.Look == CheckRequest.Again || record.LastLook == request.Look))
        {
            await checks.SendAsync(request with { Look = record.LastLook + 1 }, Wait(record, record.LastLook), cancellation);
        }

        // Also when there was nothing to do: a kill may have come between the commit and this.
        await fleet.ProjectAsync(domain, partition, cancellation);
    }

    // A round begins anew whatever the one before left; its looks come one after another, and each of them once. One of the future
    // holds no other up: a clock was wrong, and what it left is overwritten.
    private bool IsNext(CheckRequest request, DomainRecord record, DateTimeOffset now)
    {
        if (request.Look != 1 || request.Round == record.LastRound || !ClockSkew.IsFutureRound(record.LastRound, now))
        {
            return IsNext(request, record);
        }

        log.LogWarning("The last round of {Domain}, {Round}, is in the future: a clock was wrong. It does not count, and {Next} follows it", request.Domain, record.LastRound, request.Round);
        return true;
    }

    private static bool IsNext(CheckRequest request, DomainRecord record) => request.Look switch
    {
        1 => string.CompareOrdinal(request.Round, record.LastRound) > 0,
        CheckRequest.Again => request.Round == record.LastRound,
        _ => request.Round == record.LastRound && request.Look == record.LastLook + 1,
    };

    // Counted from the round's first look, however long each takes, so that three come within fifteen minutes; never longer
    // than from one look to the next, whatever another instance's clock said.
    private TimeSpan Wait(DomainRecord record, int look)
    {
        var left = (record.RoundBeganAt ?? time.GetUtcNow()) + (look * options.Delay) - time.GetUtcNow();
        return TimeSpan.FromTicks(Math.Clamp(left.Ticks, 0, options.Delay.Ticks));
    }

    private async Task<DomainPartition> LookAsync(DomainName domain, DomainPartition partition, CheckRequest request, CancellationToken cancellation)
    {
        var before = partition.Record!;
        var look = request.Look == CheckRequest.Again ? before.LastLook : request.Look;
        // What confirms another look must be younger than that, whoever made it: of one session nobody makes three sightings.
        TimeSpan? oldest = request.Look is 1 or CheckRequest.Again ? null : options.Delay / 2;
        var seen = await observer.LookAsync(domain, new RoundLook(Keys.Look(request.Round, look), oldest), cancellation);
        await observations.KeepAsync(seen, cancellation);
        var areAgentsAsked = await agents.AskAsync(seen, cancellation);

        var given = CaseOf(partition, seen);
        var judgement = Judge.Of(given);
        LogFailures(seen, judgement);
        var confirmed = Confirmation.Of(judgement, partition.Findings, request.Look == 1 ? [] : before.Suspects, look, Judge.TakesThreeLooks);
        var record = before with
        {
            LastRound = request.Round,
            LastLook = look,
            LooksAgain = confirmed.TakesAnother(look, seen.IsBlurred),
            RoundBeganAt = request.Look == 1 ? seen.At : before.RoundBeganAt,
            Suspects = confirmed.Suspects,
            LastCheckAt = seen.At,
            // Where there was nothing to see, what was known of the network stands.
            Observed = !seen.IsUnseen && (seen.Port25 == Port25.Open || before.Observed || before.LastCheckAt is null),
            NextExpiry = Rules.Certificates.NextExpiry(given) ?? (seen.Port25 == Port25.Closed ? before.NextExpiry : null),
            StsTtl = StsTtlOf(given, before.StsTtl),
        };
        // A look that is only read again has no key of its own among the round's.
        var key = request.Look == CheckRequest.Again ? Keys.Round(seen.At) : Keys.Look(request.Round, look);
        if (areAgentsAsked && seen.Port25 == Port25.Closed && request.Look != CheckRequest.Again)
        {
            // What the agents see in a moment says whether anything can be seen. If they see nothing, this comes back.
            await checks.SendAsync(request with { Look = CheckRequest.Again }, AgentEyes.Patience, cancellation);
        }
        else
        {
            await RecordNetworkAsync(seen, before, cancellation);
        }

        var recorded = await ledger.RecordAsync(partition, FindingScope.Checks, key, seen.At, confirmed.Findings, judgement.Unseen, record, cancellation);
        log.LogInformation(
            "Checked {Domain} in round {Round}, look {Look}: {Findings} finding(s), {Suspects} to confirm, {Changes} change(s), port 25 {Port25}",
            domain, request.Round, look, confirmed.Findings.Count, confirmed.Suspects.Count, recorded.Changes.Count(change => change.Change is not null), seen.Port25);
        return recorded.Partition;
    }

    // What concerns one item alone ends no check, so that nobody would learn of it but from here.
    private void LogFailures(Observation seen, Judgement judgement)
    {
        foreach (var (host, session) in seen.MxHosts.SelectMany(host => host.Sessions.Where(session => session.Outcome == SmtpOutcome.NotObserved), (host, session) => (host.Host, session)))
        {
            log.LogWarning("{Host} {Address} of {Domain} could not be observed: {Failure}", host, session.Address, seen.Domain, session.Detail);
        }

        foreach (var failure in judgement.Failed)
        {
            log.LogError("A rule could not be evaluated for {Domain}: {Failure}", seen.Domain, failure);
        }
    }

    private Case CaseOf(DomainPartition partition, Observation seen)
    {
        var policy = partition.Newest!;
        var modeSince = partition.Policies.Reverse().TakeWhile(earlier => earlier.Mode == policy.Mode).Last().PublishedAt;
        return new Case(seen, Policy.Parse(policy.Bytes), new Hosted(policy.Id, policy.PublishedAt, modeSince, policy.Bytes, partition.Record!.StsTtl), places);
    }

    // How long resolvers may still give the record with an earlier id (OPS-6): a cache in between shows what is left of
    // its time, so the longest that was ever seen of one record counts.
    private static int StsTtlOf(Case given, int before)
    {
        var selection = StsRecord.Select(given.Seen.StsRecords.Records);
        return selection.Record is null ? before : Math.Max(before, given.Seen.StsRecords.Ttl);
    }

    // Whether port 25 is open concerns the installation, not the domain that happened to be looked at (MX-7). While it is
    // open for a domain and was open before, there is nothing to record. Recorded before the domain's own findings, so that
    // after a kill in between it is recorded again.
    private async Task RecordNetworkAsync(Observation seen, DomainRecord before, CancellationToken cancellation)
    {
        if (seen.Port25 == Port25.NotAsked || (seen.Port25 == Port25.Open && before.Observed))
        {
            return;
        }

        IReadOnlyList<Finding> found = seen.Port25 == Port25.Closed ? [NetworkFindings.Port25Closed] : [];
        try
        {
            var partition = await domains.ReadAsync(Keys.Operator, cancellation);
            // Under the look's own time: within a round one domain's look may see the network open and another's closed.
            await ledger.RecordAsync(partition, FindingScope.Network, Keys.Round(seen.At), seen.At, found, new HashSet<string>(), record: null, cancellation);
        }
        catch (ConcurrentChangeException)
        {
            // Another domain's check has said the same at the same time.
        }
    }
}
