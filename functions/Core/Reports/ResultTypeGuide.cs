using StsFunctions.Protocol.TlsRpt;

namespace StsFunctions.Core.Reports;

/// <summary>What a result type means for mail, and what to do about it.</summary>
/// <param name="ResultType">The type, as reports contain it.</param>
/// <param name="Meaning">What it means for mail.</param>
/// <param name="Remedy">What to do.</param>
/// <param name="Rfc">The RFC section on which it is based.</param>
internal sealed record ResultTypeAdvice(string ResultType, string Meaning, string Remedy, string Rfc);

/// <summary>Explains every registered result type (RFC 8460 §4.3), and what to do about one that is not registered.</summary>
internal static class ResultTypeGuide
{
    /// <summary>Replaces the result type where a sender counts failures and gives no details.</summary>
    public const string NoReason = "(no reason given)";

    /// <summary>Replaces every result type that is not registered and that no trusted signer reports.</summary>
    public const string Unregistered = "(unregistered result type)";

    private static readonly Dictionary<string, ResultTypeAdvice> Known = new ResultTypeAdvice[]
    {
        new(
            ResultTypes.StartTlsNotSupported,
            "The MX host did not offer STARTTLS: under enforce, senders that honour the policy do not deliver to it; otherwise they delivered in plain text.",
            "Enable STARTTLS on every address of the host that the report names. If it is enabled, check for a firewall that removes it, and for a limit on TLS sessions at busy hours.",
            "RFC 8460 §4.3.1"),
        new(
            ResultTypes.CertificateHostMismatch,
            "The certificate does not match the MX host name: under enforce, senders that honour the policy do not deliver to this host.",
            "Add the MX host name, as in DNS, to the certificate's DNS names (a common name does not count), and check that the server selects that certificate for this name (SNI).",
            "RFC 8460 §4.3.1, RFC 8461 §4.1"),
        new(
            ResultTypes.CertificateExpired,
            "The certificate has expired: under enforce, senders that honour the policy do not deliver to this host.",
            "Renew the certificate on the host that the report names, reload the mail server, and find out why the automatic renewal failed.",
            "RFC 8460 §4.3.1, RFC 8461 §4.1"),
        new(
            ResultTypes.CertificateNotTrusted,
            "The certificate does not chain to a root that the sender trusts: under enforce, senders that honour the policy do not deliver to this host.",
            "Install a certificate from a publicly trusted CA and send the whole chain, intermediate certificates included; `openssl s_client -starttls smtp -connect <host>:25 -showcerts` shows what the host sends.",
            "RFC 8460 §4.3.1, RFC 8461 §4.1"),
        new(
            ResultTypes.ValidationFailure,
            "The TLS session failed for a reason that fits no other type, often because both sides support no common version or cipher suite.",
            "Read the sender's own text in the report's details, and check the host's mail log at that time; enable TLS 1.2 and TLS 1.3.",
            "RFC 8460 §4.3.1"),
        new(
            ResultTypes.TlsaInvalid,
            "The TLSA records are unusable, or none matches the certificate: senders that support DANE do not deliver to this host.",
            "Publish TLSA records that match the certificate now in use (`3 1 1` with the SHA-256 of its key is robust). Before each key change, publish the new record two TTLs before you change the key.",
            "RFC 8460 §4.3.2.1, RFC 7672 §3"),
        new(
            ResultTypes.DnssecInvalid,
            "DNSSEC validation failed for the MX host or its TLSA records: senders that support DANE do not deliver until it works.",
            "Check the zone's signatures and its DS record in the parent zone (`delv @<resolver> _25._tcp.<host> TLSA`), and check that the signatures are renewed before they expire.",
            "RFC 8460 §4.3.2.1, RFC 7672 §2.1"),
        new(
            ResultTypes.DaneRequired,
            "The sender is configured to require DANE for this domain, and the host has no DNSSEC-validated TLSA records: this sender does not deliver.",
            "Publish DNSSEC-signed TLSA records for every MX host, or ask this sender to stop requiring DANE for the domain.",
            "RFC 8460 §4.3.2.1, RFC 7672 §6"),
        new(
            ResultTypes.StsPolicyFetchError,
            "The sender could not fetch the MTA-STS policy: without a cached copy it delivers without the policy's protection.",
            "Fetch https://mta-sts.<domain>/.well-known/mta-sts.txt from outside, and check its DNS name and its certificate. If all of it works, the sender's own network may have been at fault.",
            "RFC 8460 §4.3.2.2, RFC 8461 §3.3"),
        new(
            ResultTypes.StsPolicyInvalid,
            "The sender fetched the MTA-STS policy and could not parse it: without a cached copy it delivers without the policy's protection.",
            "Compare https://mta-sts.<domain>/.well-known/mta-sts.txt with the policy that is published here: a proxy or another host may answer in place of this app.",
            "RFC 8460 §4.3.2.2, RFC 8461 §3.2"),
        new(
            ResultTypes.StsWebPkiInvalid,
            "The sender rejects the policy host's HTTPS certificate: it cannot fetch the policy, and without a cached copy it delivers without the policy's protection.",
            "Check the certificate of mta-sts.<domain>: its name, its dates and its chain. If a cloud service manages it, check that the host name is still bound there.",
            "RFC 8460 §4.3.2.2, RFC 8461 §3.3"),
    }.ToDictionary(advice => advice.ResultType);

    /// <summary>The advice for every registered type.</summary>
    public static IReadOnlyCollection<ResultTypeAdvice> All => Known.Values;

    private static readonly ResultTypeAdvice Reasonless = new(
        NoReason,
        "Sessions failed, and the sender does not report why: it is not known whether it delivered such mail.",
        "Compare with the reports of other senders and with the checks of this domain; ask the sender at the contact-info of its report.",
        "RFC 8460 §4.4");

    /// <summary>The advice for a type; a type that is not registered is shown as it came (RPT-4).</summary>
    public static ResultTypeAdvice Of(string resultType) => resultType == NoReason ? Reasonless : Known.GetValueOrDefault(resultType) ?? new ResultTypeAdvice(
        resultType,
        "Sessions failed for a reason that is not a registered result type: only the sender knows whether it delivered such mail.",
        "Read the sender's own text in the report's details, and ask the contact-info of its report what it means.",
        "RFC 8460 §4.3");
}
