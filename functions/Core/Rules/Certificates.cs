using System.Formats.Asn1;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;

namespace StsFunctions.Core.Rules;

/// <summary>The certificate that one address of an MX host presented.</summary>
internal sealed record PresentedCertificate(string Host, SmtpSession Session, TlsSession Tls, X509Certificate2 Leaf);

/// <summary>A fault of the certificate that an address presented.</summary>
internal sealed record CertificateFault(Severity Severity, string Evidence, int Stage = 0);

/// <summary>What the rules about certificates share. All of it is hostile: a certificate that cannot be parsed counts as not presented.</summary>
internal static class Certificates
{
    private const string ServerAuthentication = "1.3.6.1.5.5.7.3.1";
    private const string AnyUsage = "2.5.29.37.0";
    private const string RsaKey = "1.2.840.113549.1.1.1";
    private const string EcKey = "1.2.840.10045.2.1";
    private const int LeastRsaBits = 2048;
    private const int MaxListedNames = 20;

    // P-256, P-384 and P-521: what TLS 1.3 knows for certificates (RFC 8446 §4.2.3).
    private static readonly string[] UsualCurves = ["1.2.840.10045.3.1.7", "1.3.132.0.34", "1.3.132.0.35"];

    private static readonly Dictionary<string, string> WeakSignatures = new()
    {
        ["1.2.840.113549.1.1.2"] = "MD2",
        ["1.2.840.113549.1.1.3"] = "MD4",
        ["1.2.840.113549.1.1.4"] = "MD5",
        ["1.2.840.113549.1.1.5"] = "SHA-1",
        ["1.3.14.3.2.29"] = "SHA-1",
        ["1.2.840.10040.4.3"] = "SHA-1",
        ["1.2.840.10045.4.1"] = "SHA-1",
    };

    // Many rules use the same certificate: it is parsed once for the lifetime of its observation.
    private static readonly ConditionalWeakTable<byte[], X509Certificate2> AlreadyRead = [];

    /// <summary>The certificate, or null where the bytes do not parse.</summary>
    public static X509Certificate2? Read(byte[] der)
    {
        try
        {
            return AlreadyRead.GetValue(der, ReadWhole);
        }
        catch (Exception e) when (FailureIsolation.ConcernsItem(e))
        {
            return null;
        }
    }

    // .NET parses most of a certificate on first use: this finds what does not parse here, where it concerns one certificate,
    // and not in the middle of a rule.
    private static X509Certificate2 ReadWhole(byte[] der)
    {
        var certificate = X509CertificateLoader.LoadCertificate(der);
        try
        {
            _ = (certificate.Subject, certificate.Issuer, certificate.SerialNumber, certificate.Thumbprint, certificate.SignatureAlgorithm.Value, certificate.PublicKey.Oid.Value);
            _ = (certificate.NotBefore(), certificate.NotAfter(), certificate.PublicKey.ExportSubjectPublicKeyInfo());
            return certificate;
        }
        catch
        {
            certificate.Dispose();
            throw;
        }
    }

    /// <summary>The server's own certificate, or null where none was presented.</summary>
    public static X509Certificate2? Leaf(TlsSession? tls) => tls?.Chain is [var first, ..] ? Read(first) : null;

    /// <summary>Every server certificate of a default session.</summary>
    public static IEnumerable<PresentedCertificate> Of(RuleContext context) =>
        from host in context.Observation.MxHosts
        from session in host.Sessions
        let leaf = Leaf(session.Tls)
        where leaf is not null
        select new PresentedCertificate(host.Host, session, session.Tls!, leaf);

    /// <summary>The earliest expiry of any presented certificate, or null.</summary>
    public static DateTimeOffset? NextExpiry(RuleContext context) => Of(context).Select(certificate => (DateTimeOffset?)certificate.Leaf.NotAfter()).Min();

    /// <summary>One finding for each host, whichever of its addresses and certificates are at fault.</summary>
    public static IEnumerable<Finding> PerHost(RuleContext context, Func<PresentedCertificate, CertificateFault?> fault, Func<string, CertificateFault, Finding> finding) =>
        Of(context)
            .Select(certificate => (certificate.Host, certificate.Session.Address, Fault: fault(certificate)))
            .Where(evaluated => evaluated.Fault is not null)
            .GroupBy(evaluated => evaluated.Host)
            .Select(host => finding(host.Key, new CertificateFault(
                host.Max(evaluated => evaluated.Fault!.Severity),
                string.Join("; ", host.GroupBy(evaluated => evaluated.Fault!.Evidence).Select(same => $"{string.Join(", ", same.Select(evaluated => evaluated.Address))}: {same.Key}")),
                host.Max(evaluated => evaluated.Fault!.Stage))));

    /// <summary>UTC start and end, because X509Certificate2 gives local time.</summary>
    public static DateTimeOffset NotBefore(this X509Certificate2 certificate) => new(certificate.NotBefore.ToUniversalTime());

    /// <inheritdoc cref="NotBefore"/>
    public static DateTimeOffset NotAfter(this X509Certificate2 certificate) => new(certificate.NotAfter.ToUniversalTime());

    /// <summary>Why a certificate is not for a host by a DNS name of its SAN (RFC 9525 §6.3), or null; a host that is no DNS name has none.</summary>
    public static string? NameFault(X509Certificate2 certificate, string host)
    {
        try
        {
            return Uri.CheckHostName(host) == UriHostNameType.Dns && certificate.MatchesHostname(host, allowWildcards: true, allowCommonName: false)
                ? null
                : $"the certificate is for {NamesOf(certificate)}";
        }
        catch (CryptographicException)
        {
            return "the names in the certificate cannot be parsed";
        }
    }

    /// <summary>Why a certificate is not for TLS servers, or null; one without the extension is for every usage (RFC 5280 §4.2.1.12).</summary>
    public static string? UsageFault(X509Certificate2 certificate)
    {
        try
        {
            var usages = certificate.Extensions.OfType<X509EnhancedKeyUsageExtension>().SelectMany(extension => extension.EnhancedKeyUsages.OfType<Oid>()).Select(usage => usage.Value).ToList();
            return usages is [] || usages.Contains(ServerAuthentication) || usages.Contains(AnyUsage) ? null : $"its extended key usage is {string.Join(", ", usages)}";
        }
        catch (CryptographicException)
        {
            return "its extended key usage cannot be parsed";
        }
    }

    /// <summary>The certificates whose keys and signatures count: the server's own, and those sent with it other than a root, whose own signature does not matter.</summary>
    public static IEnumerable<X509Certificate2> Signed(PresentedCertificate certificate) =>
        certificate.Tls.Chain.Skip(1).Select(Read).OfType<X509Certificate2>().Where(signed => !IsSelfIssued(signed)).Prepend(certificate.Leaf);

    /// <summary>Why a key is too weak or too unusual, or null.</summary>
    public static string? KeyFault(X509Certificate2 certificate)
    {
        try
        {
            switch (certificate.PublicKey.Oid.Value)
            {
                case RsaKey:
                    using (var rsa = certificate.GetRSAPublicKey())
                    {
                        return rsa is { KeySize: < LeastRsaBits } ? $"the key of {certificate.Subject} is RSA with {rsa.KeySize.ToString(CultureInfo.InvariantCulture)} bits" : null;
                    }

                case EcKey:
                    var curve = AsnDecoder.ReadObjectIdentifier(certificate.PublicKey.EncodedParameters?.RawData ?? [], AsnEncodingRules.DER, out _);
                    return UsualCurves.Contains(curve) ? null : $"the key of {certificate.Subject} is on the curve {curve}";
                case var other:
                    return $"the key of {certificate.Subject} is of the type {other}";
            }
        }
        catch (Exception e) when (e is CryptographicException or AsnContentException)
        {
            return $"the key of {certificate.Subject} cannot be parsed";
        }
    }

    /// <summary>Why a signature is too weak, or null.</summary>
    public static string? SignatureFault(X509Certificate2 certificate) =>
        certificate.SignatureAlgorithm.Value is { } algorithm && WeakSignatures.TryGetValue(algorithm, out var hash)
            ? $"{certificate.Subject} is signed with {hash}"
            : null;

    /// <summary>What is out of order in a chain as it was sent, or null.</summary>
    public static string? OrderFault(TlsSession tls)
    {
        var sent = tls.Chain.Select(Read).ToList();
        for (var i = 0; i + 1 < sent.Count; i++)
        {
            // A certificate that signs none of the others is superfluous, and no matter of order.
            if (sent[i] is { } certificate && sent[i + 1] is { } next && !IsIssuedBy(certificate, next) && sent.Skip(i + 2).OfType<X509Certificate2>().Any(later => IsIssuedBy(certificate, later)))
            {
                return $"sent as {string.Join(", ", sent.Select(one => one?.Subject ?? "(not readable)"))}";
            }
        }

        return null;
    }

    /// <summary>The type of a certificate's key, in words.</summary>
    public static string KeyName(X509Certificate2 certificate) => certificate.PublicKey.Oid.Value switch
    {
        RsaKey => "RSA",
        EcKey => "ECDSA",
        var other => other ?? "other",
    };

    /// <summary>Why a strict sender would reject a certificate, in words, or null.</summary>
    public static string? RefusalOf(X509Certificate2 leaf, TlsSession tls, string host, DateTimeOffset at) =>
        leaf.NotAfter() < at ? $"expired {leaf.NotAfter():u}"
        : leaf.NotBefore() > at ? $"is valid only from {leaf.NotBefore():u}"
        : NameFault(leaf, host) is { } name ? $"does not match the host name: {name}"
        : UsageFault(leaf) is { } usage ? $"is not for TLS servers: {usage}"
        : Trust.FaultOf(leaf, tls) is (_, var evidence) ? $"is not trusted: {evidence}"
        : null;

    /// <summary>Whether a certificate names itself as its issuer.</summary>
    public static bool IsSelfIssued(X509Certificate2 certificate) => IsIssuedBy(certificate, certificate);

    private static bool IsIssuedBy(X509Certificate2 certificate, X509Certificate2 issuer) =>
        certificate.IssuerName.RawData.AsSpan().SequenceEqual(issuer.SubjectName.RawData);

    // The names that count: DNS names of the SAN (RFC 9525 §6.3; the CN does not count).
    private static string NamesOf(X509Certificate2 certificate)
    {
        var names = certificate.Extensions.OfType<X509SubjectAlternativeNameExtension>().SelectMany(san => san.EnumerateDnsNames()).Take(MaxListedNames).ToList();
        return names is [] ? "no DNS name" : string.Join(", ", names);
    }
}

/// <summary>Why a chain is not trusted.</summary>
internal enum TrustFault
{
    /// <summary>The server's own certificate is signed by itself.</summary>
    SelfSigned,

    /// <summary>The server sent no issuer of its own certificate.</summary>
    IntermediateMissing,

    /// <summary>The chain does not end at a trusted root, or a certificate in it is not valid.</summary>
    Untrusted,
}

/// <summary>Finds the reason why a chain is not trusted.</summary>
internal static class Trust
{
    // Another rule reports a certificate that is not for TLS servers.
    private const string NotForUsage = "NotValidForUsage";
    private const string PartialChain = "PartialChain";

    /// <summary>The one fault and its evidence; null for a trusted chain.</summary>
    public static (TrustFault Fault, string Evidence)? FaultOf(X509Certificate2 leaf, TlsSession tls)
    {
        var reasons = tls.Trust.Where(reason => !(reason.StartsWith(NotForUsage, StringComparison.Ordinal) && Certificates.UsageFault(leaf) is not null)).ToList();
        if (reasons is [])
        {
            return null;
        }

        var evidence = $"issued by {leaf.Issuer}; {(tls.Sent ?? tls.Chain.Count).ToString(CultureInfo.InvariantCulture)} certificate(s) sent; {string.Join(", ", reasons)}";
        return Certificates.IsSelfIssued(leaf) ? (TrustFault.SelfSigned, "the certificate is self-signed")
            : tls.Built.Count <= 1 && reasons.All(reason => reason.StartsWith(PartialChain, StringComparison.Ordinal)) ? (TrustFault.IntermediateMissing, evidence)
            : (TrustFault.Untrusted, evidence);
    }
}

/// <summary>How soon a certificate expires.</summary>
internal static class Expiry
{
    // A short-lived certificate is always renewed shortly before its end, so its own lifetime bounds each threshold.
    private static readonly (TimeSpan Left, int PartOfLifetime)[] Stages =
    [
        (TimeSpan.FromDays(30), 4), (TimeSpan.FromDays(14), 5), (TimeSpan.FromDays(7), 8), (TimeSpan.FromDays(3), 12), (TimeSpan.FromDays(1), 24),
    ];

    private const int WarningFrom = 2;
    private const int RefusalFrom = 4;

    /// <summary>0 while the expiry is far, then 1 to 5; 0 again after it.</summary>
    public static int StageOf(X509Certificate2 certificate, DateTimeOffset at)
    {
        var left = certificate.NotAfter() - at;
        var lifetime = certificate.NotAfter() - certificate.NotBefore();
        return left < TimeSpan.Zero ? 0 : Stages.Count(stage => left < Least(stage.Left, lifetime / stage.PartOfLifetime));
    }

    /// <summary>The severity of a stage, given the severity of an expired certificate.</summary>
    public static Severity SeverityOf(int stage, Severity atTheEnd) =>
        stage >= RefusalFrom ? atTheEnd : stage >= WarningFrom && atTheEnd > Severity.Info ? Severity.Warning : Severity.Info;

    /// <summary>The expiry, as evidence.</summary>
    public static string Describe(X509Certificate2 certificate, DateTimeOffset at) =>
        string.Create(CultureInfo.InvariantCulture, $"expires {certificate.NotAfter():u}, in {Math.Floor((certificate.NotAfter() - at).TotalDays):0} days");

    private static TimeSpan Least(TimeSpan a, TimeSpan b) => a < b ? a : b;
}
