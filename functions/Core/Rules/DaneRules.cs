using System.Globalization;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;

namespace StsFunctions.Core.Rules;

/// <summary>A TLSA record (RFC 6698 §2.1).</summary>
internal sealed record TlsaRecord(int Usage, int Selector, int Matching, byte[] Data)
{
    private const int TrustAnchor = 2;
    private const int EndEntity = 3;

    /// <summary>Whether senders can use it: DANE-TA or DANE-EE, with a known selector and matching type (RFC 7672 §3.1).</summary>
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

    /// <summary>Whether it matches the chain that the server presented in a session.</summary>
    public bool Matches(TlsSession tls)
    {
        // An end entity is the server's own certificate; the server must send a trust anchor too, unless the record holds all of it (RFC 7671 §5.2.2).
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

/// <summary>What the rules about DANE share. The observation says whether the resolver's answer is authentic; if that is not known, no rule evaluates it.</summary>
internal static class Dane
{
    /// <summary>Whether senders with DANE apply the host's TLSA records: there are some, and DNSSEC authenticates them.</summary>
    public static bool IsInForce(MxHostObservation host) => host.Tlsa is { Outcome: DnsOutcome.Found, Authentic: true };

    /// <summary>Whether DANE protects the host against an attacker, or may do so as far as it is known here.</summary>
    public static bool MayProtect(MxHostObservation host) =>
        host.Tlsa is { Outcome: DnsOutcome.Found, Authentic: not false } && RecordsOf(host).Any(record => record.IsUsable);

    /// <summary>The records that can be read.</summary>
    public static IReadOnlyList<TlsaRecord> RecordsOf(MxHostObservation host) => [.. host.Tlsa.Records.Select(TlsaRecord.Read).OfType<TlsaRecord>()];

    /// <summary>Whether it is known of every host with TLSA records that they are authentic or not.</summary>
    public static bool AllKnown(RuleContext context) => context.Observation.Mx.IsKnown
        && context.Observation.MxHosts.All(host => host.Tlsa is { IsKnown: true } and ({ Outcome: not DnsOutcome.Found } or { Authentic: not null }));

    /// <summary>Whether anything is known of any host.</summary>
    public static bool AnyKnown(RuleContext context) => context.Observation.Mx.IsKnown && context.Observation.MxHosts.Any(host => host.Tlsa.IsKnown);
}

/// <summary>TLSA records that match no certificate of the server.</summary>
internal sealed class TlsaMismatch : IRule
{
    public FindingKind Kind { get; } = new(
        "tlsa.record.mismatch", "critical", "TLSA records that do not match the certificate chain of the server",
        "Senders that support DANE do not deliver to this server, whatever the mode of the policy.",
        "Publish the record for the certificate that the server presents now. Before the next key change, publish the new record first and wait for the old record's time to live: _25._tcp.<MX host>. TLSA 3 1 1 <SHA-256 of the public key>",
        "RFC 7672 §2.2, RFC 7671 §8.1");

    public bool IsApplicable(RuleContext context) => Sessions.CanBeObserved(context) && Dane.AnyKnown(context);

    public bool IsConclusive(RuleContext context) => Sessions.AllPresentedCertificates(context) && Dane.AllKnown(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        from host in context.Observation.MxHosts
        where Dane.IsInForce(host)
        let usable = Dane.RecordsOf(host).Where(record => record.IsUsable).ToList()
        where usable.Count > 0
        let mismatching = host.Sessions.Where(session => Certificates.Leaf(session.Tls) is not null && !usable.Any(record => record.Matches(session.Tls!))).ToList()
        where mismatching.Count > 0
        let key = SHA256.HashData(Certificates.Leaf(mismatching[0].Tls)!.PublicKey.ExportSubjectPublicKeyInfo())
        select Kind.Found(
            Severity.Critical, host.Host,
            $"{string.Join(", ", mismatching.Select(session => session.Address))}: the certificate chain matches none of TLSA {string.Join(" | ", host.Tlsa.Records)}",
            remedy: $"Publish the record for the certificate that the server presents now. Before the next key change, publish the new record first and wait for the old record's time to live: {host.Tlsa.Name}. TLSA 3 1 1 {Convert.ToHexStringLower(key)}");
}

/// <summary>TLSA records that no sender can use.</summary>
internal sealed class TlsaUnusable : IRule
{
    public FindingKind Kind { get; } = new(
        "tlsa.record.unusable", "info", "TLSA records that do not apply to SMTP (usage 0 or 1), or that do not parse",
        "Senders that support DANE treat these records as unusable.",
        "Publish usage 3 or 2 instead: _25._tcp.<MX host>. TLSA 3 1 1 <SHA-256 of the public key>",
        "RFC 7672 §3.1.3");

    public bool IsApplicable(RuleContext context) => Dane.AnyKnown(context);

    public bool IsConclusive(RuleContext context) => context.Observation.Mx.IsKnown && context.Observation.MxHosts.All(host => host.Tlsa.IsKnown);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        from host in context.Observation.MxHosts
        let unusable = host.Tlsa.Records.Where(text => TlsaRecord.Read(text) is not { IsUsable: true }).ToList()
        where unusable.Count > 0
        select Kind.Found(
            Severity.Info, host.Host, $"TLSA {string.Join(" | ", unusable)}",
            remedy: $"Publish usage 3 or 2 instead: {host.Tlsa.Name}. TLSA 3 1 1 <SHA-256 of the public key>");
}

/// <summary>TLSA records that DNSSEC does not authenticate.</summary>
internal sealed class TlsaInsecure : IRule
{
    public FindingKind Kind { get; } = new(
        "tlsa.record.insecure", "info", "TLSA records in a zone without DNSSEC",
        "Senders that support DANE ignore these records, because an attacker could forge them.",
        "Sign the zone of the MX host with DNSSEC and add its DS record to the parent zone, or remove the TLSA records.",
        "RFC 7672 §2.2.2");

    public bool IsApplicable(RuleContext context) => Dane.AnyKnown(context);

    public bool IsConclusive(RuleContext context) => Dane.AllKnown(context);

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        from host in context.Observation.MxHosts
        where host.Tlsa is { Outcome: DnsOutcome.Found, Authentic: false }
        select Kind.Found(Severity.Info, host.Host, $"TLSA {string.Join(" | ", host.Tlsa.Records)}");
}

/// <summary>TLSA records that cannot be looked up in a zone that is signed with DNSSEC.</summary>
internal sealed class TlsaLookupFailed : IRule
{
    public FindingKind Kind { get; } = new(
        "tlsa.record.lookup-failed", "warning", "the TLSA records of an MX host in a signed zone cannot be looked up",
        "Senders that support DANE cannot find out whether there are TLSA records, so they do not deliver to this server until the lookup works.",
        "Query each name server of the zone: dig +dnssec TLSA _25._tcp.<MX host> @<server>. Some name servers answer SERVFAIL, or nothing, for a record type that they do not know: update them.",
        "RFC 7672 §2.1.1, §2.2", RequiresConfirmation: true);

    public bool IsApplicable(RuleContext context) => context.Observation.Mx.IsKnown && context.Observation.MxHosts.Any(host => host.Tlsa.Outcome != DnsOutcome.NotAsked);

    // The answers for the addresses show whether the zone is signed.
    public bool IsConclusive(RuleContext context) => MxHosts.AllAddressesKnown(context)
        && context.Observation.MxHosts.All(host => host.Tlsa.IsKnown || (host.Tlsa.Outcome != DnsOutcome.NotAsked && host is { A.Authentic: not null, Aaaa.Authentic: not null }));

    public IEnumerable<Finding> Evaluate(RuleContext context) =>
        from host in context.Observation.MxHosts
        where host.Tlsa.Outcome is DnsOutcome.Failed or DnsOutcome.TimedOut && (host.A.Authentic == true || host.Aaaa.Authentic == true)
        select Kind.Found(
            Severity.Warning, host.Host, TxtRecords.Failure(host.Tlsa),
            remedy: $"Query each name server of the zone: dig +dnssec TLSA {host.Tlsa.Name} @<server>. Some name servers answer SERVFAIL, or nothing, for a record type that they do not know: update them.");
}
