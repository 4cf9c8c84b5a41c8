using StsFunctions.Domains;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CheckDomain;

/// <summary>What follows from one observation of a hosted domain: no I/O, no clock, and so the same however often it is evaluated.</summary>
/// <param name="Observation">What was observed.</param>
/// <param name="Judgement">What the rules make of it.</param>
/// <param name="NextExpiry">The earliest end of a certificate that is known of.</param>
/// <param name="StsTtl">The longest time to live that the <c>_mta-sts</c> record was ever observed with, in seconds.</param>
internal sealed record CheckEvaluation(Observation Observation, Judgement Judgement, DateTimeOffset? NextExpiry, int StsTtl)
{
    /// <summary>Evaluates an observation over what is stored of the domain.</summary>
    /// <param name="partition">What is stored; the domain is active.</param>
    /// <param name="observation">What was observed.</param>
    /// <param name="places">Where this app's own things are.</param>
    public static CheckEvaluation Of(DomainPartition partition, Observation observation, OurPlaces places)
    {
        var (record, policy) = (partition.Record!, partition.Newest!);
        var modeSince = partition.Policies.Reverse().TakeWhile(earlier => earlier.Mode == policy.Mode).Last().PublishedAt;
        var given = new Case(observation, Policy.Parse(policy.Bytes), new Hosted(policy.Id, policy.PublishedAt, modeSince, policy.Bytes, record.StsTtl), places);
        return new CheckEvaluation(
            observation,
            Judge.Of(given),
            Rules.Certificates.NextExpiry(given) ?? (observation.Port25 == Port25.Closed ? record.NextExpiry : null),
            StsTtlOf(observation, record.StsTtl));
    }

    /// <summary>The event of the check run's state machine.</summary>
    /// <param name="attempt">The attempt that observed it.</param>
    /// <param name="open">The domain's open findings.</param>
    /// <param name="areRemoteProbesRequested">Whether probe agents were asked for what could not be observed from here.</param>
    /// <param name="now">Now.</param>
    public AttemptObserved ToEvent(CheckRunDecision.StartAttempt attempt, IReadOnlyList<OpenFinding> open, bool areRemoteProbesRequested, DateTimeOffset now) => new(attempt, Observation.At, now)
    {
        Findings = Judgement.Findings,
        Inconclusive = Judgement.Unseen,
        Open = [.. open.Select(finding => finding.Finding)],
        IsIncomplete = Observation.IsBlurred,
        IsPort25Open = Observation.Port25 switch { Port25.Open => true, Port25.Closed => false, _ => null },
        IsMxUnreachable = Observation.IsUnseen,
        AreRemoteProbesRequested = areRemoteProbesRequested,
    };

    // How long resolvers may still give the record with an earlier id (OPS-6): a cache shows what is left of its time, so the longest
    // that was ever observed of one record counts.
    private static int StsTtlOf(Observation observation, int before) =>
        StsRecord.Select(observation.StsRecords.Records).Record is null ? before : Math.Max(before, observation.StsRecords.Ttl);
}
