using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Domains;

namespace StsFunctions.CheckDomain.Rules;

/// <summary>A TLSA record (RFC 6698 §2.1).</summary>
internal sealed record TlsaRecord(int Usage, int Selector, int Matching, byte[] Data)
{
    private const int TrustAnchor = 2;
    private const int EndEntity = 3;

    /// <summary>Whether a mail server can use it: DANE-TA or DANE-EE, of known selector and matching (RFC 7672 §3.1).</summary>
    public bool IsUsable => Usage is TrustAnchor or EndEntity && Selector is 0 or 1 && Matching is 0 or 1 or 2;

    /// <summary>Reads <c>usage selector matching hex</c>, or gives null.</summary>
    public static TlsaRecord? Read(string text)
    {
        var parts = text.Split(' ', 4, StringSplitOptions.RemoveEmptyEntries);
        try
        {
            return parts.Length == 4 && parts.Take(3).All(part => byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out _))
                ? new TlsaRecord(Number(parts[0]), Number(parts[1]), Number(parts[2]), Convert.FromHexString(parts[3].Replace(" ", "", StringComparison.Ordinal)))
                : null;
        }
        catch (FormatException)
        {
            return null;
        }

        static int Number(string text) => int.Parse(text, CultureInfo.InvariantCulture);
    }

    /// <summary>Whether it stands for the chain that a session was shown.</summary>
    public bool Matches(TlsSession tls)
    {
        // An end entity is the server's own; a trust anchor must be sent too, unless the record holds it whole (RFC 7671 §5.2.2).
        var candidates = Usage == EndEntity ? tls.Chain.Take(1) : Matching == 0 ? tls.Chain.Concat(tls.Built) : tls.Chain;
        return candidates.Select(Certificates.Read).OfType<X509Certificate2>().Any(certificate => Of(certificate).AsSpan().SequenceEqual(Data));
    }

    private byte[] Of(X509Certificate2 certificate)
    {
        var content = Selector == 0 ? certificate.RawData : certificate.PublicKey.ExportSubjectPublicKeyInfo();
        return Matching switch
        {
            1 => SHA256.HashData(content),
            2 => SHA512.HashData(content),
            _ => content,
        };
    }
}

/// <summary>What the rules about DANE share. Whether a resolver's word counts is for the observation to say: where it does not, nothing is judged.</summary>
internal static class Dane
{
    /// <summary>Whether senders with DANE hold the host to its TLSA records: they are there, and DNSSEC vouches for them.</summary>
    public static bool IsInForce(MxHostObservation host) => host.Tlsa is { Outcome: DnsOutcome.Found, Authentic: true };

    /// <summary>Whether DANE keeps an attacker off, or may do so for all that can be told from here.</summary>
    public static bool MayProtect(MxHostObservation host) =>
        host.Tlsa is { Outcome: DnsOutcome.Found, Authentic: not false } && RecordsOf(host).Any(record => record.IsUsable);

    /// <summary>The records that can be read.</summary>
    public static IReadOnlyList<TlsaRecord> RecordsOf(MxHostObservation host) => [.. host.Tlsa.Records.Select(TlsaRecord.Read).OfType<TlsaRecord>()];

    /// <summary>Whether the resolver's word is known for every host that has TLSA records, or none was found.</summary>
    public static bool AllKnown(Case given) => given.Seen.Mx.IsKnown
        && given.Seen.MxHosts.All(host => host.Tlsa is { IsKnown: true } and ({ Outcome: not DnsOutcome.Found } or { Authentic: not null }));

    /// <summary>Whether anything is known of any host.</summary>
    public static bool AnyKnown(Case given) => given.Seen.Mx.IsKnown && given.Seen.MxHosts.Any(host => host.Tlsa.IsKnown);
}

/// <summary>TLSA records that do not fit what the server shows.</summary>
internal sealed class TlsaMismatch : IRule
{
    public FindingKind Kind { get; } = new(
        "tlsa.mismatch", "critical", "TLSA records that match no certificate which the server shows",
        "Senders with DANE do not deliver to this server, whatever the policy's mode.",
        "Publish the record of the certificate that is shown, and wait for the old one's time to live before the next renewal: _25._tcp.<MX host>. TLSA 3 1 1 <SHA-256 of the public key>",
        "RFC 7672 §2.2, RFC 7671 §8.1");

    public bool CanSee(Case given) => Sessions.CanBeSeen(given) && Dane.AnyKnown(given);

    public bool SeesAll(Case given) => Sessions.AllShowedCertificates(given) && Dane.AllKnown(given);

    public IEnumerable<Finding> Judge(Case given) =>
        from host in given.Seen.MxHosts
        where Dane.IsInForce(host)
        let usable = Dane.RecordsOf(host).Where(record => record.IsUsable).ToList()
        where usable.Count > 0
        let strangers = host.Sessions.Where(session => Certificates.Leaf(session.Tls) is not null && !usable.Any(record => record.Matches(session.Tls!))).ToList()
        where strangers.Count > 0
        let key = SHA256.HashData(Certificates.Leaf(strangers[0].Tls)!.PublicKey.ExportSubjectPublicKeyInfo())
        select Kind.Found(
            Severity.Critical, host.Host,
            $"{string.Join(", ", strangers.Select(session => session.Address))}: the chain shown matches none of TLSA {string.Join(" | ", host.Tlsa.Records)}",
            remedy: $"Publish the record of the certificate that is shown, and wait for the old one's time to live before the next renewal: {host.Tlsa.Name}. TLSA 3 1 1 {Convert.ToHexStringLower(key)}");
}

/// <summary>TLSA records that no mail server can use.</summary>
internal sealed class TlsaUnusable : IRule
{
    public FindingKind Kind { get; } = new(
        "tlsa.unusable", "info", "TLSA records of a kind that is not for mail (usage 0 or 1), or that cannot be read",
        "Senders with DANE pass these records over.",
        "Publish usage 3 or 2 instead: _25._tcp.<MX host>. TLSA 3 1 1 <SHA-256 of the public key>",
        "RFC 7672 §3.1.3");

    public bool CanSee(Case given) => Dane.AnyKnown(given);

    public bool SeesAll(Case given) => given.Seen.Mx.IsKnown && given.Seen.MxHosts.All(host => host.Tlsa.IsKnown);

    public IEnumerable<Finding> Judge(Case given) =>
        from host in given.Seen.MxHosts
        let unusable = host.Tlsa.Records.Where(text => TlsaRecord.Read(text) is not { IsUsable: true }).ToList()
        where unusable.Count > 0
        select Kind.Found(
            Severity.Info, host.Host, $"TLSA {string.Join(" | ", unusable)}",
            remedy: $"Publish usage 3 or 2 instead: {host.Tlsa.Name}. TLSA 3 1 1 <SHA-256 of the public key>");
}

/// <summary>TLSA records that DNSSEC does not vouch for.</summary>
internal sealed class TlsaInsecure : IRule
{
    public FindingKind Kind { get; } = new(
        "tlsa.insecure", "info", "TLSA records in a zone without DNSSEC",
        "Senders with DANE pass these records over, since anybody could forge them.",
        "Sign the zone of the MX host with DNSSEC and have its DS record put into the parent zone, or take the TLSA records away.",
        "RFC 7672 §2.2.2");

    public bool CanSee(Case given) => Dane.AnyKnown(given);

    public bool SeesAll(Case given) => Dane.AllKnown(given);

    public IEnumerable<Finding> Judge(Case given) =>
        from host in given.Seen.MxHosts
        where host.Tlsa is { Outcome: DnsOutcome.Found, Authentic: false }
        select Kind.Found(Severity.Info, host.Host, $"TLSA {string.Join(" | ", host.Tlsa.Records)}");
}

/// <summary>TLSA records that cannot be looked up in a zone that DNSSEC vouches for.</summary>
internal sealed class TlsaLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "tlsa.lookup.failed", "warning", "the TLSA records of an MX host in a signed zone cannot be looked up",
        "Senders with DANE cannot tell whether there are such records, and hold mail to this server back.",
        "Ask each name server of the zone: dig +dnssec TLSA _25._tcp.<MX host> @<server>. Some answer SERVFAIL or not at all to a type that they do not know: update them.",
        "RFC 7672 §2.1.1, §2.2", TakesThreeLooks: true);

    public bool CanSee(Case given) => given.Seen.Mx.IsKnown && given.Seen.MxHosts.Any(host => host.Tlsa.Outcome != DnsOutcome.NotAsked);

    // Whether the zone is signed shows in the answers for its addresses.
    public bool SeesAll(Case given) => MxHosts.AllAddressesKnown(given)
        && given.Seen.MxHosts.All(host => host.Tlsa.IsKnown || (host.Tlsa.Outcome != DnsOutcome.NotAsked && host is { A.Authentic: not null, Aaaa.Authentic: not null }));

    public IEnumerable<Finding> Judge(Case given) =>
        from host in given.Seen.MxHosts
        where host.Tlsa.Outcome is DnsOutcome.Failed or DnsOutcome.TimedOut && (host.A.Authentic == true || host.Aaaa.Authentic == true)
        select Kind.Found(
            Severity.Warning, host.Host, TxtRecords.Failure(host.Tlsa),
            remedy: $"Ask each name server of the zone: dig +dnssec TLSA {host.Tlsa.Name} @<server>. Some answer SERVFAIL or not at all to a type that they do not know: update them.");
}
