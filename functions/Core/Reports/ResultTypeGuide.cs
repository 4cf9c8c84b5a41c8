using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Reports;

/// <summary>What a result type means for mail, and what to do about it.</summary>
/// <param name="ResultType">The type, as it stands in reports.</param>
/// <param name="Meaning">One sentence.</param>
/// <param name="Remedy">What to do.</param>
/// <param name="Rfc">The section that it rests on.</param>
internal sealed record ResultTypeAdvice(string ResultType, string Meaning, string Remedy, string Rfc);

/// <summary>Every result type of the registry explained (RFC 8460 §4.3), and what to make of one that it does not have.</summary>
internal static class ResultTypeGuide
{
    /// <summary>In a result type's place, where a sender counts failures and gives no details of them.</summary>
    public const string NoReason = "(no reason given)";

    /// <summary>In a result type's place, for all that the registry does not have and no known signer reports.</summary>
    public const string Unregistered = "(unregistered result type)";

    private static readonly Dictionary<string, ResultTypeAdvice> s_known = new ResultTypeAdvice[]
    {
        new(
            ResultTypes.StartTlsNotSupported,
            "The MX host did not offer STARTTLS: under enforce such mail is not delivered to it, otherwise it went in plain text.",
            "Switch STARTTLS on at the host that the report names, on every address; if it is on, look for a firewall that strips it, and for a limit on TLS sessions at busy hours.",
            "RFC 8460 §4.3.1"),
        new(
            ResultTypes.CertificateHostMismatch,
            "The certificate is for other names than the MX host's: senders that honour the policy do not deliver to this host.",
            "Put the MX host's name, as it stands in DNS, into the certificate's DNS names (not only the common name), and see that the server picks that certificate for this name (SNI).",
            "RFC 8460 §4.3.1, RFC 8461 §4.1"),
        new(
            ResultTypes.CertificateExpired,
            "The certificate has expired: senders that honour the policy do not deliver to this host.",
            "Renew the certificate on the host that the report names, restart what serves SMTP, and find out why the renewal did not come by itself.",
            "RFC 8460 §4.3.1, RFC 8461 §4.1"),
        new(
            ResultTypes.CertificateNotTrusted,
            "The certificate does not chain to a root that the sender trusts: senders that honour the policy do not deliver to this host.",
            "Serve the whole chain, intermediates included, from a public certificate authority; `openssl s_client -starttls smtp -connect <host>:25 -showcerts` shows what is sent.",
            "RFC 8460 §4.3.1, RFC 8461 §4.1"),
        new(
            ResultTypes.ValidationFailure,
            "The TLS session failed for a reason that fits no other type, often a version or cipher suite that the two do not have in common.",
            "Look at the sender's own words in the report's details, and at the host's mail log at that time; offer TLS 1.2 and TLS 1.3.",
            "RFC 8460 §4.3.1"),
        new(
            ResultTypes.TlsaInvalid,
            "The TLSA records are unusable, or none matches the certificate: senders that use DANE do not deliver to this host.",
            "Publish TLSA records that match the certificate now served (`3 1 1` with its key's SHA-256 is robust), and at each change of key the new record two TTLs before the key.",
            "RFC 8460 §4.3.2.1, RFC 7672 §3"),
        new(
            ResultTypes.DnssecInvalid,
            "DNSSEC gave no valid answer for the MX host or its TLSA records: senders that use DANE put the mail off.",
            "Check the zone's signatures and its DS record at the parent (`delv @<resolver> _25._tcp.<host> TLSA`), and that signatures are renewed before they end.",
            "RFC 8460 §4.3.2.1, RFC 7672 §2.1"),
        new(
            ResultTypes.DaneRequired,
            "The sender is set to require DANE for this domain, and the host has no TLSA records: it does not deliver.",
            "Publish DNSSEC-signed TLSA records for every MX host, or ask this sender to stop requiring DANE for the domain.",
            "RFC 8460 §4.3.2.1, RFC 7672 §6"),
        new(
            ResultTypes.StsPolicyFetchError,
            "The sender could not fetch the MTA-STS policy: without a copy in its cache it delivers without the policy's protection.",
            "Look at https://mta-sts.<domain>/.well-known/mta-sts.txt from outside, at its DNS name and its certificate; if it is well, the sender's own network may have been at fault.",
            "RFC 8460 §4.3.2.2, RFC 8461 §3.3"),
        new(
            ResultTypes.StsPolicyInvalid,
            "The sender fetched the MTA-STS policy and could not parse it: it delivers as if there were none.",
            "Compare what https://mta-sts.<domain>/.well-known/mta-sts.txt serves with the policy that is published here: something in between, such as a proxy or another host, may answer in its place.",
            "RFC 8460 §4.3.2.2, RFC 8461 §3.2"),
        new(
            ResultTypes.StsWebPkiInvalid,
            "The policy host's HTTPS certificate is not valid to the sender: it takes no new policy, and delivers without its protection.",
            "Check the certificate of mta-sts.<domain>: its name, its dates and its chain; on a managed edge, that the host name is still bound.",
            "RFC 8460 §4.3.2.2, RFC 8461 §3.3"),
    }.ToDictionary(advice => advice.ResultType);

    /// <summary>What the registry's types mean.</summary>
    public static IReadOnlyCollection<ResultTypeAdvice> All => s_known.Values;

    private static readonly ResultTypeAdvice s_noReason = new(
        NoReason,
        "Sessions failed, and the sender does not say why: whether such mail was delivered is not known.",
        "Compare with what other senders report and with the checks of this domain; ask the sender by the contact-info of its report.",
        "RFC 8460 §4.4");

    /// <summary>What a type means; a type that the registry does not have is kept as it came (RPT-4).</summary>
    public static ResultTypeAdvice Of(string resultType) => resultType == NoReason ? s_noReason : s_known.GetValueOrDefault(resultType) ?? new ResultTypeAdvice(
        resultType,
        "Sessions failed for a reason that is not in the registry of result types: whether such mail was delivered is the sender's to say.",
        "Look at the sender's own words in the report's details, and ask its contact-info what it means.",
        "RFC 8460 §4.3");
}
