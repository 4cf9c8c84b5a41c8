using System.Formats.Asn1;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Local.Lab;
using DnsAnswer = StsFunctions.Core.Observations.DnsAnswer;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>Observations made by hand: a healthy domain, to be changed in one way.</summary>
internal static class TestObservations
{
    public const string PolicyId = "20260301000000";
    public static readonly DateTimeOffset At = TestStorage.Noon;

    /// <summary>Represents the published bytes in a fetch.</summary>
    public static readonly byte[] AsPublished = [];

    private static readonly PrivateCa Ca = new(new FakeTimeProvider(At));
    private static readonly Lazy<TlsSession> PolicyHostCertificate = new(() => Certificate("mta-sts.example.com"));

    /// <summary>The targets of the app that hosts the domain.</summary>
    public static ExpectedTargets ExpectedTargets { get; } = new(["app.example.net"], ["https://app.example.net/v1/tlsrpt"], "ca.example");

    public static Observation Good { get; } = With(Host("mx1.example.com", Session("192.0.2.1", Certificate("mx1.example.com"))));

    public static Observation With(params MxHostObservation[] hosts) => new(
        Observation.CurrentVersion, "example.com", "20260314120000000", At,
        Found("example.com", [.. hosts.Select(host => $"{host.Preference} {host.Host}")]),
        Found("_mta-sts.example.com", $"v=STSv1; id={PolicyId};"),
        Found("_smtp._tls.example.com", "v=TLSRPTv1; rua=mailto:reports@example.com,https://app.example.net/v1/tlsrpt"),
        Found("_dmarc.example.com", "v=DMARC1; p=reject"),
        new PolicyHostObservation(
            "mta-sts.example.com",
            Found("mta-sts.example.com", "192.0.2.80") with { Aliases = ["app.example.net"] },
            Nothing("mta-sts.example.com") with { Aliases = ["app.example.net"] },
            Nothing("mta-sts.example.com"),
            Fetch()),
        hosts,
        OutboundSmtp.Open);

    /// <summary>The healthy domain, with another fetch of its policy.</summary>
    public static Observation Fetched(PolicyFetch? fetch) => Good with { PolicyHost = Good.PolicyHost with { Fetch = fetch } };

    /// <summary>A fetch of the published policy, by default.</summary>
    public static PolicyFetch Fetch(PolicyFetchOutcome outcome = PolicyFetchOutcome.Fetched) => new(
        new Uri("https://mta-sts.example.com/.well-known/mta-sts.txt"), outcome,
        Status: outcome is PolicyFetchOutcome.Fetched or PolicyFetchOutcome.TooLarge ? 200 : null,
        ContentType: "text/plain",
        Body: outcome is PolicyFetchOutcome.Fetched ? AsPublished : null,
        Detail: outcome is PolicyFetchOutcome.Fetched ? null : "said of the failure",
        Tls: outcome is PolicyFetchOutcome.NotReached or PolicyFetchOutcome.AddressNotAllowed or PolicyFetchOutcome.TlsFailed ? null : PolicyHostCertificate.Value,
        Milliseconds: 120);

    public static MxHostObservation Host(string name, params SmtpSession[] sessions) => new(
        name, 10, Implicit: false,
        Answer(name, [.. sessions.Select(s => s.Address).Where(address => !address.Contains(':', StringComparison.Ordinal))]),
        Answer(name, [.. sessions.Select(s => s.Address).Where(address => address.Contains(':', StringComparison.Ordinal))]),
        Nothing($"_25._tcp.{name}", DnsOutcome.NxDomain),
        [.. sessions.Select(session => Probe(session))]);

    /// <summary>A probe whose further sessions observed the same certificate, which is ECDSA's, and no other.</summary>
    public static MxProbeResult Probe(SmtpSession session, SmtpSession? withRsa = null) => session.Tls is null
        ? new MxProbeResult(session, Restricted: [])
        : new MxProbeResult(
            session,
            [
                withRsa ?? Failed(session.Address, SmtpOutcome.TlsCipher) with { Offer = TlsOffer.Tls12Rsa },
                session with { Offer = TlsOffer.Tls12Ecdsa },
                session with { Offer = TlsOffer.Tls13 },
            ],
            At.AddHours(-3));

    public static SmtpSession Session(string address, TlsSession tls) => new(address, SmtpOutcome.Completed, Banner: "220 mx ESMTP", StartTlsReply: "220 go", Tls: tls);

    public static SmtpSession Failed(string address, SmtpOutcome outcome, string? detail = null) => new(address, outcome, Banner: "220 mx ESMTP", Detail: detail);

    /// <summary>A trusted certificate of ninety days, thirty of them past, by default.</summary>
    public static TlsSession Certificate(string name, double fromDays = -30, double toDays = 60, params string[] trust) => Certificate(
        CertificateSpec.For(name) with { NotBeforeFromNow = TimeSpan.FromDays(fromDays), NotAfterFromNow = TimeSpan.FromDays(toDays) }, trust);

    public static TlsSession Certificate(CertificateSpec spec, params string[] trust)
    {
        var issued = Ca.Issue(spec);
        byte[][] sent = [issued.Leaf.RawData, .. issued.Chain.Select(c => c.RawData)];
        return new TlsSession("Tls13", "TLS_AES_256_GCM_SHA384", sent, spec.Sends == SentChain.LeafOnly ? sent[..1] : sent, trust);
    }

    /// <summary>A shared key of 2,048 bits: generating one takes as long as many tests.</summary>
    public static RSA AnyRsaKey { get; } = RSA.Create(2048);

    /// <summary>A certificate with a key or a signature of any kind.</summary>
    public static TlsSession Odd(string name, AsymmetricAlgorithm key, HashAlgorithmName hash)
    {
        var subject = new X500DistinguishedName($"CN={name}");
        var request = key is RSA rsa ? new CertificateRequest(subject, rsa, hash, RSASignaturePadding.Pkcs1) : new CertificateRequest(subject, (ECDsa)key, hash);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName(name);
        request.CertificateExtensions.Add(names.Build());
        using var certificate = request.Create(new X500DistinguishedName("CN=Odd CA"), new OldGenerator(AnyRsaKey), At.AddDays(-30), At.AddDays(60), [1, 2, 3]);
        return new TlsSession("Tls13", "TLS_AES_256_GCM_SHA384", [certificate.RawData], [certificate.RawData], []);
    }

    public static DnsAnswer Found(string name, params string[] records) => new(name, DnsOutcome.Found, records, Ttl: 300);

    public static DnsAnswer Nothing(string name, DnsOutcome outcome = DnsOutcome.Empty) => new(name, outcome, []);

    private static DnsAnswer Answer(string name, string[] records) => records is [] ? Nothing(name) : Found(name, records);

    // The platform no longer signs with obsolete hashes.
    private sealed class OldGenerator(RSA key) : X509SignatureGenerator
    {
        public override byte[] GetSignatureAlgorithmIdentifier(HashAlgorithmName hashAlgorithm)
        {
            var writer = new AsnWriter(AsnEncodingRules.DER);
            using (writer.PushSequence())
            {
                writer.WriteObjectIdentifier(hashAlgorithm.Name switch
                {
                    "MD5" => "1.2.840.113549.1.1.4",
                    "SHA1" => "1.2.840.113549.1.1.5",
                    _ => "1.2.840.113549.1.1.11",
                });
                writer.WriteNull();
            }

            return writer.Encode();
        }

        public override byte[] SignData(byte[] data, HashAlgorithmName hashAlgorithm) => key.SignData(data, hashAlgorithm, RSASignaturePadding.Pkcs1);

        protected override PublicKey BuildPublicKey() => new(key);
    }
}
