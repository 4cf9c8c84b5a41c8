using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace StsFunctions.Local.Lab;

/// <summary>
/// A certificate authority in memory only: a root, an intermediate, and a leaf for any name.
/// It writes into no certificate store.
/// </summary>
public sealed class PrivateCa : IDisposable
{
    private const int MaxCommonNameLength = 64; // RFC 5280, appendix A: ub-common-name

    private readonly TimeProvider _time;
    private readonly Authority _ours;
    private readonly Lazy<Authority> _untrusted;

    /// <summary>Makes the root and the intermediate, valid at the current time of <paramref name="time"/>.</summary>
    public PrivateCa(TimeProvider time)
    {
        _time = time;
        _ours = new Authority("Lab", time.GetUtcNow());
        _untrusted = new(() => new Authority("Untrusted", time.GetUtcNow()));
    }

    /// <summary>The root, without its key.</summary>
    public X509Certificate2 Root => _ours.Root;

    /// <summary>The intermediate that signs, without its key.</summary>
    public X509Certificate2 Intermediate => _ours.Intermediate;

    /// <summary>The root as PEM, for clients that trust this CA.</summary>
    public string RootPem => _ours.Root.ExportCertificatePem();

    /// <summary>Issues a leaf as <paramref name="spec"/> says, including its faults.</summary>
    /// <exception cref="CryptographicException">The times or names cannot be written into a certificate.</exception>
    public IssuedCertificate Issue(CertificateSpec spec)
    {
        using AsymmetricAlgorithm key = spec.Key == KeyKind.Rsa ? RSA.Create(2048) : ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = _time.GetUtcNow();
        var (notBefore, notAfter) = (now + spec.NotBeforeFromNow, now + spec.NotAfterFromNow);
        var request = Request(spec, key);
        var authority = spec.Signer == CertificateSigner.UntrustedCa ? _untrusted.Value : _ours;

        using var signed = spec.Signer == CertificateSigner.Itself
            ? request.CreateSelfSigned(notBefore, notAfter)
            : authority.Sign(request, notBefore, notAfter);
        var leaf = spec.Signer == CertificateSigner.Itself ? WithKey(signed) : WithKey(signed, key);

        return new IssuedCertificate(spec, leaf, spec.Signer == CertificateSigner.Itself ? [] : Chain(spec.Sends, authority));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _ours.Dispose();
        if (_untrusted.IsValueCreated)
        {
            _untrusted.Value.Dispose();
        }
    }

    private static IReadOnlyList<X509Certificate2> Chain(SentChain sends, Authority authority) => sends switch
    {
        SentChain.InOrder => [authority.Intermediate],
        SentChain.LeafOnly => [],
        SentChain.Misordered => [authority.Root, authority.Intermediate],
        _ => throw new ArgumentOutOfRangeException(nameof(sends), sends, "Not a chain that can be sent."),
    };

    private static CertificateRequest Request(CertificateSpec spec, AsymmetricAlgorithm key)
    {
        var subject = new X500DistinguishedNameBuilder();
        if ((spec.CommonName ?? spec.DnsNames.FirstOrDefault(name => name.Length <= MaxCommonNameLength)) is { } commonName)
        {
            subject.AddCommonName(commonName);
        }

        var request = key is RSA rsa
            ? new CertificateRequest(subject.Build(), rsa, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            : new CertificateRequest(subject.Build(), (ECDsa)key, HashAlgorithmName.SHA256);
        var extensions = request.CertificateExtensions;
        extensions.Add(new X509BasicConstraintsExtension(false, false, 0, critical: true));
        extensions.Add(new X509KeyUsageExtension(
            key is RSA ? X509KeyUsageFlags.DigitalSignature | X509KeyUsageFlags.KeyEncipherment : X509KeyUsageFlags.DigitalSignature,
            critical: true));
        extensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
        if (spec.ExtendedKeyUsage is { } usage)
        {
            extensions.Add(new X509EnhancedKeyUsageExtension([usage], critical: false));
        }

        if (spec.DnsNames.Count > 0)
        {
            var names = new SubjectAlternativeNameBuilder();
            foreach (var name in spec.DnsNames)
            {
                names.AddDnsName(name);
            }

            extensions.Add(names.Build());
        }

        return request;
    }

    private static X509Certificate2 WithKey(X509Certificate2 signed, AsymmetricAlgorithm key)
    {
        using var paired = key is RSA rsa ? signed.CopyWithPrivateKey(rsa) : signed.CopyWithPrivateKey((ECDsa)key);
        return WithKey(paired);
    }

    // A round trip through PKCS#12: the TLS of some platforms does not take the ephemeral key of a new certificate.
    private static X509Certificate2 WithKey(X509Certificate2 paired) =>
        X509CertificateLoader.LoadPkcs12(paired.Export(X509ContentType.Pkcs12), null);

    private sealed class Authority : IDisposable
    {
        private readonly ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);

        public Authority(string name, DateTimeOffset now)
        {
            // A name of its own for each CA: two in one process must not be confused.
            var tag = Convert.ToHexString(RandomNumberGenerator.GetBytes(4));

            using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
            var root = Request($"StsFunctions {name} Root {tag}", rootKey, pathLength: 1);
            using var rootWithKey = root.CreateSelfSigned(now.AddYears(-10), now.AddYears(20));
            Root = X509CertificateLoader.LoadCertificate(rootWithKey.RawData);

            Intermediate = Sign(
                Request($"StsFunctions {name} Intermediate {tag}", _key, pathLength: 0),
                Root, rootKey, now.AddYears(-9), now.AddYears(19));
        }

        public X509Certificate2 Root { get; }

        public X509Certificate2 Intermediate { get; }

        public X509Certificate2 Sign(CertificateRequest request, DateTimeOffset notBefore, DateTimeOffset notAfter) =>
            Sign(request, Intermediate, _key, notBefore, notAfter);

        public void Dispose()
        {
            _key.Dispose();
            Root.Dispose();
            Intermediate.Dispose();
        }

        private static X509Certificate2 Sign(
            CertificateRequest request, X509Certificate2 issuer, ECDsa key, DateTimeOffset notBefore, DateTimeOffset notAfter)
        {
            request.CertificateExtensions.Add(
                X509AuthorityKeyIdentifierExtension.CreateFromCertificate(issuer, includeKeyIdentifier: true, includeIssuerAndSerial: false));
            var serial = RandomNumberGenerator.GetBytes(16);
            serial[0] = (byte)(serial[0] & 0x7F | 0x40); // positive, and never shorter (RFC 5280 §4.1.2.2)

            // The generator overload takes a leaf whose key is of another kind than the issuer's.
            return request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(key), notBefore, notAfter, serial);
        }

        private static CertificateRequest Request(string commonName, ECDsa key, int pathLength)
        {
            var subject = new X500DistinguishedNameBuilder();
            subject.AddCommonName(commonName);
            var request = new CertificateRequest(subject.Build(), key, HashAlgorithmName.SHA256);
            request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, true, pathLength, critical: true));
            request.CertificateExtensions.Add(
                new X509KeyUsageExtension(X509KeyUsageFlags.KeyCertSign | X509KeyUsageFlags.CrlSign, critical: true));
            request.CertificateExtensions.Add(new X509SubjectKeyIdentifierExtension(request.PublicKey, critical: false));
            return request;
        }
    }
}
