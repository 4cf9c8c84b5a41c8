using System.Security.Cryptography;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Local.Lab;
using DnsAnswer = StsFunctions.Core.Observations.DnsAnswer;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>A healthy domain with one fault.</summary>
/// <param name="Code">The code of the finding.</param>
/// <param name="Subject">Its subject.</param>
/// <param name="Severities">Its severity in enforce, testing and none; <c>-</c> where there is no finding.</param>
/// <param name="What">What is observed.</param>
internal sealed record Fault(string Code, string Subject, string Severities, Observation What)
{
    private const string Mx = "mx1.example.com";
    private const string ByMode = "Critical Warning Info";
    private const string SomeRefuse = "Warning Warning Info";
    private const string NotLearnt = "Warning Warning Warning";
    private const string Unannounced = "Warning Warning Info";
    private const string Infos = "Info Info Info";

    /// <summary>Distinguishes several faults of one code.</summary>
    public string Why { get; init; } = "";

    /// <summary>Changes what is known of the domain and of the app.</summary>
    public Func<RuleContext, RuleContext> Given { get; init; } = context => context;

    /// <summary>Other codes of the same fault.</summary>
    public IReadOnlyList<string> Also { get; init; } = [];

    public string Name => Why == "" ? Code : $"{Code}: {Why}";

    /// <summary>One for every code, and for every different cause.</summary>
    public static IReadOnlyList<Fault> All { get; } =
    [
        // MX records.
        new("mx.record.lookup-failed", "example.com", "Warning Warning Warning", WithMx(TestObservations.Nothing("example.com", DnsOutcome.Failed))) { Why = "SERVFAIL" },
        new("mx.record.lookup-failed", "example.com", "Warning Warning Warning", WithMx(TestObservations.Nothing("example.com", DnsOutcome.TimedOut))) { Why = "time-out" },
        new("mx.record.missing", "example.com", "Critical Critical Critical", WithMx(TestObservations.Nothing("example.com", DnsOutcome.NxDomain))),
        new("mx.record.null", "example.com", Infos, WithMx(TestObservations.Found("example.com", "0 ."))),
        new("mx.record.null-not-alone", "example.com", "Warning Warning Warning", TestObservations.Good with { Mx = TestObservations.Found("example.com", "0 .", $"10 {Mx}") }),
        new("mx.record.implicit", "example.com", Infos,
            TestObservations.With(TestObservations.Host("example.com", Session(TestObservations.Certificate("example.com"))) with { Implicit = true }) with { Mx = TestObservations.Nothing("example.com") }) { Given = context => context.Covering("example.com") },
        new("mx.policy.mismatch", "mx21.example.com", "Critical Warning -", TestObservations.Good with { Mx = TestObservations.Good.Mx with { Records = [.. TestObservations.Good.Mx.Records, "99 mx21.example.com"] } }) { Why = "one more than is probed" },
        new("mx.policy.mismatch", "mx9.example.com", "Critical Warning -", TestObservations.With(TestObservations.Good.MxHosts[0], TestObservations.Host("mx9.example.com", Session(TestObservations.Certificate("mx9.example.com"))))),
        new("mx.pattern.unused", "*.old.example", "Info Info -", TestObservations.Good) { Given = context => context.Covering(Mx, "*.old.example") },
        new("mx.address.literal", "192.0.2.1", "Critical Warning Warning", TestObservations.With(TestObservations.Good.MxHosts[0], TestObservations.Host("192.0.2.1"))),
        new("mx.record.alias", Mx, "Warning Warning Warning", Hosts(host => host with { A = host.A with { Aliases = ["real.example.net"] } })),
        new("mx.address.lookup-failed", Mx, "Warning Warning Warning", Hosts(host => host with { Aaaa = TestObservations.Nothing(Mx, DnsOutcome.Failed) })),
        new("mx.address.missing", Mx, "Critical Critical Critical", TestObservations.With(TestObservations.Host(Mx))) { Why = "the only one" },
        new("mx.address.missing", "mx2.example.com", "Warning Warning Warning", TestObservations.With(TestObservations.Good.MxHosts[0], TestObservations.Host("mx2.example.com"))) { Why = "one of two", Given = context => context.Covering(Mx, "mx2.example.com") },
        new("mx.address.private", Mx, "Critical Critical Critical", Ends(SmtpOutcome.AddressNotAllowed, "10.0.0.1")) { Why = "the only one" },
        new("mx.address.private", Mx, "Warning Warning Warning", Beside("10.0.0.1", SmtpOutcome.AddressNotAllowed)) { Why = "beside a good one" },

        // Sessions.
        new("mx.connection.failed", Mx, "Critical Critical Critical", Ends(SmtpOutcome.ConnectionRefused)) { Why = "refused, and no other" },
        new("mx.connection.failed", Mx, "Critical Critical Critical", Ends(SmtpOutcome.ConnectionTimedOut)) { Why = "time-out, and no other" },
        new("mx.connection.failed", Mx, "Warning Warning Warning", Beside("192.0.2.2", SmtpOutcome.ConnectionTimedOut)) { Why = "beside a good one" },
        new("mx.connection.failed-ipv6", Mx, "Warning Warning Warning", Beside("2001:db8::1", SmtpOutcome.ConnectionRefused)) { Why = "beside a good one" },
        new("mx.connection.failed-ipv6", Mx, "Critical Critical Critical", Ends(SmtpOutcome.ConnectionTimedOut, "2001:db8::1")) { Why = "and no other" },
        new("mx.session.dropped", Mx, "Critical Critical Critical", Ends(SmtpOutcome.ConnectionDropped)) { Why = "and no other" },
        new("mx.session.dropped", Mx, "Warning Warning Warning", Beside("192.0.2.2", SmtpOutcome.ConnectionDropped)) { Why = "beside a good one" },
        new("mx.session.slow", Mx, "Warning Warning Warning", Ends(SmtpOutcome.SessionTimedOut)) { Why = "and no other" },
        new("mx.session.not-observed", Mx, Infos, Ends(SmtpOutcome.NotObserved)),
        new("mx.session.rejected", Mx, "Warning Warning Warning", Ends(SmtpOutcome.Rejected)),
        new("mx.starttls.missing", Mx, ByMode, Ends(SmtpOutcome.StartTlsMissing)),
        new("mx.starttls.refused", Mx, ByMode, Ends(SmtpOutcome.StartTlsRefused)),
        new("mx.starttls.injected", Mx, ByMode, Ends(SmtpOutcome.StartTlsInjected)),
        new("mx.starttls.broken", Mx, ByMode, Ends(SmtpOutcome.TlsFailed)),
        new("mx.tls.old-version", Mx, ByMode, Ends(SmtpOutcome.TlsVersion)),
        new("mx.tls.weak-cipher", Mx, ByMode, Ends(SmtpOutcome.TlsCipher)),
        new("mx.tls.only-12", Mx, Infos, Shows(TestObservations.Certificate(Mx) with { Protocol = "Tls12" })),
        new("mx.tls.only-13", Mx, Infos, Probes(probe => probe with { Restricted = [.. probe.Restricted.Select(s => s.Offer == TlsOffer.Tls13 ? s : s with { Outcome = SmtpOutcome.TlsVersion, Tls = null })] })),

        // Certificates.
        new("mx.certificate.chain-unusable", Mx, ByMode, Ends(SmtpOutcome.ChainUnusable)),
        new("mx.certificate.chain-unusable", Mx, ByMode, Shows(TestObservations.Certificate(Mx) with { Chain = [[0x30, 0x03, 0x02, 0x01, 0x00]] })) { Why = "no certificate" },
        new("mx.certificate.chain-long", Mx, Infos, Shows(TestObservations.Certificate(Mx) with { Sent = 40 })),
        new("mx.certificate.name-mismatch", Mx, ByMode, Shows(TestObservations.Certificate("other.example"))),
        new("mx.certificate.expired", Mx, ByMode, Shows(TestObservations.Certificate(Mx, -91, -1))),
        new("mx.certificate.not-yet-valid", Mx, ByMode, Shows(TestObservations.Certificate(Mx, 1, 91))),
        new("mx.certificate.expiring", Mx, Infos, Shows(TestObservations.Certificate(Mx, -336, 29.9))) { Why = "30 days" },
        new("mx.certificate.expiring", Mx, SomeRefuse, Shows(TestObservations.Certificate(Mx, -351, 13.9))) { Why = "14 days" },
        new("mx.certificate.expiring", Mx, SomeRefuse, Shows(TestObservations.Certificate(Mx, -358, 6.9))) { Why = "7 days" },
        new("mx.certificate.expiring", Mx, ByMode, Shows(TestObservations.Certificate(Mx, -362, 2.9))) { Why = "3 days" },
        new("mx.certificate.expiring", Mx, ByMode, Shows(TestObservations.Certificate(Mx, -364, 0.9))) { Why = "1 day" },
        new("mx.certificate.self-signed", Mx, ByMode, Shows(TestObservations.Certificate(CertificateSpec.For(Mx) with { Signer = CertificateSigner.Itself }, $"UntrustedRoot: CN={Mx}"))),
        new("mx.certificate.intermediate-missing", Mx, ByMode, Shows(TestObservations.Certificate(CertificateSpec.For(Mx) with { Sends = SentChain.LeafOnly }, $"PartialChain: CN={Mx}"))),
        new("mx.certificate.untrusted", Mx, ByMode, Shows(TestObservations.Certificate(Mx, -1, 89, "PartialChain: CN=Some CA"))) { Why = "no root" },
        new("mx.certificate.untrusted", Mx, ByMode, Shows(TestObservations.Certificate(CertificateSpec.For(Mx) with { Sends = SentChain.LeafOnly }, "NotSignatureValid: CN=x"))) { Why = "a bad signature" },
        new("mx.certificate.usage", Mx, ByMode, Shows(TestObservations.Certificate(CertificateSpec.For(Mx) with { ExtendedKeyUsage = CertificateSpec.ClientAuthentication }, $"NotValidForUsage: CN={Mx}"))),
        new("mx.certificate.weak-key", Mx, SomeRefuse, Shows(Odd(RSA.Create(1024), HashAlgorithmName.SHA256))) { Why = "RSA of 1024 bits" },
        new("mx.certificate.weak-key", Mx, SomeRefuse, Shows(Odd(ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.10")), HashAlgorithmName.SHA256))) { Why = "an odd curve" },
        new("mx.certificate.weak-signature", Mx, SomeRefuse, Shows(Odd(TestObservations.AnyRsaKey, HashAlgorithmName.SHA1))) { Why = "SHA-1" },
        new("mx.certificate.weak-signature", Mx, SomeRefuse, Shows(Odd(TestObservations.AnyRsaKey, HashAlgorithmName.MD5))) { Why = "MD5" },
        new("mx.certificate.misordered", Mx, Infos, Shows(TestObservations.Certificate(CertificateSpec.For(Mx) with { Sends = SentChain.Misordered }))),
        new("mx.certificate.alternate", Mx, SomeRefuse, Second(TestObservations.Certificate(CertificateSpec.For(Mx) with { Key = KeyKind.Rsa, NotBeforeFromNow = TimeSpan.FromDays(-91), NotAfterFromNow = TimeSpan.FromDays(-1) }))) { Why = "expired" },
        new("mx.certificate.alternate", Mx, SomeRefuse, Second(TestObservations.Certificate(CertificateSpec.For("other.example") with { Key = KeyKind.Rsa }))) { Why = "for another name" },
        new("mx.certificate.alternate", Mx, SomeRefuse, Second(TestObservations.Certificate(CertificateSpec.For(Mx) with { Key = KeyKind.Rsa }, "PartialChain: CN=x"))) { Why = "not trusted" },
        new("mx.certificate.inconsistent", Mx, Infos, TestObservations.With(TestObservations.Host(Mx, Session(TestObservations.Certificate(Mx)), TestObservations.Session("192.0.2.2", TestObservations.Certificate(Mx))))),

        // TXT records.
        new("txt.sts.lookup-failed", "_mta-sts.example.com", Unannounced, Sts(TestObservations.Nothing("_mta-sts.example.com", DnsOutcome.Failed))),
        new("txt.sts.missing", "_mta-sts.example.com", Unannounced, Sts(TestObservations.Nothing("_mta-sts.example.com", DnsOutcome.NxDomain))),
        new("txt.sts.multiple", "_mta-sts.example.com", Unannounced, StsText("v=STSv1; id=20260301000000;", "v=STSv1; id=1;")),
        new("txt.sts.malformed", "_mta-sts.example.com", Unannounced, StsText("v=STSv1; id=2026-03-01;")),
        new("txt.sts.ambiguous", "_mta-sts.example.com", NotLearnt, StsText("v=STSv1 ;id=20260301000000")),
        new("txt.sts.id-stale", "_mta-sts.example.com", "Warning Warning Warning", StsText("v=STSv1; id=1;")),
        new("txt.tlsrpt.lookup-failed", "_smtp._tls.example.com", Infos, TestObservations.Good with { TlsRptRecords = TestObservations.Nothing("_smtp._tls.example.com", DnsOutcome.TimedOut) }),
        new("txt.tlsrpt.missing", "_smtp._tls.example.com", Infos, TlsRpt()),
        new("txt.tlsrpt.multiple", "_smtp._tls.example.com", Infos, TlsRpt("v=TLSRPTv1; rua=mailto:a@example.com", "v=TLSRPTv1; rua=mailto:b@example.com")),
        new("txt.tlsrpt.malformed", "_smtp._tls.example.com", Infos, TlsRpt("v=TLSRPTv1; rua=reports@example.com")) { Why = "a rua without mailto:" },
        new("txt.tlsrpt.malformed", "_smtp._tls.example.com", Infos, TlsRpt("v=TLSRPTv1; rua=ftp://example.com")) { Why = "a rua of another scheme" },
        new("txt.tlsrpt.ambiguous", "_smtp._tls.example.com", Infos, TlsRpt("v=TLSRPTv1 ;rua=https://app.example.net/v1/tlsrpt")),
        new("txt.tlsrpt.foreign", "_smtp._tls.example.com", Infos, TlsRpt("v=TLSRPTv1; rua=mailto:a@example.com")),
        new("dmarc.record.missing", "_dmarc.example.com", Infos, DmarcText()) { Why = "none" },
        new("dmarc.record.missing", "_dmarc.example.com", Infos, DmarcText("v=DMARC1; p=reject", "v=DMARC1; p=none")) { Why = "several" },
        new("dmarc.policy.none", "_dmarc.example.com", Infos, DmarcText("v=DMARC1; p=none")),
        new("dmarc.policy.none", "_dmarc.example.com", Infos, TestObservations.Good with { Dmarc = TestObservations.Found("_dmarc.com", "v=DMARC1; p=reject; sp=none") }) { Why = "by its parent's word" },

        // The policy host.
        new("policy-host.address.lookup-failed", "mta-sts.example.com", NotLearnt, Host(host => host with { A = TestObservations.Nothing(host.Host, DnsOutcome.Failed), Fetch = TestObservations.Fetch(PolicyFetchOutcome.NotReached) })),
        new("policy-host.address.missing", "mta-sts.example.com", NotLearnt, Host(host => host with { A = TestObservations.Nothing(host.Host, DnsOutcome.NxDomain), Aaaa = TestObservations.Nothing(host.Host, DnsOutcome.NxDomain), Fetch = TestObservations.Fetch(PolicyFetchOutcome.NotReached) })),
        new("policy-host.address.foreign", "mta-sts.example.com", "Warning Warning Warning", Host(host => host with
        {
            A = TestObservations.Found(host.Host, "192.0.2.81"),
            Aaaa = TestObservations.Nothing(host.Host),
            Fetch = Serves("version: STSv1\nmode: testing\nmx: mx.elsewhere.example\nmax_age: 604800\n"),
        })),
        new("policy-host.address.private", "mta-sts.example.com", NotLearnt, Fetched(PolicyFetchOutcome.AddressNotAllowed)),
        new("policy-host.connection.failed", "mta-sts.example.com", NotLearnt, Fetched(PolicyFetchOutcome.NotReached)),
        new("policy-host.connection.dropped", "mta-sts.example.com", NotLearnt, Fetched(PolicyFetchOutcome.ConnectionDropped)),
        new("policy-host.connection.timed-out", "mta-sts.example.com", NotLearnt, Fetched(PolicyFetchOutcome.TimedOut)),
        new("policy-host.response.slow", "mta-sts.example.com", Infos, Fetched(fetch => fetch with { Milliseconds = 12_000 })),
        new("policy-host.tls.failed", "mta-sts.example.com", NotLearnt, Fetched(PolicyFetchOutcome.TlsFailed)),
        new("policy-host.certificate.invalid", "mta-sts.example.com", NotLearnt, PolicyTls(TestObservations.Certificate("www.example.com"))) { Why = "for another name" },
        new("policy-host.certificate.invalid", "mta-sts.example.com", NotLearnt, PolicyTls(TestObservations.Certificate("mta-sts.example.com", -91, -1))) { Why = "expired" },
        new("policy-host.certificate.invalid", "mta-sts.example.com", NotLearnt, PolicyTls(TestObservations.Certificate("mta-sts.example.com", 1, 91))) { Why = "not valid yet" },
        new("policy-host.certificate.invalid", "mta-sts.example.com", NotLearnt, PolicyTls(TestObservations.Certificate("mta-sts.example.com", -1, 89, "PartialChain: CN=x"))) { Why = "not trusted" },
        new("policy-host.certificate.expiring", "mta-sts.example.com", Infos, Fetched(fetch => fetch with { Tls = TestObservations.Certificate("mta-sts.example.com", -336, 29.9) })) { Why = "30 days" },
        new("policy-host.certificate.expiring", "mta-sts.example.com", NotLearnt, Fetched(fetch => fetch with { Tls = TestObservations.Certificate("mta-sts.example.com", -364, 0.9) })) { Why = "1 day" },
        new("policy-host.caa.mismatch", "example.com", "Warning Warning Warning", CaaRecords("0 issue other-ca.example")),
        new("policy-host.caa.lookup-failed", "mta-sts.example.com", "Warning Warning Warning", Host(host => host with { Caa = TestObservations.Nothing(host.Host, DnsOutcome.Failed) })),

        // What it serves.
        new("policy.response.redirect", "mta-sts.example.com", NotLearnt, Status(301)),
        new("policy.response.status", "mta-sts.example.com", NotLearnt, Status(404)),
        new("policy.response.server-error", "mta-sts.example.com", NotLearnt, Status(503)),
        new("policy.response.server-error", "mta-sts.example.com", NotLearnt, Status(429)) { Why = "asked too often" },
        new("policy.response.media-type", "mta-sts.example.com", NotLearnt, Fetched(fetch => fetch with { ContentType = "text/html; charset=utf-8" })),
        new("policy.response.media-type", "mta-sts.example.com", NotLearnt, Fetched(fetch => fetch with { ContentType = null })) { Why = "none" },
        new("policy.file.too-large", "mta-sts.example.com", NotLearnt, Fetched(PolicyFetchOutcome.TooLarge)),
        new("policy.file.malformed", "mta-sts.example.com", NotLearnt, Fetched(_ => Serves("<html>"))),
        new("policy.file.mismatch", "mta-sts.example.com", "Warning Warning Warning", Fetched(_ => Serves("version: STSv1\nmode: testing\nmx: mx.elsewhere.example\nmax_age: 604800\n"))),
        new("policy.max-age.short", "example.com", "Info Info -", TestObservations.Good) { Why = "days", Given = context => context.WithMaxAge(86_400) },
        new("policy.max-age.short", "example.com", "Warning Info -", TestObservations.Good) { Why = "hours", Given = context => context.WithMaxAge(3_600) },
        new("policy.mode.testing-long", "example.com", "- Info -", TestObservations.Good) { Given = context => context with { HostedDomain = context.HostedDomain! with { ModeSince = TestObservations.At.AddDays(-91) } } },
        new("policy.mode.none", "example.com", "- - Info", TestObservations.Good),
        new("policy.mx.opportunistic", "example.com", "- - Info", TestObservations.Good),

        // DANE.
        new("tlsa.record.mismatch", Mx, "Critical Critical Critical", Tlsa(true, "3 1 1 " + new string('0', 64))),
        new("tlsa.record.unusable", Mx, Infos, Tlsa(true, "1 1 1 " + new string('0', 64))) { Why = "usage 1" },
        new("tlsa.record.unusable", Mx, Infos, Tlsa(true, "3 1 1 what?")) { Why = "not readable" },
        new("tlsa.record.insecure", Mx, Infos, Tlsa(false, "3 1 1 " + new string('0', 64))),
        new("tlsa.record.lookup-failed", Mx, "Warning Warning Warning", Hosts(host => host with { A = host.A with { Authentic = true }, Tlsa = TestObservations.Nothing(host.Tlsa.Name, DnsOutcome.Failed) })),
    ];

    public override string ToString() => Name;

    private static SmtpSession Session(TlsSession tls) => TestObservations.Session("192.0.2.1", tls);

    private static TlsSession Odd(AsymmetricAlgorithm key, HashAlgorithmName hash) => TestObservations.Odd(Mx, key, hash);

    private static Observation WithMx(DnsAnswer mx) => TestObservations.Good with { Mx = mx, MxHosts = [] };

    private static Observation Hosts(Func<MxHostObservation, MxHostObservation> how) => TestObservations.With([.. TestObservations.Good.MxHosts.Select(how)]);

    private static Observation Probes(Func<MxProbeResult, MxProbeResult> how) => Hosts(host => host with { Probes = [.. host.Probes.Select(how)] });

    private static Observation Ends(SmtpOutcome outcome, string address = "192.0.2.1") => TestObservations.With(TestObservations.Host(Mx, TestObservations.Failed(address, outcome)));

    private static Observation Beside(string address, SmtpOutcome outcome) => TestObservations.With(TestObservations.Host(Mx, Session(TestObservations.Certificate(Mx)), TestObservations.Failed(address, outcome)));

    private static Observation Shows(TlsSession tls) => TestObservations.With(TestObservations.Host(Mx, Session(tls)));

    private static Observation Second(TlsSession tls) => Probes(probe => TestObservations.Probe(probe.Default, Session(tls) with { Offer = TlsOffer.Tls12Rsa }));

    private static Observation Tlsa(bool authentic, params string[] records) => Hosts(host => host with { Tlsa = TestObservations.Found(host.Tlsa.Name, records) with { Authentic = authentic } });

    private static Observation Sts(DnsAnswer records) => TestObservations.Good with { StsRecords = records };

    private static Observation StsText(params string[] records) => Sts(TestObservations.Found("_mta-sts.example.com", records));

    private static Observation TlsRpt(params string[] records) => TestObservations.Good with { TlsRptRecords = TestObservations.Found("_smtp._tls.example.com", records) };

    private static Observation DmarcText(params string[] records) => TestObservations.Good with { Dmarc = TestObservations.Found("_dmarc.example.com", records) };

    private static Observation Host(Func<PolicyHostObservation, PolicyHostObservation> how) => TestObservations.Good with { PolicyHost = how(TestObservations.Good.PolicyHost) };

    private static Observation Fetched(PolicyFetchOutcome outcome) => TestObservations.Fetched(TestObservations.Fetch(outcome));

    private static Observation Fetched(Func<PolicyFetch, PolicyFetch> how) => TestObservations.Fetched(how(TestObservations.Fetch()));

    private static Observation Status(int status) => TestObservations.Fetched(TestObservations.Fetch(PolicyFetchOutcome.OtherStatus) with { Status = status });

    private static Observation PolicyTls(TlsSession tls) => TestObservations.Fetched(TestObservations.Fetch(PolicyFetchOutcome.TlsFailed) with { Tls = tls });

    private static PolicyFetch Serves(string policy) => TestObservations.Fetch() with { Body = System.Text.Encoding.UTF8.GetBytes(policy) };

    private static Observation CaaRecords(params string[] records) => Host(host => host with { Caa = TestObservations.Found("example.com", records) });
}
