using System.Globalization;
using StsFunctions.Domains;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>Senders forget the policy soon.</summary>
internal sealed class PolicyMaxAgeShort : IRule
{
    private const int Day = 86_400;
    private const int Week = 7 * Day;

    public FindingKind Kind { get; } = new(
        "policy.max-age.short", "info below a week, warning below a day under enforce", "a max_age so short that senders soon forget the policy",
        "A sender that has no cached policy is not protected while an attacker keeps the record or the policy host from it; the shorter the max_age, the more often that is so.",
        "Publish the policy with weeks, such as max_age: 1209600, and then the new id; a change still reaches senders at once, by the id.",
        "RFC 8461 §3.2, §10.2");

    public bool CanSee(Case given) => true;

    public IEnumerable<Finding> Judge(Case given)
    {
        var policy = given.Policy;
        if (policy.Mode != PolicyMode.None && policy.MaxAge < Week)
        {
            yield return Kind.Found(
                policy.MaxAge < Day && policy.Mode == PolicyMode.Enforce ? Severity.Warning : Severity.Info, given.Seen.Domain,
                $"max_age: {policy.MaxAge.ToString(CultureInfo.InvariantCulture)}, in mode {(policy.Mode == PolicyMode.Enforce ? "enforce" : "testing")}");
        }
    }
}

/// <summary>A policy that was to be tried out, and stayed so.</summary>
internal sealed class PolicyTestingLong : IRule
{
    private static readonly TimeSpan Long = TimeSpan.FromDays(90);

    public FindingKind Kind { get; } = new(
        "policy.testing.long", "info", "mode testing for more than 90 days",
        "In testing senders deliver whatever they see, and an active attacker is only told of.",
        "If the reports show no failure, publish the policy with mode: enforce, and then the new id.",
        "RFC 8461 §5, §8.4");

    public bool CanSee(Case given) => given.Hosted is not null;

    public IEnumerable<Finding> Judge(Case given)
    {
        if (given is { Policy.Mode: PolicyMode.Testing, Hosted: { } hosted } && given.Seen.At - hosted.ModeSince > Long)
        {
            yield return Kind.Found(Severity.Info, given.Seen.Domain, $"mode: testing since {hosted.ModeSince:u}");
        }
    }
}

/// <summary>The records of a policy that asks for nothing.</summary>
internal sealed class PolicyNonePublished : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.none.published", "info", "mode none, and the records are still there",
        "The policy asks senders for nothing; it is the step before record and policy host may go.",
        "To leave MTA-STS, wait for the max_age of every earlier policy, and then remove: _mta-sts.<domain>. TXT, and mta-sts.<domain>. To use it again, publish mode: testing, and then the new id.",
        "RFC 8461 §8.3");

    public bool CanSee(Case given) => given.Seen.StsRecords.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        // A domain of another's without a policy is judged as mode none too, and has none.
        if (given is { Policy.Mode: PolicyMode.None, IsAnnounced: true } && (given.Hosted is not null || PolicyHosts.Parsed(given) is { Mode: PolicyMode.None }))
        {
            yield return Kind.Found(
                Severity.Info, given.Seen.Domain, $"mode: none; {TxtRecords.Shown(given.Seen.StsRecords)}",
                remedy: $"To leave MTA-STS, wait for the max_age of every earlier policy, and then remove: {given.Seen.StsRecords.Name}. TXT, and {given.Seen.PolicyHost.Host}. To use it again, publish mode: testing, and then the new id.");
        }
    }
}

/// <summary>Nothing holds an active attacker off.</summary>
internal sealed class PolicyOpportunistic : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.opportunistic", "info", "opportunistic TLS only: no policy, or mode none, and no DANE",
        "An active attacker can strip STARTTLS from a server's answer, show any certificate, or lead mail elsewhere by a forged MX record, and senders will not notice.",
        "Publish a policy with mode: testing and, once the reports show no failure, with mode: enforce.",
        "RFC 8461 §1, RFC 7435 §3");

    // TLSA is left unasked where the resolver's word would not count; then nobody relies on it.
    public bool CanSee(Case given) => given.Seen.Mx.IsKnown
        && given.Seen.MxHosts.All(host => host.Tlsa.IsKnown || (host.Tlsa.Outcome == DnsOutcome.NotAsked && !given.Seen.OutOfTime));

    public IEnumerable<Finding> Judge(Case given)
    {
        if (given.Policy.Mode == PolicyMode.None && given.Seen.MxHosts is not [] && !given.Seen.MxHosts.All(Dane.MayProtect))
        {
            yield return Kind.Found(
                Severity.Info, given.Seen.Domain,
                given.Hosted is not null || PolicyHosts.Parsed(given) is not null ? "mode: none" : "no policy is known");
        }
    }
}
