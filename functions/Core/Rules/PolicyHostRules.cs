using System.Globalization;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Core.Rules;

/// <summary>What the rules about the policy host share.</summary>
internal static class PolicyHosts
{
    /// <summary>The fetched policy; null where the fetch failed or the policy does not parse.</summary>
    public static Policy? Parsed(RuleContext context) => context.Observation.PolicyHost.Fetch is { Outcome: PolicyFetchOutcome.Fetched, Body: { } body } ? Parse(body, out _) : null;

    /// <summary>Parses a policy, or gives the reason why it does not parse.</summary>
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
    public static IReadOnlyList<string> AddressesOf(RuleContext context) => [.. context.Observation.PolicyHost.A.Records, .. context.Observation.PolicyHost.Aaaa.Records];

    /// <summary>
    /// Whether the host is reachable from here if it is up: most clouds have no IPv6, so a host with IPv6 alone is not observable
    /// until some IPv6 address has answered.
    /// </summary>
    public static bool IsObservable(RuleContext context) => AddressesOf(context) is not []
        && (context.Observation.PolicyHost.A.Records is not [] || context.Observation.MxHosts.SelectMany(host => host.Sessions).Any(session => Sessions.IsIPv6(session) && Sessions.IsReached(session)));

    /// <summary>Whether the fetch got an HTTP status.</summary>
    public static bool Answered(RuleContext context) => context.Observation.PolicyHost.Fetch?.Status is not null;

    /// <summary>Whether the fetch got a whole body.</summary>
    public static bool Served(RuleContext context) => context.Observation.PolicyHost.Fetch is { Outcome: PolicyFetchOutcome.Fetched, Body: not null };

    /// <summary>The certificate that the policy host presented, or null.</summary>
    public static X509Certificate2? Leaf(RuleContext context) => Certificates.Leaf(context.Observation.PolicyHost.Fetch?.Tls);

    /// <summary>
    /// Whether another server serves the policy: neither its name, nor an address, nor its bytes are ours. The bytes decide, because an
    /// unknown name may still lead here through a proxy.
    /// </summary>
    public static bool IsForeign(RuleContext context)
    {
        var host = context.Observation.PolicyHost;
        return context is { HostedDomain: { } hosted, ExpectedTargets.PolicyTargets: not [] and var ours }
            && host is { A.IsKnown: true, Aaaa.IsKnown: true, Fetch: { Outcome: PolicyFetchOutcome.Fetched, Body: { } body } }
            && !host.A.Aliases.Concat(host.Aaaa.Aliases).Concat(AddressesOf(context)).Contains(ours)
            && !body.AsSpan().SequenceEqual(hosted.Bytes);
    }

    private static bool Contains(this IEnumerable<string> places, IReadOnlyList<string> ours) => places.Any(place => ours.Contains(place, StringComparer.OrdinalIgnoreCase));
}

/// <summary>The policy host cannot be looked up.</summary>
internal sealed class PolicyHostLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.address.lookup-failed", "warning, info without a policy", "the policy host's addresses cannot be looked up",
        "Senders cannot fetch the policy: those without a cached copy deliver without its protection.",
        "Query each name server of the zone: dig A mta-sts.<domain> @<server>, and AAAA likewise. One that does not answer, or answers SERVFAIL, is at fault: fix it. If the name is a CNAME, check its target too.",
        "RFC 8461 §3.3", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => TxtRecords.CanTellFailure(context, context.Observation.PolicyHost.A) && context.Observation.PolicyHost.Aaaa.Outcome != DnsOutcome.NotAsked;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var host = context.Observation.PolicyHost;
        // One address is enough for a sender.
        if (PolicyHosts.AddressesOf(context) is [] && !(host.A.IsKnown && host.Aaaa.IsKnown))
        {
            yield return Kind.Found(
                context.SeverityIfPolicyUnavailable, host.Host,
                string.Join("; ", new[] { ("A", Answer: host.A), ("AAAA", Answer: host.Aaaa) }.Where(one => !one.Answer.IsKnown).Select(one => $"{one.Item1}: {TxtRecords.Failure(one.Answer)}")),
                remedy: $"Query each name server of the zone: dig A {host.Host} @<server>, and AAAA likewise. One that does not answer, or answers SERVFAIL, is at fault: fix it. If the name is a CNAME, check its target too.");
        }
    }
}

/// <summary>The policy host has no address in DNS.</summary>
internal sealed class PolicyHostMissing : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.address.missing", "warning, info without a policy", "the policy host has no address in DNS",
        "Senders cannot fetch the policy: those without a cached copy deliver without its protection.",
        "Publish: mta-sts.<domain>. CNAME <host that serves the policy>.",
        "RFC 8461 §3.3, §8.2");

    public bool IsApplicable(RuleContext context) => context.Observation.PolicyHost is { A.IsKnown: true, Aaaa.IsKnown: true };

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var host = context.Observation.PolicyHost;
        if (PolicyHosts.AddressesOf(context) is [])
        {
            var dangling = host.A.CnameTo ?? host.Aaaa.CnameTo;
            yield return Kind.Found(
                context.SeverityIfPolicyUnavailable, host.Host,
                dangling is null ? $"A: {host.A.Outcome}, AAAA: {host.Aaaa.Outcome}" : $"CNAME to {dangling}, which has no address",
                remedy: $"Publish: {host.Host}. CNAME {(context.ExpectedTargets.PolicyTargets is [var target, ..] ? target : "<host that serves the policy>")}.");
        }
    }
}

/// <summary>The policy host is not this app's.</summary>
internal sealed class PolicyHostForeign : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.address.foreign", "warning", "the policy host does not point to this app, and serves another policy",
        "Another server answers senders: they do not get the policy that is published here.",
        "Publish: mta-sts.<domain>. CNAME <host of this app>.",
        "RFC 8461 §3.3, §8.2");

    public bool IsApplicable(RuleContext context) => context.HostedDomain is not null && context.ExpectedTargets.PolicyTargets is not []
        && context.Observation.PolicyHost is { A.IsKnown: true, Aaaa.IsKnown: true } && PolicyHosts.Served(context);

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var host = context.Observation.PolicyHost;
        if (PolicyHosts.IsForeign(context))
        {
            var path = host.A.Aliases.Concat(host.Aaaa.Aliases).Distinct().Concat(PolicyHosts.AddressesOf(context));
            yield return Kind.Found(
                Severity.Warning, host.Host, $"{host.Host} points to {string.Join(", ", path)}, not to {string.Join(" or ", context.ExpectedTargets.PolicyTargets)}",
                remedy: $"Publish: {host.Host}. CNAME {context.ExpectedTargets.PolicyTargets[0]}.");
        }
    }
}

/// <summary>The policy host has only addresses that are not reachable from the Internet.</summary>
internal sealed class PolicyHostAddressPrivate : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.address.private", "warning, info without a policy", "the policy host has only addresses that are not reachable from the Internet",
        "Senders cannot fetch the policy: those without a cached copy deliver without its protection.",
        "Publish a public address: mta-sts.<domain>. CNAME <host that serves the policy>.",
        "RFC 8461 §3.3, RFC 6890 §2.2");

    public bool IsApplicable(RuleContext context) => context.Observation.PolicyHost.Fetch is not null && PolicyHosts.AddressesOf(context) is not [];

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var host = context.Observation.PolicyHost;
        if (host.Fetch is { Outcome: PolicyFetchOutcome.AddressNotAllowed } && PolicyHosts.AddressesOf(context) is not [] and var addresses)
        {
            yield return Kind.Found(context.SeverityIfPolicyUnavailable, host.Host, string.Join(", ", addresses));
        }
    }
}

/// <summary>The policy host accepts no connection.</summary>
internal sealed class PolicyHostUnreachable : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.connection.failed", "warning, info without a policy", "the policy host accepts no connection",
        "Senders cannot fetch the policy: those without a cached copy deliver without its protection.",
        "Check that a web server listens on port 443 at the addresses of this name, and that no firewall blocks it: curl -v https://mta-sts.<domain>/.well-known/mta-sts.txt",
        "RFC 8461 §3.3", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => context.Observation.PolicyHost.Fetch is not null && PolicyHosts.IsObservable(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.NotReached } fetch, Host: var host }
            ? [Kind.Found(context.SeverityIfPolicyUnavailable, host, $"{string.Join(", ", PolicyHosts.AddressesOf(context))}: {fetch.Detail}", remedy: $"Check that a web server listens on port 443 at the addresses of this name, and that no firewall blocks it: curl -v {fetch.Url}")]
            : [];
}

/// <summary>The policy host closes the connection before the policy is complete.</summary>
internal sealed class PolicyHostConnectionDropped : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.connection.dropped", "warning, info without a policy", "the policy host closes the connection before the policy is complete, or does not speak HTTP",
        "Senders cannot fetch the policy: those without a cached copy deliver without its protection.",
        "Check the web server's log at this time, and compare with its answer: curl -v https://mta-sts.<domain>/.well-known/mta-sts.txt",
        "RFC 8461 §3.3", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => context.Observation.PolicyHost.Fetch is { Outcome: not (PolicyFetchOutcome.NotReached or PolicyFetchOutcome.AddressNotAllowed or PolicyFetchOutcome.TlsFailed) };

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.ConnectionDropped } fetch, Host: var host }
            ? [Kind.Found(context.SeverityIfPolicyUnavailable, host, $"{fetch.Outcome}: {fetch.Detail}", remedy: $"Check the web server's log at this time, and compare with its answer: curl -v {fetch.Url}")]
            : [];
}

/// <summary>The policy host takes longer than senders wait.</summary>
internal sealed class PolicyHostTimedOut : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.connection.timed-out", "warning, info without a policy", "the policy host does not send the policy within one minute",
        "RFC 8461 suggests that senders wait one minute, so they give up: those without a cached copy deliver without the policy's protection.",
        "Find out what takes so long: curl -v -w '%{time_total}' https://mta-sts.<domain>/.well-known/mta-sts.txt",
        "RFC 8461 §3.3", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => context.Observation.PolicyHost.Fetch is { Outcome: not (PolicyFetchOutcome.NotReached or PolicyFetchOutcome.AddressNotAllowed or PolicyFetchOutcome.TlsFailed) };

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.TimedOut } fetch, Host: var host }
            ? [Kind.Found(context.SeverityIfPolicyUnavailable, host, $"{fetch.Detail}", remedy: $"Find out what takes so long: curl -v -w '%{{time_total}}' {fetch.Url}")]
            : [];
}

/// <summary>The policy host answers slowly.</summary>
internal sealed class PolicyHostSlow : IRule
{
    private const int Slow = 10_000;

    public FindingKind Kind { get; } = new(
        "policy-host.response.slow", "info", "the policy host takes longer than 10 seconds to send the policy",
        "RFC 8461 suggests that senders wait one minute; some may wait less and give up. Mail that needs the policy waits meanwhile.",
        "Find out what takes so long: curl -v -w '%{time_total}' https://mta-sts.<domain>/.well-known/mta-sts.txt",
        "RFC 8461 §3.3", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => PolicyHosts.Served(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.Fetched, Milliseconds: > Slow } fetch, Host: var host }
            ? [Kind.Found(Severity.Info, host, $"{(fetch.Milliseconds / 1000).ToString(CultureInfo.InvariantCulture)} s", remedy: $"Find out what takes so long: curl -v -w '%{{time_total}}' {fetch.Url}")]
            : [];
}

/// <summary>The TLS handshake with the policy host fails.</summary>
internal sealed class PolicyHostTlsFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.tls.failed", "warning, info without a policy", "the TLS handshake with the policy host fails",
        "Senders cannot fetch the policy: those without a cached copy deliver without its protection.",
        "Check that the web server has a certificate for this name and supports TLS 1.2 or newer: openssl s_client -connect mta-sts.<domain>:443 -servername mta-sts.<domain>",
        "RFC 8461 §3.3, §7", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => context.Observation.PolicyHost.Fetch is { Outcome: not (PolicyFetchOutcome.NotReached or PolicyFetchOutcome.AddressNotAllowed or PolicyFetchOutcome.TimedOut) };

    // Other rules report the faults of a certificate; where they find none, the handshake failed for another reason.
    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        context.Observation.PolicyHost is { Fetch: { Outcome: PolicyFetchOutcome.TlsFailed } fetch, Host: var host }
        && (PolicyHosts.Leaf(context) is not { } leaf || Certificates.RefusalOf(leaf, fetch.Tls!, host, context.Observation.At) is null)
            ? [Kind.Found(context.SeverityIfPolicyUnavailable, host, $"{fetch.Detail}", remedy: $"Check that the web server has a certificate for this name and supports TLS 1.2 or newer: openssl s_client -connect {host}:443 -servername {host}")]
            : [];
}

/// <summary>Senders reject the policy host's certificate.</summary>
internal sealed class PolicyHostCertificate : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.certificate.invalid", "warning, info without a policy", "the policy host's certificate is for another name, expired, not valid yet, or not trusted",
        "Senders reject the certificate and cannot fetch the policy: those without a cached copy deliver without its protection.",
        "Install a certificate for mta-sts.<domain> from a publicly trusted CA, with its whole chain, and find out why the automatic renewal failed: openssl s_client -connect mta-sts.<domain>:443 -servername mta-sts.<domain>",
        "RFC 8461 §3.3, RFC 9525 §6");

    public bool IsApplicable(RuleContext context) => PolicyHosts.Leaf(context) is not null;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var host = context.Observation.PolicyHost.Host;
        if (PolicyHosts.Leaf(context) is { } leaf && Certificates.RefusalOf(leaf, context.Observation.PolicyHost.Fetch!.Tls!, host, context.Observation.At) is { } refusal)
        {
            yield return Kind.Found(
                context.SeverityIfPolicyUnavailable, host, $"the certificate {refusal}",
                remedy: $"Install a certificate for {host} from a publicly trusted CA, with its whole chain, and find out why the automatic renewal failed: openssl s_client -connect {host}:443 -servername {host}");
        }
    }
}

/// <summary>The policy host's certificate expires soon.</summary>
internal sealed class PolicyHostCertificateExpiring : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.certificate.expiring", "info, then warning", "the policy host's certificate expires soon: within 30, 14, 7, 3 or 1 days, or within a fraction of its lifetime if that is short",
        "After the certificate expires, senders cannot fetch the policy: those without a cached copy deliver without its protection.",
        "Renew the certificate of mta-sts.<domain>. If renewal is automatic, it is late: check its log and the CAA records.",
        "RFC 8461 §3.3");

    public bool IsApplicable(RuleContext context) => PolicyHosts.Leaf(context) is not null;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var host = context.Observation.PolicyHost.Host;
        if (PolicyHosts.Leaf(context) is { } leaf && Expiry.StageOf(leaf, context.Observation.At) is > 0 and var stage)
        {
            yield return Kind.Found(
                Expiry.SeverityOf(stage, context.SeverityIfPolicyUnavailable), host, Expiry.Describe(leaf, context.Observation.At),
                remedy: $"Renew the certificate of {host}. If renewal is automatic, it is late: check its log and the CAA records.", stage: stage);
        }
    }
}

/// <summary>CAA records forbid the CA to renew the policy host's certificate.</summary>
internal sealed class PolicyHostCaa : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.caa.mismatch", "warning", "CAA records forbid the CA that renews the policy host's certificate",
        "The CA cannot renew the certificate. After it expires, senders cannot fetch the policy.",
        "Allow the CA, and keep the records for the others: <name of the CAA records>. CAA 0 issue \"<CA>\". A critical tag that CAs do not know forbids all of them to issue: remove it.",
        "RFC 8659 §4.1, §4.2");

    public bool IsApplicable(RuleContext context) => context.ExpectedTargets.CertificateAuthority is not null && context.Observation.PolicyHost.Caa.IsKnown;

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var caa = context.Observation.PolicyHost.Caa;
        if (context.ExpectedTargets.CertificateAuthority is { } authority && !Caa.Allows(caa.Records, authority))
        {
            yield return Kind.Found(
                Severity.Warning, caa.Name, $"CAA {string.Join(" | ", caa.Records)}",
                remedy: $"Allow the CA, and keep the records for the others: {caa.Name}. CAA 0 issue \"{authority}\". A critical tag that CAs do not know forbids all of them to issue: remove it.");
        }
    }
}

/// <summary>The CAA records cannot be looked up.</summary>
internal sealed class PolicyHostCaaLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "policy-host.caa.lookup-failed", "warning", "the CAA records of the policy host cannot be looked up: no CA may issue",
        "A CA that cannot look up the CAA records must not issue, so it cannot renew the policy host's certificate.",
        "Query each name server of the zone: dig CAA mta-sts.<domain> @<server>. One that does not answer, or answers SERVFAIL or NOTIMP, is at fault: fix it.",
        "RFC 8659 §3, §5.4", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => context.ExpectedTargets.CertificateAuthority is not null && TxtRecords.CanTellFailure(context, context.Observation.PolicyHost.Caa);

    public IEnumerable<Finding> Evaluate(RuleContext context)
    {
        var caa = context.Observation.PolicyHost.Caa;
        if (!caa.IsKnown)
        {
            yield return Kind.Found(
                Severity.Warning, context.Observation.PolicyHost.Host, TxtRecords.Failure(caa),
                remedy: $"Query each name server of the zone: dig CAA {caa.Name} @<server>. One that does not answer, or answers SERVFAIL or NOTIMP, is at fault: fix it.");
        }
    }
}

/// <summary>What CAA records allow (RFC 8659).</summary>
internal static class Caa
{
    private const int Critical = 128;

    // Those of RFC 8659 §4.2 to §4.4, RFC 9495, and of the CA/Browser Forum, which every public CA knows.
    private static readonly string[] KnownTags = ["issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"];

    /// <summary>Whether a CA may issue for exactly this name, which is no wildcard, by its relevant records as <c>flags tag value</c>.</summary>
    public static bool Allows(IReadOnlyList<string> records, string authority)
    {
        var properties = records.Select(record => record.Split(' ', 3, StringSplitOptions.TrimEntries)).Where(parts => parts.Length >= 2).ToList();
        if (properties.Any(parts => int.TryParse(parts[0], NumberStyles.None, CultureInfo.InvariantCulture, out var flags)
            && (flags & Critical) != 0 && !KnownTags.Contains(parts[1], StringComparer.OrdinalIgnoreCase)))
        {
            // §4.1: a critical property that the CA does not understand forbids it to issue.
            return false;
        }

        // §4.2: without an issue property every CA may issue; issuewild is for wildcards alone (§4.3).
        var issuers = properties.Where(parts => parts[1].Equals("issue", StringComparison.OrdinalIgnoreCase)).Select(parts => IssuerOf(parts.ElementAtOrDefault(2) ?? "")).ToList();
        return issuers is [] || issuers.Contains(authority.TrimEnd('.'), StringComparer.OrdinalIgnoreCase);
    }

    // The issuer's domain comes before the first parameter; an empty or malformed one allows no CA.
    private static string IssuerOf(string value) => value.Trim('"').Split(';')[0].Trim(' ', '\t').TrimEnd('.');
}
