using System.Globalization;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Text;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Core.Rules;

/// <summary>What the rules about MX records share.</summary>
internal static class MxHosts
{
    /// <summary>Whether DNS answered for the MX records and for every address of every MX host.</summary>
    public static bool AllAddressesKnown(RuleContext context) =>
        context.Observation.Mx.IsKnown && context.Observation.MxHosts.All(host => host.A.IsKnown && host.Aaaa.IsKnown);

    /// <summary>The hosts that the MX records name, also those that were not probed; the domain itself where there are no MX records.</summary>
    public static IReadOnlyList<string> NamedBy(RuleContext context) =>
    [
        .. context.Observation.Mx.Records.Select(record => record[(record.IndexOf(' ', StringComparison.Ordinal) + 1)..])
            .Concat(context.Observation.MxHosts.Select(host => host.Host))
            .Distinct(StringComparer.OrdinalIgnoreCase),
    ];

    /// <summary>Whether an MX record names an address, dotted, bracketed or with colons, instead of a host.</summary>
    public static bool IsAddress(string host) =>
        System.Net.IPAddress.TryParse(host.Trim('[', ']'), out _) && host.AsSpan().ContainsAny('.', ':');

    /// <summary>Whether a pattern of the policy covers a host (RFC 8461 §4.1).</summary>
    public static bool IsCovered(RuleContext context, string host) => DomainName.TryParse(host, out var name) && context.Policy.Covers(name);
}

/// <summary>The MX records cannot be looked up.</summary>
internal sealed class MxLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.record.lookup-failed", "warning", "the MX records cannot be looked up",
        "If senders cannot look up the MX records too, mail waits in their queues, and they return it after some days.",
        "Query each name server of the domain: dig MX <domain> @<server>. One that does not answer, or answers SERVFAIL, is at fault: fix it.",
        "RFC 5321 §5.1", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.Outcome != DnsOutcome.NotAsked;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var mx = context.Observation.Mx;
        if (!mx.IsKnown)
        {
            yield return Kind.Found(
                Severity.Warning, mx.Name, $"{mx.Outcome}: {mx.Detail}",
                remedy: $"Query each name server of the domain: dig MX {mx.Name} @<server>. One that does not answer, or answers SERVFAIL, is at fault: fix it.");
        }
    }
}

/// <summary>The domain does not exist in DNS.</summary>
internal sealed class MxMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.record.missing", "critical", "the domain does not exist in DNS",
        "No sender can deliver mail to the domain.",
        "Check that the domain's registration has not lapsed and that its delegation points at the right name servers.",
        "RFC 5321 §5.1");

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        if (context.Observation.Mx.Outcome == DnsOutcome.NxDomain)
        {
            yield return Kind.Found(Severity.Critical, context.Observation.Mx.Name, "DNS answers NXDOMAIN: there is no such name");
        }
    }
}

/// <summary>The domain declares that it accepts no mail.</summary>
internal sealed class MxNull : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.record.null", "info", "a null MX: the domain accepts no mail",
        "The null MX declares that the domain accepts no mail, so its policy protects nothing.",
        "If the domain should receive mail, replace the record: <domain>. MX 10 <mail server>.",
        "RFC 7505 §3");

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var mx = context.Observation.Mx;
        if (mx.Records is [var only] && IsNull(only))
        {
            yield return Kind.Found(
                Severity.Info, mx.Name, $"MX {only}",
                remedy: $"If the domain should receive mail, replace the record: {mx.Name}. MX 10 <mail server>.");
        }
    }

    public static bool IsNull(string record) => record.EndsWith(" .", StringComparison.Ordinal);
}

/// <summary>A null MX that is not alone.</summary>
internal sealed class MxNullNotAlone : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.record.null-not-alone", "warning", "a null MX beside other MX records",
        "Senders differ: some take it that the domain accepts no mail and return it at once, others use the other MX records.",
        "Remove the null MX or the other records. If the domain accepts mail, remove: <domain>. MX 0 .",
        "RFC 7505 §3");

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var mx = context.Observation.Mx;
        if (mx.Records.Count > 1 && mx.Records.Any(MxNull.IsNull))
        {
            yield return Kind.Found(
                Severity.Warning, mx.Name, $"MX {string.Join(", ", mx.Records)}", remedy: $"Remove the null MX or the other records. If the domain accepts mail, remove: {mx.Name}. MX 0 .");
        }
    }
}

/// <summary>The domain has no MX record: the domain itself is the MX host.</summary>
internal sealed class MxImplicit : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.record.implicit", "info", "no MX record: senders use the domain itself as the MX host",
        "Senders deliver to the addresses of the domain itself, as RFC 5321 asks of them.",
        "Publish an MX record that names the mail server: <domain>. MX 10 <mail server>.",
        "RFC 5321 §5.1");

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var mx = context.Observation.Mx;
        if (mx.Outcome == DnsOutcome.Empty)
        {
            yield return Kind.Found(Severity.Info, mx.Name, "no MX record", remedy: $"Publish an MX record that names the mail server: {mx.Name}. MX 10 <mail server>.");
        }
    }
}

/// <summary>An MX host that no pattern of the policy covers.</summary>
internal sealed class MxPolicyMismatch : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.policy.mismatch", "by mode", "an MX host that no mx pattern of the policy matches",
        "No mx pattern of the policy matches this server: under enforce, senders that honour the policy do not deliver to it.",
        "If the server is yours, publish a policy with the line \"mx: <MX host>\", then publish the new id. If not, remove the MX record.",
        "RFC 8461 §4.1");

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context) => context.Policy.Mode == PolicyMode.None
        ? []
        : MxHosts.NamedBy(context)
            .Select(host => host.ToLowerInvariant())
            .Where(host => host != "." && !MxHosts.IsAddress(host) && !MxHosts.IsCovered(context, host))
            .Select(host => Kind.Found(
                context.SeverityIfRejected, host,
                $"MX {RecordOf(context, host)}; the policy lists {string.Join(", ", context.Policy.Mx)}",
                $"No mx pattern of the policy matches this server: {context.Consequence}.",
                $"If the server is yours, publish a policy with the line \"mx: {host}\", then publish the new id. If not, remove the MX record."));

    // Without an MX record the domain itself is the MX host (RFC 5321 §5.1).
    private static string RecordOf(RuleContext context, string host) =>
        context.Observation.Mx.Records.FirstOrDefault(record => record.EndsWith($" {host}", StringComparison.OrdinalIgnoreCase)) ?? host;
}

/// <summary>A pattern of the policy that matches no MX host.</summary>
internal sealed class MxPatternUnused : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.pattern.unused", "info", "an mx pattern of the policy that matches no MX host",
        "The policy allows a server that the MX records do not name; if somebody else gets control of that name, a forged MX record could redirect mail to it.",
        "If the server will not receive mail again, publish a policy without the line \"mx: <pattern>\", then publish the new id.",
        "RFC 8461 §4.1");

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        // Without any MX host every pattern would be unused, and another rule reports that cause.
        if (context.Policy.Mode == PolicyMode.None || context.Observation.MxHosts is [])
        {
            return [];
        }

        var names = MxHosts.NamedBy(context).Select(host => DomainName.TryParse(host, out var name) ? name : null).OfType<DomainName>().ToList();
        return context.Policy.Mx.Distinct()
            .Where(pattern => !names.Any(pattern.Covers))
            .Select(pattern => Kind.Found(
                Severity.Info, pattern.ToString(), $"mx: {pattern} in the policy; MX {string.Join(", ", context.Observation.MxHosts.Select(host => host.Host))} in DNS",
                remedy: $"If the server will not receive mail again, publish a policy without the line \"mx: {pattern}\", then publish the new id."));
    }
}

/// <summary>An MX record that names an address.</summary>
internal sealed class MxAddressLiteral : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.address.literal", "warning, critical under enforce", "an MX record that names an address instead of a host",
        "An MX record must name a host: most senders look the address up as a name and find nothing, no mx pattern can match it, and no certificate can cover it.",
        "Give the server a host name, and publish an MX record for that name: <domain>. MX 10 <mail server>.",
        "RFC 5321 §5.1, RFC 1035 §3.3.9");

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.MxHosts.Where(host => MxHosts.IsAddress(host.Host)).Select(host => Kind.Found(
            context.Policy.Mode == PolicyMode.Enforce ? Severity.Critical : Severity.Warning, host.Host,
            $"MX {host.Preference.ToString(CultureInfo.InvariantCulture)} {host.Host}",
            remedy: $"Give the server a host name, and publish an MX record for that name: {context.Observation.Domain}. MX 10 <mail server>."));
}

/// <summary>An MX host that is a CNAME.</summary>
internal sealed class MxAlias : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.record.alias", "warning", "an MX host that is a CNAME",
        "An MX record must not point to a CNAME; some senders do not deliver to such a host.",
        "Give the MX host its own A and AAAA records, or name the target of the CNAME in the MX record, in the policy and in the certificate.",
        "RFC 5321 §5.1, RFC 2181 §10.3");

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown;

    public bool IsConclusive(RuleContext context) => MxHosts.AllAddressesKnown(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        from host in context.Observation.MxHosts
        let target = host.A.CnameTo ?? host.Aaaa.CnameTo
        where !host.Implicit && target is not null
        select Kind.Found(
            Severity.Warning, host.Host, $"{host.Host} is a CNAME for {target}",
            remedy: $"Give {host.Host} its own A and AAAA records, or name {(RemedyText.IsPlainName(target) ? target : "the target of the CNAME")} in the MX record, in the policy and in the certificate.");
}

/// <summary>An MX host whose addresses cannot be looked up.</summary>
internal sealed class MxAddressLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.address.lookup-failed", "warning", "the addresses of an MX host cannot be looked up",
        "If senders cannot look up its addresses too, they try the next MX host, or mail waits in their queues.",
        "Query each name server of the host's zone: dig A <MX host> @<server>, and AAAA likewise. One that does not answer, or answers SERVFAIL, is at fault: fix it.",
        "RFC 5321 §5.1", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown;

    public bool IsConclusive(RuleContext context) => IsApplicable(context) && context.Observation.MxHosts.All(host => (host.A.Outcome, host.Aaaa.Outcome) is not (DnsOutcome.NotAsked, _) and not (_, DnsOutcome.NotAsked));

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.MxHosts.Where(host => HasFailed(host.A) || HasFailed(host.Aaaa)).Select(host => Kind.Found(
            Severity.Warning, host.Host,
            string.Join("; ", new[] { ("A", Answer: host.A), ("AAAA", Answer: host.Aaaa) }.Where(one => HasFailed(one.Answer)).Select(one => $"{one.Item1}: {one.Answer.Outcome} {one.Answer.Detail}".TrimEnd())),
            remedy: $"Query each name server of the host's zone: dig A {host.Host} @<server>, and AAAA likewise. One that does not answer, or answers SERVFAIL, is at fault: fix it."));

    private static bool HasFailed(DnsAnswer answer) => answer.Outcome is DnsOutcome.Failed or DnsOutcome.TimedOut;
}

/// <summary>An MX host without an address.</summary>
internal sealed class MxNoAddress : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.address.missing", "warning, critical if none has one", "an MX host without an address",
        "No sender can connect to this server.",
        "Publish its address, or remove the MX record: <MX host>. A <address>",
        "RFC 5321 §5.1");

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown;

    public bool IsConclusive(RuleContext context) => MxHosts.AllAddressesKnown(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.MxHosts.Where(host => HasNone(host) && !MxHosts.IsAddress(host.Host)).Select(host => Kind.Found(
            context.Observation.MxHosts.All(HasNone) ? Severity.Critical : Severity.Warning, host.Host,
            $"A: {host.A.Outcome}, AAAA: {host.Aaaa.Outcome}",
            remedy: $"Publish its address, or remove the MX record: {host.Host}. A <address>"));

    private static bool HasNone(MxHostObservation host) =>
        host.A is { IsKnown: true, Records.Count: 0 } && host.Aaaa is { IsKnown: true, Records.Count: 0 };
}

/// <summary>An address of an MX host that is not reachable from the Internet.</summary>
internal sealed class MxAddressPrivate : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.address.private", "warning, critical if there is no other", "an MX host with an address that is not reachable from the Internet",
        "Senders that try this address reach no server, or a machine in their own network.",
        "Remove the address from public DNS; publish internal addresses only in an internal zone.",
        "RFC 6890 §2.2, RFC 1918 §3");

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown;

    // The egress gate checks the address before it connects, so a blocked port 25 hides nothing.
    public bool IsConclusive(RuleContext context) => MxHosts.AllAddressesKnown(context) && !context.Observation.MxHosts.Any(host =>
        host.Sessions.Any(session => session.Outcome is SmtpOutcome.DeadlineExceeded or SmtpOutcome.NotObserved) || (host.Probes is [] && host.A.Records.Count + host.Aaaa.Records.Count > 0));

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var all = MxHosts.AllAddressesKnown(context) && context.Observation.MxHosts.SelectMany(host => host.Sessions).All(session => session.Outcome == SmtpOutcome.AddressNotAllowed);
        return Sessions.With(context, SmtpOutcome.AddressNotAllowed).Select(found => Kind.Found(
            all ? Severity.Critical : Severity.Warning, found.Host.Host, string.Join("; ", found.Sessions.Select(session => session.Address)),
            all ? "No address of the domain's MX hosts is reachable from the Internet: no mail arrives." : null,
            $"Remove the address from public DNS, or replace it: {found.Host.Host}. A <public address>"));
    }
}
