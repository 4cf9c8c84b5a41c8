using System.Text.Json;
using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CheckDomain;

/// <summary>Queue <c>domain-checks</c>: one look at one domain. Observe, judge, record; what changed is told by SendWarning.</summary>
internal sealed class CheckDomainFunction(
    DomainStore domains,
    PolicyPublisher publisher,
    FleetStore fleet,
    FindingLedger ledger,
    Observer observer,
    ObservationBlobs observations,
    ILogger<CheckDomainFunction> log)
{
    public async Task RunAsync(string message, CancellationToken cancellation)
    {
        var request = JsonSerializer.Deserialize(message, CheckRequestJson.Default.CheckRequest)
            ?? throw new JsonException("The message is null; it must be {\"domain\":\"…\",\"round\":\"…\"}.");
        var domain = DomainName.Parse(request.Domain);

        // First whatever a kill left half done: the blob and the record follow the newest policy row.
        var partition = await publisher.FinishAsync(domain, await domains.ReadAsync(Keys.Domain(domain), cancellation), cancellation);
        if (partition.IsActive && string.CompareOrdinal(request.Round, partition.Record!.LastRound) > 0)
        {
            await LookAsync(domain, partition, request.Round, cancellation);
        }

        // Also when there was nothing to do: a kill may have come between the commit and this.
        await fleet.ProjectAsync(domain, cancellation);
    }

    private async Task LookAsync(DomainName domain, DomainPartition partition, string round, CancellationToken cancellation)
    {
        var policy = partition.Newest!;
        var seen = await observer.LookAsync(domain, round, cancellation);
        await observations.KeepAsync(seen, cancellation);

        var given = new Case(seen, Policy.Parse(policy.Bytes), policy.Id, policy.PublishedAt);
        var judgement = Judge.Of(given);
        var record = partition.Record! with
        {
            LastRound = round,
            LastCheckAt = seen.At,
            Observed = seen.Port25 != Port25.Closed,
            NextExpiry = Rules.Certificates.NextExpiry(given) ?? (seen.Port25 == Port25.Closed ? partition.Record.NextExpiry : null),
        };
        var changes = await ledger.RecordAsync(partition, FindingScope.Checks, round, seen.At, judgement.Findings, judgement.Unseen, record, cancellation);
        await RecordNetworkAsync(seen, cancellation);
        log.LogInformation(
            "Checked {Domain} in round {Round}: {Findings} finding(s), {Changes} change(s), port 25 {Port25}",
            domain, round, judgement.Findings.Count, changes.Count(change => change.Change is not null), seen.Port25);
    }

    // Whether port 25 is open concerns the installation, not the domain that happened to be looked at (MX-7).
    private async Task RecordNetworkAsync(Observation seen, CancellationToken cancellation)
    {
        if (seen.Port25 == Port25.NotAsked)
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
