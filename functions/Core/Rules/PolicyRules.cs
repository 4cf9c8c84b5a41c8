using System.Globalization;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Core.Rules;

/// <summary>Senders drop the policy from their caches soon.</summary>
internal sealed class PolicyMaxAgeShort : IRule
{
    private const int Day = 86_400;
    private const int Week = 7 * Day;

    public FindingKind Kind { get; } = new(
        "policy.max-age.short", "info below a week, warning below a day under enforce", "a max_age so short that senders soon drop the policy from their caches",
        "A sender without a cached policy delivers without protection while an attacker blocks the record or the policy host; a short max_age makes that more likely.",
        "Publish the policy with a max_age of some weeks, such as max_age: 1209600, then publish the new id. Senders still notice later changes early, by the id.",
        "RFC 8461 §3.2, §10.2");

    public bool IsApplicable(RuleContext context) => true;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var policy = context.Policy;
        if (policy.Mode != PolicyMode.None && policy.MaxAge < Week)
        {
            yield return Kind.Found(
                policy.MaxAge < Day && policy.Mode == PolicyMode.Enforce ? Severity.Warning : Severity.Info, context.Observation.Domain,
                $"max_age: {policy.MaxAge.ToString(CultureInfo.InvariantCulture)}, in mode {(policy.Mode == PolicyMode.Enforce ? "enforce" : "testing")}");
        }
    }
}

/// <summary>A policy that has stayed in testing for long.</summary>
internal sealed class PolicyTestingLong : IRule
{
    private static readonly TimeSpan Long = TimeSpan.FromDays(90);

    public FindingKind Kind { get; } = new(
        "policy.mode.testing-long", "info", "mode testing for more than 90 days",
        "Under mode testing, senders deliver even if the policy's checks fail: an active attack appears in reports, but nothing stops it.",
        "If the reports show no failure, publish the policy with mode: enforce, then publish the new id.",
        "RFC 8461 §5, §8.4");

    public bool IsApplicable(RuleContext context) => context.HostedDomain is not null;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        if (context is { Policy.Mode: PolicyMode.Testing, HostedDomain: { } hosted } && context.Observation.At - hosted.ModeSince > Long)
        {
            yield return Kind.Found(Severity.Info, context.Observation.Domain, $"mode: testing since {hosted.ModeSince:u}");
        }
    }
}

/// <summary>A policy of mode none that the records still announce.</summary>
internal sealed class PolicyNonePublished : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.mode.none", "info", "mode none, and DNS still announces the policy",
        "The policy requires nothing of senders. Mode none is the last step before you remove the record and the policy host.",
        "To leave MTA-STS, wait for the max_age of every earlier policy, and then remove: _mta-sts.<domain>. TXT, and mta-sts.<domain>. To use it again, publish mode: testing, then publish the new id.",
        "RFC 8461 §8.3");

    public bool IsApplicable(RuleContext context) => context.Observation.StsRecords.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        // A domain that this app does not host is also evaluated as mode none where it has no policy.
        if (context is { Policy.Mode: PolicyMode.None, IsAnnounced: true } && (context.HostedDomain is not null || PolicyHosts.Parsed(context) is { Mode: PolicyMode.None }))
        {
            yield return Kind.Found(
                Severity.Info, context.Observation.Domain, $"mode: none; {TxtRecords.Describe(context.Observation.StsRecords)}",
                remedy: $"To leave MTA-STS, wait for the max_age of every earlier policy, and then remove: {context.Observation.StsRecords.Name}. TXT, and {context.Observation.PolicyHost.Host}. To use it again, publish mode: testing, then publish the new id.");
        }
    }
}

/// <summary>No protection against an active attacker.</summary>
internal sealed class PolicyOpportunistic : IRule
{
    public FindingKind Kind { get; } = new(
        "policy.mx.opportunistic", "info", "opportunistic TLS only: no policy, or mode none, and no DANE",
        "An active attacker can remove STARTTLS from a server's reply, present any certificate, or redirect mail by a forged MX record, and senders do not notice.",
        "Publish a policy with mode: testing and, once the reports show no failure, with mode: enforce.",
        "RFC 8461 §1, RFC 7435 §3");

    // TLSA is not looked up where the resolver's answer would not be authentic.
    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown
        && context.Observation.MxHosts.All(host => host.Tlsa.IsKnown || (host.Tlsa.Outcome == DnsOutcome.NotAsked && !context.Observation.DeadlineExceeded));

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        if (context.Policy.Mode == PolicyMode.None && context.Observation.MxHosts is not [] && !context.Observation.MxHosts.All(Dane.MayProtect))
        {
            yield return Kind.Found(
                Severity.Info, context.Observation.Domain,
                context.HostedDomain is not null || PolicyHosts.Parsed(context) is not null ? "mode: none" : "no policy is known");
        }
    }
}
