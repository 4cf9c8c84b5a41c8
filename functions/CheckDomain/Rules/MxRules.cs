using StsFunctions.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>The MX records cannot be looked up.</summary>
internal sealed class MxLookupFailed : IRule
{
    public string Code => "mx.lookup.failed";

    public bool CanSee(Case given) => true;

    public IEnumerable<Finding> Judge(Case given)
    {
        var mx = given.Seen.Mx;
        if (!mx.IsKnown)
        {
            yield return new Finding(
                Code, Severity.Warning, mx.Name,
                $"{mx.Outcome}: {mx.Detail}",
                "Senders that cannot look up the MX records either hold mail back, and return it after some days.",
                $"Ask each of the domain's name servers: dig MX {mx.Name} @<server>. One that does not answer, or answers SERVFAIL, needs mending.",
                "RFC 5321 §5.1");
        }
    }
}

/// <summary>The domain does not exist in DNS.</summary>
internal sealed class MxMissing : IRule
{
    public string Code => "mx.missing";

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var mx = given.Seen.Mx;
        if (mx.Outcome == DnsOutcome.NxDomain)
        {
            yield return new Finding(
                Code, Severity.Critical, mx.Name,
                "DNS answers NXDOMAIN: there is no such name",
                "No sender can deliver mail to the domain.",
                "Check that the domain's registration has not lapsed and that its delegation points at the right name servers.",
                "RFC 5321 §5.1");
        }
    }
}

/// <summary>The domain says that it takes no mail.</summary>
internal sealed class MxNull : IRule
{
    public string Code => "mx.null";

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var mx = given.Seen.Mx;
        if (mx.Records.Any(record => record.EndsWith(" .", StringComparison.Ordinal)))
        {
            yield return new Finding(
                Code, Severity.Info, mx.Name,
                $"MX {string.Join(", ", mx.Records)}",
                "The null MX says that the domain takes no mail, so its policy protects nothing.",
                $"If the domain should receive mail, replace the record: {mx.Name}. MX 10 <mail server>.",
                "RFC 7505 §3");
        }
    }
}

/// <summary>The domain has no MX record and stands for itself.</summary>
internal sealed class MxImplicit : IRule
{
    public string Code => "mx.implicit";

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        var mx = given.Seen.Mx;
        if (mx.Outcome == DnsOutcome.Empty)
        {
            yield return new Finding(
                Code, Severity.Info, mx.Name,
                "no MX record",
                "Senders take the domain itself for its mail server.",
                $"Publish the mail server by name: {mx.Name}. MX 10 <mail server>.",
                "RFC 5321 §5.1");
        }
    }
}

/// <summary>An MX host that no pattern of the policy covers.</summary>
internal sealed class MxUncovered : IRule
{
    public string Code => "mx.uncovered";

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown;

    public IEnumerable<Finding> Judge(Case given)
    {
        if (given.Policy.Mode == PolicyMode.None)
        {
            yield break;
        }

        foreach (var host in given.Seen.MxHosts.Where(host => !(DomainName.TryParse(host.Host, out var name) && given.Policy.Covers(name))))
        {
            yield return new Finding(
                Code, given.WhenRefused, host.Host,
                $"MX {host.Preference} {host.Host}; the policy lists {string.Join(", ", given.Policy.Mx)}",
                $"No mx pattern of the policy covers this server: {given.Consequence}.",
                $"If it is yours, publish a policy with the line \"mx: {host.Host}\" and then the new id. If not, remove the MX record.",
                "RFC 8461 §4.1");
        }
    }
}

/// <summary>An MX host that is a CNAME.</summary>
internal sealed class MxAlias : IRule
{
    public string Code => "mx.cname";

    public bool CanSee(Case given) => true;

    public bool SeesAll(Case given) => Sessions.KnowsAllAddresses(given);

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.MxHosts
            .Where(host => !host.Implicit && (host.A.CnameTo ?? host.Aaaa.CnameTo) is not null)
            .Select(host => new Finding(
                Code, Severity.Warning, host.Host,
                $"{host.Host} is a CNAME for {host.A.CnameTo ?? host.Aaaa.CnameTo}",
                "An MX record must not point at a CNAME; some senders refuse it.",
                $"Give {host.Host} its own A and AAAA records, or let the MX record name {host.A.CnameTo ?? host.Aaaa.CnameTo}, and the policy and certificate with it.",
                "RFC 5321 §5.1, RFC 2181 §10.3"));
}

/// <summary>An MX host without an address.</summary>
internal sealed class MxNoAddress : IRule
{
    public string Code => "mx.no-address";

    public bool CanSee(Case given) => true;

    public bool SeesAll(Case given) => Sessions.KnowsAllAddresses(given);

    public IEnumerable<Finding> Judge(Case given) =>
        given.Seen.MxHosts
            .Where(host => host.A.IsKnown && host.Aaaa.IsKnown && host.A.Records.Count == 0 && host.Aaaa.Records.Count == 0)
            .Select(host => new Finding(
                Code, given.Seen.MxHosts.Count == 1 ? Severity.Critical : Severity.Warning, host.Host,
                $"A: {host.A.Outcome}, AAAA: {host.Aaaa.Outcome}",
                "Nobody can connect to this server.",
                $"Publish its address, or remove the MX record: {host.Host}. A <address>",
                "RFC 5321 §5.1"));
}
