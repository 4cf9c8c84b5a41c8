using StsFunctions.Core.Checks;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage.Domains;

namespace StsFunctions.UseCases.Checks;

/// <summary>The evaluation of one observation of a hosted domain. It uses no I/O and no clock, so the same observation always gives the same result.</summary>
/// <param name="Observation">What was observed.</param>
/// <param name="Results">What the rules found.</param>
/// <param name="NextExpiry">The earliest known expiry of a certificate.</param>
/// <param name="StsTtl">The longest observed time to live of the <c>_mta-sts</c> record, in seconds.</param>
internal sealed record CheckEvaluation(Observation Observation, RuleResults Results, DateTimeOffset? NextExpiry, int StsTtl)
{
    /// <summary>Evaluates an observation against the stored state of the domain.</summary>
    /// <param name="partition">The stored state of an active domain.</param>
    /// <param name="observation">What was observed.</param>
    /// <param name="expectedTargets">The names of this app that DNS records should point to.</param>
    public static CheckEvaluation Of(DomainPartition partition, Observation observation, ExpectedTargets expectedTargets)
    {
        var (record, policy) = (partition.Record!, partition.Newest!);
        var modeSince = partition.Policies.Reverse().TakeWhile(earlier => earlier.Mode == policy.Mode).Last().PublishedAt;
        var context = new RuleContext(observation, Policy.Parse(policy.Bytes), new HostedDomain(policy.Id, policy.PublishedAt, modeSince, policy.Bytes, record.StsTtl), expectedTargets);
        return new CheckEvaluation(
            observation,
            RuleEngine.Evaluate(context),
            Certificates.NextExpiry(context) ?? (observation.OutboundSmtp == OutboundSmtp.Blocked ? record.NextExpiry : null),
            StsTtlOf(observation, record.StsTtl));
    }

    /// <summary>Builds the event for the check run's state machine.</summary>
    /// <param name="attempt">The attempt that made the observation.</param>
    /// <param name="open">The domain's open findings.</param>
    /// <param name="areRemoteProbesRequested">Whether probe agents were asked to probe what this app could not observe.</param>
    /// <param name="now">Now.</param>
    public AttemptObserved ToEvent(CheckRunDecision.StartAttempt attempt, IReadOnlyList<OpenFinding> open, bool areRemoteProbesRequested, DateTimeOffset now) => new(attempt, Observation.At, now)
    {
        Findings = Results.Findings,
        Inconclusive = Results.Inconclusive,
        Open = [.. open.Select(finding => finding.Finding)],
        IsIncomplete = Observation.IsIncomplete,
        IsPort25Open = Observation.OutboundSmtp switch { OutboundSmtp.Open => true, OutboundSmtp.Blocked => false, _ => null },
        IsMxUnreachable = Observation.MxUnreachableFromHere,
        AreRemoteProbesRequested = areRemoteProbesRequested,
    };

    // How long resolvers may still answer with an earlier id (OPS-6). A cache reports only the remaining time,
    // so the longest observed value counts.
    private static int StsTtlOf(Observation observation, int before) =>
        StsRecord.Select(observation.StsRecords.Records).Record is null ? before : Math.Max(before, observation.StsRecords.Ttl);
}
