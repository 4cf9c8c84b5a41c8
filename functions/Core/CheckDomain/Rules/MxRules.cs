using System.Globalization;
using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>What the rules about MX records share.</summary>
internal static class MxHosts
{
    /// <summary>Whether DNS told every MX host and every address of each.</summary>
    public static bool AllAddressesKnown(Case given) =>
        given.Seen.Mx.IsKnown && given.Seen.MxHosts.All(host => host.A.IsKnown && host.Aaaa.IsKnown);

    /// <summary>The hosts that the MX records name, the domain itself where there are none; also those that nobody walked up to.</summary>
    public static IReadOnlyList<string> NamedBy(Case given) =>
    [
        .. given.Seen.Mx.Records.Select(record => record[(record.IndexOf(' ', StringComparison.Ordinal) + 1)..])
            .Concat(given.Seen.MxHosts.Select(host => host.Host))
            .Distinct(StringComparer.OrdinalIgnoreCase),
    ];

    /// <summary>Whether an MX record names an address, dotted, bracketed or with colons, instead of a host.</summary>
    public static bool IsAddress(string host) =>
        System.Net.IPAddress.TryParse(host.Trim('[', ']'), out _) && host.AsSpan().ContainsAny('.', ':');

    /// <summary>Whether a pattern of the policy covers a host (RFC 8461 §4.1).</summary>
    public static bool IsCovered(Case given, string host) => DomainName.TryParse(host, out var name) && given.Policy.Covers(name);
}

/// <summary>The MX records cannot be looked up.</summary>
internal sealed class MxLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.lookup.failed", "warning", "the MX records cannot be looked up",
        "Senders that cannot look up the MX records either hold mail back, and return it after some days.",
        "Ask each of the domain's name servers: dig MX <domain> @<server>. One that does not answer, or answers SERVFAIL, needs mending.",
        "RFC 5321 §5.1", TakesThreeLooks: true);

    public bool CanSee(Case given) => given.Seen.Mx.Outcome != DnsOutcome.NotAsked;

    public IEnumerable<Finding> Judge(Case given)
    {
        var mx = given.Seen.Mx;
        if (!mx.IsKnown)
        {
            yield return Kind.Found(
                Severity.Warning, mx.Name, $"{mx.Outcome}: {mx.Detail}",
                remedy: $"Ask each of the domain's name servers: dig MX {mx.Name} @<server>. One that does not answer, or answers SERVFAIL, needs mending.");
        }
    }
}

/// <summary>The domain does not exist in DNS.</summary>
internal sealed class MxMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.missing", "critical", "the domain does not exist in DNS",
        "No sender can deliver mail to the domain.",
        "Check that the domain's registration has not lapsed and that its delegation points at the right name servers.",
        "RFC 5321 §5.1");

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        if (given.Seen.Mx.Outcome == DnsOutcome.NxDomain)
        {
            yield return Kind.Found(Severity.Critical, given.Seen.Mx.Name, "DNS answers NXDOMAIN: there is no such name");
        }
    }
}

/// <summary>The domain says that it takes no mail.</summary>
internal sealed class MxNull : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.null", "info", "a null MX: the domain takes no mail",
        "The null MX says that the domain takes no mail, so its policy protects nothing.",
        "If the domain should receive mail, replace the record: <domain>. MX 10 <mail server>.",
        "RFC 7505 §3");

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var mx = given.Seen.Mx;
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
internal sealed class MxNullBesideOthers : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.null.beside-others", "warning", "a null MX beside other MX records",
        "Senders differ: some take the domain for one without mail and return it at once, others use the other records.",
        "Remove one or the other. To take mail, remove: <domain>. MX 0 .",
        "RFC 7505 §3");

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var mx = given.Seen.Mx;
        if (mx.Records.Count > 1 && mx.Records.Any(MxNull.IsNull))
        {
            yield return Kind.Found(
                Severity.Warning, mx.Name, $"MX {string.Join(", ", mx.Records)}", remedy: $"Remove one or the other. To take mail, remove: {mx.Name}. MX 0 .");
        }
    }
}

/// <summary>The domain has no MX record and stands for itself.</summary>
internal sealed class MxImplicit : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.implicit", "info", "no MX record: the domain itself is taken for its mail server",
        "Senders take the domain itself for its mail server.",
        "Publish the mail server by name: <domain>. MX 10 <mail server>.",
        "RFC 5321 §5.1");

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var mx = given.Seen.Mx;
        if (mx.Outcome == DnsOutcome.Empty)
        {
            yield return Kind.Found(Severity.Info, mx.Name, "no MX record", remedy: $"Publish the mail server by name: {mx.Name}. MX 10 <mail server>.");
        }
    }
}

/// <summary>An MX host that no pattern of the policy covers.</summary>
internal sealed class MxUncovered : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.uncovered", "by mode", "an MX host that no mx pattern of the policy covers",
        "No mx pattern of the policy covers this server: under enforce, senders that honour the policy do not deliver to it.",
        "If the server is yours, publish a policy with the line \"mx: <MX host>\" and then the new id. If not, remove the MX record.",
        "RFC 8461 §4.1");

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public IEnumerable<Finding> Judge(Case given) => given.Policy.Mode == PolicyMode.None
        ? []
        : MxHosts.NamedBy(given)
            .Select(host => host.ToLowerInvariant())
            .Where(host => host != "." && !MxHosts.IsAddress(host) && !MxHosts.IsCovered(given, host))
            .Select(host => Kind.Found(
                given.WhenRefused, host,
                $"MX {RecordOf(given, host)}; the policy lists {string.Join(", ", given.Policy.Mx)}",
                $"No mx pattern of the policy covers this server: {given.Consequence}.",
                $"If it is yours, publish a policy with the line \"mx: {host}\" and then the new id. If not, remove the MX record."));

    // Without an MX record the domain stands for itself.
    private static string RecordOf(Case given, string host) =>
        given.Seen.Mx.Records.FirstOrDefault(record => record.EndsWith($" {host}", StringComparison.OrdinalIgnoreCase)) ?? host;
}

/// <summary>A pattern of the policy that covers no MX host.</summary>
internal sealed class MxPatternUnused : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.pattern.unused", "info", "an mx pattern of the policy that covers no MX host",
        "The policy vouches for a server that the MX records do not name; should somebody else come to hold that name, a forged MX record could lead mail there.",
        "If the server is not to take mail again, publish a policy without the line \"mx: <pattern>\" and then the new id.",
        "RFC 8461 §4.1");

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        // Where no server is named at all, every pattern would be told of, and another rule has told why.
        if (given.Policy.Mode == PolicyMode.None || given.Seen.MxHosts is [])
        {
            return [];
        }

        var names = MxHosts.NamedBy(given).Select(host => DomainName.TryParse(host, out var name) ? name : null).OfType<DomainName>().ToList();
        return given.Policy.Mx.Distinct()
            .Where(pattern => !names.Any(pattern.Covers))
            .Select(pattern => Kind.Found(
                Severity.Info, pattern.ToString(), $"mx: {pattern} in the policy; MX {string.Join(", ", given.Seen.MxHosts.Select(host => host.Host))} in DNS",
                remedy: $"If the server is not to take mail again, publish a policy without the line \"mx: {pattern}\" and then the new id."));
    }
}

/// <summary>An MX record that names an address.</summary>
internal sealed class MxAddressLiteral : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.address-literal", "warning, critical under enforce", "an MX record that names an address instead of a host",
        "An MX record must name a host: most senders find nothing under the address, no mx pattern can cover it, and no certificate is for it.",
        "Give the server a name and let the MX record point at that: <domain>. MX 10 <mail server>.",
        "RFC 5321 §5.1, RFC 1035 §3.3.9");

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.MxHosts.Where(host => MxHosts.IsAddress(host.Host)).Select(host => Kind.Found(
            given.Policy.Mode == PolicyMode.Enforce ? Severity.Critical : Severity.Warning, host.Host,
            $"MX {host.Preference.ToString(CultureInfo.InvariantCulture)} {host.Host}",
            remedy: $"Give the server a name and let the MX record point at that: {given.Seen.Domain}. MX 10 <mail server>."));
}

/// <summary>An MX host that is a CNAME.</summary>
internal sealed class MxAlias : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.cname", "warning", "an MX host that is a CNAME",
        "An MX record must not point at a CNAME; some senders refuse it.",
        "Give the MX host its own A and AAAA records, or let the MX record name what the CNAME points at, and the policy and certificate with it.",
        "RFC 5321 §5.1, RFC 2181 §10.3");

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public bool SeesAll(Case given) => MxHosts.AllAddressesKnown(given);

    public IEnumerable<Finding> Judge(Case given) =>
        from host in given.Seen.MxHosts
        let target = host.A.CnameTo ?? host.Aaaa.CnameTo
        where !host.Implicit && target is not null
        select Kind.Found(
            Severity.Warning, host.Host, $"{host.Host} is a CNAME for {target}",
            remedy: $"Give {host.Host} its own A and AAAA records, or let the MX record name {(RemedyText.IsPlainName(target) ? target : "what the CNAME points at")}, and the policy and certificate with it.");
}

/// <summary>An MX host whose addresses cannot be looked up.</summary>
internal sealed class MxAddressLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.address.lookup.failed", "warning", "the addresses of an MX host cannot be looked up",
        "Senders that cannot look up its addresses either try the next MX host, or hold the mail back.",
        "Ask the name servers of the host's zone: dig A <MX host> @<server>, and AAAA likewise. One that does not answer, or answers SERVFAIL, needs mending.",
        "RFC 5321 §5.1", TakesThreeLooks: true);

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public bool SeesAll(Case given) => CanSee(given) && given.Seen.MxHosts.All(host => (host.A.Outcome, host.Aaaa.Outcome) is not (DnsOutcome.NotAsked, _) and not (_, DnsOutcome.NotAsked));

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.MxHosts.Where(host => HasFailed(host.A) || HasFailed(host.Aaaa)).Select(host => Kind.Found(
            Severity.Warning, host.Host,
            string.Join("; ", new[] { ("A", Answer: host.A), ("AAAA", Answer: host.Aaaa) }.Where(one => HasFailed(one.Answer)).Select(one => $"{one.Item1}: {one.Answer.Outcome} {one.Answer.Detail}".TrimEnd())),
            remedy: $"Ask the name servers of the host's zone: dig A {host.Host} @<server>, and AAAA likewise. One that does not answer, or answers SERVFAIL, needs mending."));

    private static bool HasFailed(DnsAnswer answer) => answer.Outcome is DnsOutcome.Failed or DnsOutcome.TimedOut;
}

/// <summary>An MX host without an address.</summary>
internal sealed class MxNoAddress : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.no-address", "warning, critical if none has one", "an MX host without an address",
        "Nobody can connect to this server.",
        "Publish its address, or remove the MX record: <MX host>. A <address>",
        "RFC 5321 §5.1");

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public bool SeesAll(Case given) => MxHosts.AllAddressesKnown(given);

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.MxHosts.Where(host => HasNone(host) && !MxHosts.IsAddress(host.Host)).Select(host => Kind.Found(
            given.Seen.MxHosts.All(HasNone) ? Severity.Critical : Severity.Warning, host.Host,
            $"A: {host.A.Outcome}, AAAA: {host.Aaaa.Outcome}",
            remedy: $"Publish its address, or remove the MX record: {host.Host}. A <address>"));

    private static bool HasNone(MxHostObservation host) =>
        host.A is { IsKnown: true, Records.Count: 0 } && host.Aaaa is { IsKnown: true, Records.Count: 0 };
}

/// <summary>An address of an MX host that the world cannot reach.</summary>
internal sealed class MxAddressPrivate : IRule
{
    public FindingKind Kind { get; } = new(
        "mx.address.private", "warning, critical if there is no other", "an MX host with an address that the world cannot reach",
        "Senders that try this address reach nobody, or a machine in their own network.",
        "Take the address out of public DNS; internal names belong into a zone that only the inside sees.",
        "RFC 6890 §2.2, RFC 1918 §3");

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    // The gate looks at the address before it dials, so that a closed port 25 hides nothing.
    public bool SeesAll(Case given) => MxHosts.AllAddressesKnown(given) && !given.Seen.MxHosts.Any(host =>
        host.Sessions.Any(session => session.Outcome is SmtpOutcome.OutOfTime or SmtpOutcome.NotObserved) || (host.Looks is [] && host.A.Records.Count + host.Aaaa.Records.Count > 0));

    public IEnumerable<Finding> Judge(Case given)
    {
        var all = MxHosts.AllAddressesKnown(given) && given.Seen.MxHosts.SelectMany(host => host.Sessions).All(session => session.Outcome == SmtpOutcome.AddressNotAllowed);
        return Sessions.With(given, SmtpOutcome.AddressNotAllowed).Select(found => Kind.Found(
            all ? Severity.Critical : Severity.Warning, found.Host.Host, string.Join("; ", found.Sessions.Select(session => session.Address)),
            all ? "No address of the domain's mail servers can be reached from outside: no mail arrives." : null,
            $"Take the address out of public DNS, or replace it: {found.Host.Host}. A <public address>"));
    }
}
