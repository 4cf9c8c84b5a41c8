using System.Collections.Frozen;

namespace StsFunctions.Protocol.TlsRpt;

/// <summary>The result types of the registry "STARTTLS Validation Result Types" (RFC 8460 §4.3, §6.6).</summary>
public static class ResultTypes
{
    /// <summary>The receiving host did not offer STARTTLS.</summary>
    public const string StartTlsNotSupported = "starttls-not-supported";

    /// <summary>The certificate is for other names than the MX host's.</summary>
    public const string CertificateHostMismatch = "certificate-host-mismatch";

    /// <summary>The certificate has expired.</summary>
    public const string CertificateExpired = "certificate-expired";

    /// <summary>The certificate does not chain to a root that the sender trusts.</summary>
    public const string CertificateNotTrusted = "certificate-not-trusted";

    /// <summary>A failure that fits none of the others.</summary>
    public const string ValidationFailure = "validation-failure";

    /// <summary>No usable TLSA record, or none that matches (DANE).</summary>
    public const string TlsaInvalid = "tlsa-invalid";

    /// <summary>No valid DNSSEC answer for the TLSA records (DANE).</summary>
    public const string DnssecInvalid = "dnssec-invalid";

    /// <summary>The sender requires DANE and the host has no TLSA record.</summary>
    public const string DaneRequired = "dane-required";

    /// <summary>The MTA-STS policy could not be fetched.</summary>
    public const string StsPolicyFetchError = "sts-policy-fetch-error";

    /// <summary>The MTA-STS policy was fetched and is invalid.</summary>
    public const string StsPolicyInvalid = "sts-policy-invalid";

    /// <summary>The policy host's HTTPS certificate is not valid.</summary>
    public const string StsWebPkiInvalid = "sts-webpki-invalid";

    /// <summary>Every registered type.</summary>
    public static FrozenSet<string> All { get; } = FrozenSet.Create(
        StringComparer.Ordinal,
        StartTlsNotSupported,
        CertificateHostMismatch,
        CertificateExpired,
        CertificateNotTrusted,
        ValidationFailure,
        TlsaInvalid,
        DnssecInvalid,
        DaneRequired,
        StsPolicyFetchError,
        StsPolicyInvalid,
        StsWebPkiInvalid);

    /// <summary>Whether the registry has the type, in exactly this spelling.</summary>
    public static bool IsRegistered(string resultType) => All.Contains(resultType);
}
