using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>What the rules about the policy host share.</summary>
internal static class PolicyHosts
{
    /// <summary>The policy that was fetched, or null where none was, or none that parses.</summary>
    public static Policy? Parsed(Case given) => given.Seen.PolicyHost.Fetch is { Outcome: PolicyFetchOutcome.Fetched, Body: { } body } ? Parse(body, out _) : null;

    /// <summary>Reads a policy, or says why it is none.</summary>
    public static Policy? Parse(byte[] body, out string? fault)
    {
        try
        {
            fault = null;
            return Policy.Parse(body);
        }
        catch (ProtocolException e)
        {
            fault = e.Message;
            return null;
        }
    }

    /// <summary>Every address of the policy host.</summary>
    public static IReadOnlyList<string> AddressesOf(Case given) => [.. given.Seen.PolicyHost.A.Records, .. given.Seen.PolicyHost.Aaaa.Records];

    /// <summary>
    /// Whether the host could be reached from here if it is up: most clouds have no IPv6, so a host with nothing else is out of
    /// sight until some IPv6 address has been seen to answer.
    /// </summary>
    public static bool IsInSight(Case given) => AddressesOf(given) is not []
        && (given.Seen.PolicyHost.A.Records is not [] || given.Seen.MxHosts.SelectMany(host => host.Sessions).Any(session => Sessions.IsIPv6(session) && Sessions.IsReached(session)));

    /// <summary>Whether the fetch came as far as an HTTP status.</summary>
    public static bool Answered(Case given) => given.Seen.PolicyHost.Fetch?.Status is not null;

    /// <summary>Whether a whole body came.</summary>
    public static bool Served(Case given) => given.Seen.PolicyHost.Fetch is { Outcome: PolicyFetchOutcome.Fetched, Body: not null };

    /// <summary>The certificate that the policy host showed, or null.</summary>
    public static X509Certificate2? Leaf(Case given) => Certificates.Leaf(given.Seen.PolicyHost.Fetch?.Tls);

    /// <summary>
    /// Whether what is served comes from elsewhere: neither its name, nor an address, nor its bytes are ours. Only what came can tell:
    /// a name that is not known here may lead here all the same, through somebody's proxy.
    /// </summary>
    public static bool ComesFromElsewhere(Case given)
    {
        var host = given.Seen.PolicyHost;
        return given is { Hosted: { } hosted, Places.PolicyTargets: not [] and var ours }
            && host is { A.IsKnown: true, Aaaa.IsKnown: true, Fetch: { Outcome: PolicyFetchOutcome.Fetched, Body: { } body } }
            && !host.A.Aliases.Concat(host.Aaaa.Aliases).Concat(AddressesOf(given)).Contains(ours)
            && !body.AsSpan().SequenceEqual(hosted.Bytes);
    }

    private static bool Contains(this IEnumerable<string> places, IReadOnlyList<string> ours) => places.Any(place => ours.Contains(place, StringComparer.OrdinalIgnoreCase));
}

/// <summary>The policy host cannot be looked up.</summary>
internal sealed class PolicyHostLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.lookup.failed", "warning, info without a policy", "the policy host's addresses cannot be looked up",
        "Senders cannot fetch the policy: those without a cached one deliver unprotected.",
        "Ask the name servers of the zone: dig A mta-sts.<domain> @<server>, and AAAA likewise. One that does not answer, or answers SERVFAIL, needs mending; where the name is a CNAME, look at its target too.",
        "RFC 8461 §3.3", TakesThreeLooks: true);

    public bool CanSee(Case given) => TxtRecords.CanTellFailure(given, given.Seen.PolicyHost.A) && given.Seen.PolicyHost.Aaaa.Outcome != DnsOutcome.NotAsked;

    public IEnumerable<Finding> Judge(Case given)
    {
        var host = given.Seen.PolicyHost;
        // One address is enough for a sender.
        if (PolicyHosts.AddressesOf(given) is [] && !(host.A.IsKnown && host.Aaaa.IsKnown))
        {
            yield return Kind.Found(
                given.WhenNotLearnt, host.Host,
                string.Join("; ", new[] { ("A", Answer: host.A), ("AAAA", Answer: host.Aaaa) }.Where(one => !one.Answer.IsKnown).Select(one => $"{one.Item1}: {TxtRecords.Failure(one.Answer)}")),
                remedy: $"Ask the name servers of the zone: dig A {host.Host} @<server>, and AAAA likewise. One that does not answer, or answers SERVFAIL, needs mending; where the name is a CNAME, look at its target too.");
        }
    }
}

/// <summary>The policy host is not in DNS.</summary>
internal sealed class PolicyHostMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.missing", "warning, info without a policy", "the policy host has no address in DNS",
        "Senders cannot fetch the policy: those without a cached one deliver unprotected.",
        "Publish: mta-sts.<domain>. CNAME <host that serves the policy>.",
        "RFC 8461 §3.3, §8.2");

    public bool CanSee(Case given) => given.Seen.PolicyHost is { A.IsKnown: true, Aaaa.IsKnown: true };

    public IEnumerable<Finding> Judge(Case given)
    {
        var host = given.Seen.PolicyHost;
        if (PolicyHosts.AddressesOf(given) is [])
        {
            var dangling = host.A.CnameTo ?? host.Aaaa.CnameTo;
            yield return Kind.Found(
                given.WhenNotLearnt, host.Host,
                dangling is null ? $"A: {host.A.Outcome}, AAAA: {host.Aaaa.Outcome}" : $"a CNAME for {dangling}, which has no address",
                remedy: $"Publish: {host.Host}. CNAME {(given.Places.PolicyTargets is [var target, ..] ? target : "<host that serves the policy>")}.");
        }
    }
}

/// <summary>The policy host is not this app's.</summary>
internal sealed class PolicyHostElsewhere : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.elsewhere", "warning", "the policy host does not lead to this app, and serves another policy",
        "Senders are served by somebody else: what is published here reaches nobody.",
        "Publish: mta-sts.<domain>. CNAME <host of this app>.",
        "RFC 8461 §3.3, §8.2");

    public bool CanSee(Case given) => given.Hosted is not null && given.Places.PolicyTargets is not []
        && given.Seen.PolicyHost is { A.IsKnown: true, Aaaa.IsKnown: true } && PolicyHosts.Served(given);

    public IEnumerable<Finding> Judge(Case given)
    {
        var host = given.Seen.PolicyHost;
        if (PolicyHosts.ComesFromElsewhere(given))
        {
            var path = host.A.Aliases.Concat(host.Aaaa.Aliases).Distinct().Concat(PolicyHosts.AddressesOf(given));
            yield return Kind.Found(
                Severity.Warning, host.Host, $"{host.Host} leads to {string.Join(", ", path)}, not to {string.Join(" or ", given.Places.PolicyTargets)}",
                remedy: $"Publish: {host.Host}. CNAME {given.Places.PolicyTargets[0]}.");
        }
    }
}

/// <summary>The policy host has addresses that the world cannot reach, and no other.</summary>
internal sealed class PolicyHostAddressPrivate : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.address.private", "warning, info without a policy", "the policy host has only addresses that the world cannot reach",
        "Senders cannot fetch the policy: those without a cached one deliver unprotected.",
        "Publish a public address: mta-sts.<domain>. CNAME <host that serves the policy>.",
        "RFC 8461 §3.3, RFC 6890 §2.2");

    public bool CanSee(Case given) => given.Seen.PolicyHost.Fetch is not null && PolicyHosts.AddressesOf(given) is not [];

    public IEnumerable<Finding> Judge(Case given)
    {
        var host = given.Seen.PolicyHost;
        if (host.Fetch is { Outcome: PolicyFetchOutcome.AddressNotAllowed } && PolicyHosts.AddressesOf(given) is not [] and var addresses)
        {
            yield return Kind.Found(given.WhenNotLearnt, host.Host, string.Join(", ", addresses));
        }
    }
}

/// <summary>Nobody answers at the policy host.</summary>
internal sealed class PolicyHostUnreachable : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.unreachable", "warning, info without a policy", "the policy host takes no connection",
        "Senders cannot fetch the policy: those without a cached one deliver unprotected.",
        "See that something listens on port 443 where the name leads, and that no firewall is in the way: curl -v https://mta-sts.<domain>/.well-known/mta-sts.txt",
        "RFC 8461 §3.3", TakesThreeLooks: true);

    public bool CanSee(Case given) => given.Seen.PolicyHost.Fetch is not null && PolicyHosts.IsInSight(given);

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.NotReached } fetch, Host: var host }
            ? [Kind.Found(given.WhenNotLearnt, host, $"{string.Join(", ", PolicyHosts.AddressesOf(given))}: {fetch.Detail}", remedy: $"See that something listens on port 443 where the name leads, and that no firewall is in the way: curl -v {fetch.Url}")]
            : [];
}

/// <summary>The policy host breaks off.</summary>
internal sealed class PolicyHostBrokenOff : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.broken-off", "warning, info without a policy", "the policy host hangs up before the policy is whole, or does not speak HTTP",
        "Senders cannot fetch the policy: those without a cached one deliver unprotected.",
        "Look into the web server's log for this moment, and see what comes: curl -v https://mta-sts.<domain>/.well-known/mta-sts.txt",
        "RFC 8461 §3.3", TakesThreeLooks: true);

    public bool CanSee(Case given) => given.Seen.PolicyHost.Fetch is { Outcome: not (PolicyFetchOutcome.NotReached or PolicyFetchOutcome.AddressNotAllowed or PolicyFetchOutcome.TlsFailed) };

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.BrokenOff } fetch, Host: var host }
            ? [Kind.Found(given.WhenNotLearnt, host, $"{fetch.Outcome}: {fetch.Detail}", remedy: $"Look into the web server's log for this moment, and see what comes: curl -v {fetch.Url}")]
            : [];
}

/// <summary>The policy host takes longer than senders wait.</summary>
internal sealed class PolicyHostTimedOut : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.timed-out", "warning, info without a policy", "the policy does not come within the minute that senders wait",
        "Senders give up before the policy has come: those without a cached one deliver unprotected.",
        "See where the time goes: curl -v -w '%{time_total}' https://mta-sts.<domain>/.well-known/mta-sts.txt",
        "RFC 8461 §3.3", TakesThreeLooks: true);

    public bool CanSee(Case given) => given.Seen.PolicyHost.Fetch is { Outcome: not (PolicyFetchOutcome.NotReached or PolicyFetchOutcome.AddressNotAllowed or PolicyFetchOutcome.TlsFailed) };

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.TimedOut } fetch, Host: var host }
            ? [Kind.Found(given.WhenNotLearnt, host, $"{fetch.Detail}", remedy: $"See where the time goes: curl -v -w '%{{time_total}}' {fetch.Url}")]
            : [];
}

/// <summary>The policy host answers slowly.</summary>
internal sealed class PolicyHostSlow : IRule
{
    private const int Slow = 10_000;

    public FindingKind Kind { get; } = new(
        "policy-host.slow", "info", "the policy takes longer than 10 seconds to come",
        "Senders wait for a minute at most, and some for less; the mail behind it waits too.",
        "See where the time goes: curl -v -w '%{time_total}' https://mta-sts.<domain>/.well-known/mta-sts.txt",
        "RFC 8461 §3.3", TakesThreeLooks: true);

    public bool CanSee(Case given) => PolicyHosts.Served(given);

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.Fetched, Milliseconds: > Slow } fetch, Host: var host }
            ? [Kind.Found(Severity.Info, host, $"{(fetch.Milliseconds / 1000).ToString(CultureInfo.InvariantCulture)} s", remedy: $"See where the time goes: curl -v -w '%{{time_total}}' {fetch.Url}")]
            : [];
}

/// <summary>TLS does not come about with the policy host.</summary>
internal sealed class PolicyHostTlsFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.tls.failed", "warning, info without a policy", "TLS does not come about with the policy host",
        "Senders cannot fetch the policy: those without a cached one deliver unprotected.",
        "See that the web server has a certificate for this name and knows TLS 1.2 or newer: openssl s_client -connect mta-sts.<domain>:443 -servername mta-sts.<domain>",
        "RFC 8461 §3.3, §7", TakesThreeLooks: true);

    public bool CanSee(Case given) => given.Seen.PolicyHost.Fetch is { Outcome: not (PolicyFetchOutcome.NotReached or PolicyFetchOutcome.AddressNotAllowed or PolicyFetchOutcome.TimedOut) };

    // Where there was a certificate, what is wrong with it is the word of other rules; where they find nothing, something else is.
    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.TlsFailed } fetch, Host: var host }
        && (PolicyHosts.Leaf(given) is not { } leaf || Certificates.RefusalOf(leaf, fetch.Tls!, host, given.Seen.At) is null)
            ? [Kind.Found(given.WhenNotLearnt, host, $"{fetch.Detail}", remedy: $"See that the web server has a certificate for this name and knows TLS 1.2 or newer: openssl s_client -connect {host}:443 -servername {host}")]
            : [];
}

/// <summary>The policy host's certificate is one that senders refuse.</summary>
internal sealed class PolicyHostCertificate : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.certificate", "warning, info without a policy", "the policy host's certificate is for another name, out of date, or not trusted",
        "Senders refuse the certificate and cannot fetch the policy: those without a cached one deliver unprotected.",
        "Install a certificate for mta-sts.<domain> of a CA that is publicly trusted, with its whole chain, and see why it was not renewed by itself: openssl s_client -connect mta-sts.<domain>:443 -servername mta-sts.<domain>",
        "RFC 8461 §3.3, RFC 9525 §6");

    public bool CanSee(Case given) => PolicyHosts.Leaf(given) is not null;

    public IEnumerable<Finding> Judge(Case given)
    {
        var host = given.Seen.PolicyHost.Host;
        if (PolicyHosts.Leaf(given) is { } leaf && Certificates.RefusalOf(leaf, given.Seen.PolicyHost.Fetch!.Tls!, host, given.Seen.At) is { } refusal)
        {
            yield return Kind.Found(
                given.WhenNotLearnt, host, $"the certificate {refusal}",
                remedy: $"Install a certificate for {host} of a CA that is publicly trusted, with its whole chain, and see why it was not renewed by itself: openssl s_client -connect {host}:443 -servername {host}");
        }
    }
}

/// <summary>The policy host's certificate ends soon.</summary>
internal sealed class PolicyHostCertificateExpiring : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.certificate.expiring", "info, then warning", "the policy host's certificate ends soon: within 30, 14, 7, 3 and 1 days, or a fraction of its lifetime if that is short",
        "Once the certificate has expired senders cannot fetch the policy: those without a cached one deliver unprotected.",
        "Renew the certificate of mta-sts.<domain>. If renewal is automatic, it is late: look into its log, and at the CAA records.",
        "RFC 8461 §3.3");

    public bool CanSee(Case given) => PolicyHosts.Leaf(given) is not null;

    public IEnumerable<Finding> Judge(Case given)
    {
        var host = given.Seen.PolicyHost.Host;
        if (PolicyHosts.Leaf(given) is { } leaf && Expiry.StageOf(leaf, given.Seen.At) is > 0 and var stage)
        {
            yield return Kind.Found(
                Expiry.SeverityOf(stage, given.WhenNotLearnt), host, Expiry.Shown(leaf, given.Seen.At),
                remedy: $"Renew the certificate of {host}. If renewal is automatic, it is late: look into its log, and at the CAA records.", stage: stage);
        }
    }
}

/// <summary>CAA records keep the CA from renewing the policy host's certificate.</summary>
internal sealed class PolicyHostCaa : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.caa", "warning", "CAA records forbid the CA that renews the policy host's certificate",
        "The certificate is not renewed, and once it has expired senders cannot fetch the policy.",
        "Let the CA in, beside those that are: <name of the CAA records>. CAA 0 issue \"<CA>\". A critical tag that CAs do not know keeps all of them out: remove it.",
        "RFC 8659 §4.1, §4.2");

    public bool CanSee(Case given) => given.Places.CertificateAuthority is not null && given.Seen.PolicyHost.Caa.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var caa = given.Seen.PolicyHost.Caa;
        if (given.Places.CertificateAuthority is { } authority && !Caa.Allows(caa.Records, authority))
        {
            yield return Kind.Found(
                Severity.Warning, caa.Name, $"CAA {string.Join(" | ", caa.Records)}",
                remedy: $"Let the CA in, beside those that are: {caa.Name}. CAA 0 issue \"{authority}\". A critical tag that CAs do not know keeps all of them out: remove it.");
        }
    }
}

/// <summary>Nobody can tell what the CAA records are.</summary>
internal sealed class PolicyHostCaaLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.caa.lookup.failed", "warning", "the CAA records of the policy host cannot be looked up: no CA may issue",
        "A CA that cannot look up the CAA records must not issue, so that the policy host's certificate is not renewed.",
        "Ask each name server of the zone: dig CAA mta-sts.<domain> @<server>. One that does not answer, or answers SERVFAIL or NOTIMP, needs mending.",
        "RFC 8659 §3, §5.4", TakesThreeLooks: true);

    public bool CanSee(Case given) => given.Places.CertificateAuthority is not null && TxtRecords.CanTellFailure(given, given.Seen.PolicyHost.Caa);

    public IEnumerable<Finding> Judge(Case given)
    {
        var caa = given.Seen.PolicyHost.Caa;
        if (!caa.IsKnown)
        {
            yield return Kind.Found(
                Severity.Warning, given.Seen.PolicyHost.Host, TxtRecords.Failure(caa),
                remedy: $"Ask each name server of the zone: dig CAA {caa.Name} @<server>. One that does not answer, or answers SERVFAIL or NOTIMP, needs mending.");
        }
    }
}

/// <summary>What CAA records allow (RFC 8659).</summary>
internal static class Caa
{
    private const int Critical = 128;

    // Those of RFC 8659 §4.2 to §4.4, RFC 9495, and of the CA/Browser Forum, which every public CA knows.
    private static readonly string[] KnownTags = ["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"];

    /// <summary>Whether a CA may issue for the very name, which is no wildcard, by its relevant records as <c>flags tag value</c>.</summary>
    public static bool Allows(IReadOnlyList<string> records, string authority)
    {
        var properties = records.Select(record => record.Split(' ', 3, StringSplitOptions.TrimEntries)).Where(parts => parts.Length >= 2).ToList();
        if (properties.Any(parts => int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var flags)
            && (flags & Critical) != 0 && !KnownTags.Contains(parts[1], StringComparer.OrdinalIgnoreCase)))
        {
            // §4.1: a critical property that it does not understand forbids all.
            return false;
        }

        // §4.2: without issue nobody is kept out; issuewild is for wildcards alone (§4.3).
        var issuers = properties.Where(parts => parts[1].Equals("issue", StringComparison.OrdinalIgnoreCase)).Select(parts => IssuerOf(parts.ElementAtOrDefault(2) ?? "")).ToList();
        return issuers is [] || issuers.Contains(authority.TrimEnd('.'), StringComparer.OrdinalIgnoreCase);
    }

    // The issuer's domain stands before the first parameter; none, or one that does not parse, is nobody.
    private static string IssuerOf(string value) => value.Trim('"').Split(';')[0].Trim(' ', '\t').TrimEnd('.');
}
