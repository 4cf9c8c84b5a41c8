using System.Security.Cryptography;
using StsFunctions.CheckDomain;
using StsFunctions.Local.MailInternet;
using DnsAnswer = StsFunctions.CheckDomain.DnsAnswer;
using SmtpSession = StsFunctions.CheckDomain.SmtpSession;

namespace StsFunctions.Tests.CheckDomain;

/// <summary>A domain that is well but for one thing.</summary>
/// <param name="Code">The code of what is wrong.</param>
/// <param name="Subject">What it is wrong with.</param>
/// <param name="Severities">How bad it is in enforce, testing and none; <c>-</c> where it is nothing.</param>
/// <param name="What">What is seen.</param>
internal sealed record Fault(string Code, string Subject, string Severities, Observation What)
{
    private const string Mx = "mx1.example.com";
    private const string ByMode = "Critical Warning Info";
    private const string SomeRefuse = "Warning Warning Info";
    private const string NotLearnt = "Warning Warning Warning";
    private const string Unannounced = "Warning Warning Info";
    private const string Infos = "Info Info Info";

    /// <summary>A word on what is special, where a code has more than one.</summary>
    public string Why { get; init; } = "";

    /// <summary>Changes what is known of the domain and of the app.</summary>
    public Func<Case, Case> Given { get; init; } = given => given;

    /// <summary>Codes that the same thing leads to beside it.</summary>
    public IReadOnlyList<string> Also { get; init; } = [];

    public string Name => Why == "" ? Code : $"{Code}: {Why}";

    /// <summary>One for every code, and for every way there that differs.</summary>
    public static IReadOnlyList<Fault> All { get; } =
    [
        // MX records.
        new("mx.lookup.failed", "example.com", "Warning Warning Warning", WithMx(Seen.Nothing("example.com", DnsOutcome.Failed))) { Why = "SERVFAIL" },
        new("mx.lookup.failed", "example.com", "Warning Warning Warning", WithMx(Seen.Nothing("example.com", DnsOutcome.TimedOut))) { Why = "time-out" },
        new("mx.missing", "example.com", "Critical Critical Critical", WithMx(Seen.Nothing("example.com", DnsOutcome.NxDomain))),
        new("mx.null", "example.com", Infos, WithMx(Seen.Found("example.com", "0 ."))),
        new("mx.null.beside-others", "example.com", "Warning Warning Warning", Seen.Good with { Mx = Seen.Found("example.com", "0 .", $"10 {Mx}") }),
        new("mx.implicit", "example.com", Infos,
            Seen.With(Seen.Host("example.com", Session(Seen.Certificate("example.com"))) with { Implicit = true }) with { Mx = Seen.Nothing("example.com") }) { Given = given => given.Covering("example.com") },
        new("mx.uncovered", "mx21.example.com", "Critical Warning -", Seen.Good with { Mx = Seen.Good.Mx with { Records = [.. Seen.Good.Mx.Records, "99 mx21.example.com"] } }) { Why = "one more than is looked at" },
        new("mx.uncovered", "mx9.example.com", "Critical Warning -", Seen.With(Seen.Good.MxHosts[0], Seen.Host("mx9.example.com", Session(Seen.Certificate("mx9.example.com"))))),
        new("mx.pattern.unused", "*.old.example", "Info Info -", Seen.Good) { Given = given => given.Covering(Mx, "*.old.example") },
        new("mx.address-literal", "192.0.2.1", "Critical Warning Warning", Seen.With(Seen.Good.MxHosts[0], Seen.Host("192.0.2.1"))),
        new("mx.cname", Mx, "Warning Warning Warning", Hosts(host => host with { A = host.A with { Aliases = ["real.example.net"] } })),
        new("mx.address.lookup.failed", Mx, "Warning Warning Warning", Hosts(host => host with { Aaaa = Seen.Nothing(Mx, DnsOutcome.Failed) })),
        new("mx.no-address", Mx, "Critical Critical Critical", Seen.With(Seen.Host(Mx))) { Why = "the only one" },
        new("mx.no-address", "mx2.example.com", "Warning Warning Warning", Seen.With(Seen.Good.MxHosts[0], Seen.Host("mx2.example.com"))) { Why = "one of two", Given = given => given.Covering(Mx, "mx2.example.com") },
        new("mx.address.private", Mx, "Critical Critical Critical", Ends(SmtpOutcome.AddressNotAllowed, "10.0.0.1")) { Why = "the only one" },
        new("mx.address.private", Mx, "Warning Warning Warning", Beside("10.0.0.1", SmtpOutcome.AddressNotAllowed)) { Why = "beside a good one" },

        // Sessions.
        new("mx.unreachable", Mx, "Critical Critical Critical", Ends(SmtpOutcome.ConnectionRefused)) { Why = "refused, and no other" },
        new("mx.unreachable", Mx, "Critical Critical Critical", Ends(SmtpOutcome.ConnectionTimedOut)) { Why = "time-out, and no other" },
        new("mx.unreachable", Mx, "Warning Warning Warning", Beside("192.0.2.2", SmtpOutcome.ConnectionTimedOut)) { Why = "beside a good one" },
        new("mx.unreachable.ipv6", Mx, "Warning Warning Warning", Beside("2001:db8::1", SmtpOutcome.ConnectionRefused)) { Why = "beside a good one" },
        new("mx.unreachable.ipv6", Mx, "Critical Critical Critical", Ends(SmtpOutcome.ConnectionTimedOut, "2001:db8::1")) { Why = "and no other" },
        new("mx.broken-off", Mx, "Critical Critical Critical", Ends(SmtpOutcome.BrokenOff)) { Why = "and no other" },
        new("mx.broken-off", Mx, "Warning Warning Warning", Beside("192.0.2.2", SmtpOutcome.BrokenOff)) { Why = "beside a good one" },
        new("mx.session.slow", Mx, "Warning Warning Warning", Ends(SmtpOutcome.SessionTimedOut)) { Why = "and no other" },
        new("mx.session.not-observed", Mx, Infos, Ends(SmtpOutcome.NotObserved)),
        new("mx.turned-away", Mx, "Warning Warning Warning", Ends(SmtpOutcome.Turned)),
        new("mx.starttls.missing", Mx, ByMode, Ends(SmtpOutcome.StartTlsMissing)),
        new("mx.starttls.refused", Mx, ByMode, Ends(SmtpOutcome.StartTlsRefused)),
        new("mx.starttls.injected", Mx, ByMode, Ends(SmtpOutcome.StartTlsInjected)),
        new("mx.starttls.broken", Mx, ByMode, Ends(SmtpOutcome.TlsFailed)),
        new("mx.tls.version", Mx, ByMode, Ends(SmtpOutcome.TlsVersion)),
        new("mx.tls.cipher", Mx, ByMode, Ends(SmtpOutcome.TlsCipher)),
        new("mx.tls.only-12", Mx, Infos, Shows(Seen.Certificate(Mx) with { Protocol = "Tls12" })),
        new("mx.tls.only-13", Mx, Infos, Looks(look => look with { Narrow = [.. look.Narrow.Select(s => s.Offer == TlsOffer.Tls13 ? s : s with { Outcome = SmtpOutcome.TlsVersion, Tls = null })] })),

        // Certificates.
        new("mx.certificate.chain-unusable", Mx, ByMode, Ends(SmtpOutcome.ChainUnusable)),
        new("mx.certificate.chain-unusable", Mx, ByMode, Shows(Seen.Certificate(Mx) with { Chain = [[0x30, 0x03, 0x02, 0x01, 0x00]] })) { Why = "no certificate" },
        new("mx.certificate.chain-long", Mx, Infos, Shows(Seen.Certificate(Mx) with { Sent = 40 })),
        new("mx.certificate.name", Mx, ByMode, Shows(Seen.Certificate("other.example"))),
        new("mx.certificate.expired", Mx, ByMode, Shows(Seen.Certificate(Mx, -91, -1))),
        new("mx.certificate.not-yet-valid", Mx, ByMode, Shows(Seen.Certificate(Mx, 1, 91))),
        new("mx.certificate.expiring", Mx, Infos, Shows(Seen.Certificate(Mx, -336, 29.9))) { Why = "30 days" },
        new("mx.certificate.expiring", Mx, SomeRefuse, Shows(Seen.Certificate(Mx, -351, 13.9))) { Why = "14 days" },
        new("mx.certificate.expiring", Mx, SomeRefuse, Shows(Seen.Certificate(Mx, -358, 6.9))) { Why = "7 days" },
        new("mx.certificate.expiring", Mx, ByMode, Shows(Seen.Certificate(Mx, -362, 2.9))) { Why = "3 days" },
        new("mx.certificate.expiring", Mx, ByMode, Shows(Seen.Certificate(Mx, -364, 0.9))) { Why = "1 day" },
        new("mx.certificate.self-signed", Mx, ByMode, Shows(Seen.Certificate(CertificateSpec.For(Mx) with { Signer = CertificateSigner.Itself }, $"UntrustedRoot: CN={Mx}"))),
        new("mx.certificate.intermediate-missing", Mx, ByMode, Shows(Seen.Certificate(CertificateSpec.For(Mx) with { Sends = SentChain.LeafOnly }, $"PartialChain: CN={Mx}"))),
        new("mx.certificate.untrusted", Mx, ByMode, Shows(Seen.Certificate(Mx, -1, 89, "PartialChain: CN=Some CA"))) { Why = "no root" },
        new("mx.certificate.untrusted", Mx, ByMode, Shows(Seen.Certificate(CertificateSpec.For(Mx) with { Sends = SentChain.LeafOnly }, "NotSignatureValid: CN=x"))) { Why = "a bad signature" },
        new("mx.certificate.usage", Mx, ByMode, Shows(Seen.Certificate(CertificateSpec.For(Mx) with { ExtendedKeyUsage = CertificateSpec.ClientAuthentication }, $"NotValidForUsage: CN={Mx}"))),
        new("mx.certificate.weak-key", Mx, SomeRefuse, Shows(Odd(RSA.Create(1024), HashAlgorithmName.SHA256))) { Why = "RSA of 1024 bits" },
        new("mx.certificate.weak-key", Mx, SomeRefuse, Shows(Odd(ECDsa.Create(ECCurve.CreateFromValue("1.3.132.0.10")), HashAlgorithmName.SHA256))) { Why = "an odd curve" },
        new("mx.certificate.weak-signature", Mx, SomeRefuse, Shows(Odd(RSA.Create(2048), HashAlgorithmName.SHA1))) { Why = "SHA-1" },
        new("mx.certificate.weak-signature", Mx, SomeRefuse, Shows(Odd(RSA.Create(2048), HashAlgorithmName.MD5))) { Why = "MD5" },
        new("mx.certificate.misordered", Mx, Infos, Shows(Seen.Certificate(CertificateSpec.For(Mx) with { Sends = SentChain.Misordered }))),
        new("mx.certificate.second", Mx, SomeRefuse, Second(Seen.Certificate(CertificateSpec.For(Mx) with { Key = KeyKind.Rsa, NotBeforeFromNow = TimeSpan.FromDays(-91), NotAfterFromNow = TimeSpan.FromDays(-1) }))) { Why = "expired" },
        new("mx.certificate.second", Mx, SomeRefuse, Second(Seen.Certificate(CertificateSpec.For("other.example") with { Key = KeyKind.Rsa }))) { Why = "for another name" },
        new("mx.certificate.second", Mx, SomeRefuse, Second(Seen.Certificate(CertificateSpec.For(Mx) with { Key = KeyKind.Rsa }, "PartialChain: CN=x"))) { Why = "not trusted" },
        new("mx.certificate.differs", Mx, Infos, Seen.With(Seen.Host(Mx, Session(Seen.Certificate(Mx)), Seen.Session("192.0.2.2", Seen.Certificate(Mx))))),

        // TXT records.
        new("txt.sts.lookup.failed", "_mta-sts.example.com", Unannounced, Sts(Seen.Nothing("_mta-sts.example.com", DnsOutcome.Failed))),
        new("txt.sts.missing", "_mta-sts.example.com", Unannounced, Sts(Seen.Nothing("_mta-sts.example.com", DnsOutcome.NxDomain))),
        new("txt.sts.several", "_mta-sts.example.com", Unannounced, StsText("v=STSv1; id=20260301000000;", "v=STSv1; id=1;")),
        new("txt.sts.malformed", "_mta-sts.example.com", Unannounced, StsText("v=STSv1; id=2026-03-01;")),
        new("txt.sts.senders-differ", "_mta-sts.example.com", NotLearnt, StsText("v=STSv1 ;id=20260301000000")),
        new("txt.sts.id-lags", "_mta-sts.example.com", "Warning Warning Warning", StsText("v=STSv1; id=1;")),
        new("txt.tlsrpt.lookup.failed", "_smtp._tls.example.com", Infos, Seen.Good with { TlsRptRecords = Seen.Nothing("_smtp._tls.example.com", DnsOutcome.TimedOut) }),
        new("txt.tlsrpt.missing", "_smtp._tls.example.com", Infos, TlsRpt()),
        new("txt.tlsrpt.several", "_smtp._tls.example.com", Infos, TlsRpt("v=TLSRPTv1; rua=mailto:a@example.com", "v=TLSRPTv1; rua=mailto:b@example.com")),
        new("txt.tlsrpt.malformed", "_smtp._tls.example.com", Infos, TlsRpt("v=TLSRPTv1; rua=reports@example.com")) { Why = "a rua without mailto:" },
        new("txt.tlsrpt.malformed", "_smtp._tls.example.com", Infos, TlsRpt("v=TLSRPTv1; rua=ftp://example.com")) { Why = "a rua of another scheme" },
        new("txt.tlsrpt.senders-differ", "_smtp._tls.example.com", Infos, TlsRpt("v=TLSRPTv1 ;rua=https://app.example.net/v1/tlsrpt")),
        new("txt.tlsrpt.elsewhere", "_smtp._tls.example.com", Infos, TlsRpt("v=TLSRPTv1; rua=mailto:a@example.com")),
        new("dmarc.missing", "_dmarc.example.com", Infos, DmarcText()) { Why = "none" },
        new("dmarc.missing", "_dmarc.example.com", Infos, DmarcText("v=DMARC1; p=reject", "v=DMARC1; p=none")) { Why = "several" },
        new("dmarc.none", "_dmarc.example.com", Infos, DmarcText("v=DMARC1; p=none")),
        new("dmarc.none", "_dmarc.example.com", Infos, Seen.Good with { Dmarc = Seen.Found("_dmarc.com", "v=DMARC1; p=reject; sp=none") }) { Why = "by its parent's word" },

        // The policy host.
        new("policy-host.lookup.failed", "mta-sts.example.com", NotLearnt, Host(host => host with { A = Seen.Nothing(host.Host, DnsOutcome.Failed), Fetch = Seen.Fetch(PolicyFetchOutcome.NotReached) })),
        new("policy-host.missing", "mta-sts.example.com", NotLearnt, Host(host => host with { A = Seen.Nothing(host.Host, DnsOutcome.NxDomain), Aaaa = Seen.Nothing(host.Host, DnsOutcome.NxDomain), Fetch = Seen.Fetch(PolicyFetchOutcome.NotReached) })),
        new("policy-host.elsewhere", "mta-sts.example.com", "Warning Warning Warning", Host(host => host with
        {
            A = Seen.Found(host.Host, "192.0.2.81"),
            Aaaa = Seen.Nothing(host.Host),
            Fetch = Serves("version: STSv1\nmode: testing\nmx: mx.elsewhere.example\nmax_age: 604800\n"),
        })),
        new("policy-host.address.private", "mta-sts.example.com", NotLearnt, Fetched(PolicyFetchOutcome.AddressNotAllowed)),
        new("policy-host.unreachable", "mta-sts.example.com", NotLearnt, Fetched(PolicyFetchOutcome.NotReached)),
        new("policy-host.broken-off", "mta-sts.example.com", NotLearnt, Fetched(PolicyFetchOutcome.BrokenOff)),
        new("policy-host.timed-out", "mta-sts.example.com", NotLearnt, Fetched(PolicyFetchOutcome.TimedOut)),
        new("policy-host.slow", "mta-sts.example.com", Infos, Fetched(fetch => fetch with { Milliseconds = 12_000 })),
        new("policy-host.tls.failed", "mta-sts.example.com", NotLearnt, Fetched(PolicyFetchOutcome.TlsFailed)),
        new("policy-host.certificate", "mta-sts.example.com", NotLearnt, PolicyTls(Seen.Certificate("www.example.com"))) { Why = "for another name" },
        new("policy-host.certificate", "mta-sts.example.com", NotLearnt, PolicyTls(Seen.Certificate("mta-sts.example.com", -91, -1))) { Why = "expired" },
        new("policy-host.certificate", "mta-sts.example.com", NotLearnt, PolicyTls(Seen.Certificate("mta-sts.example.com", 1, 91))) { Why = "not valid yet" },
        new("policy-host.certificate", "mta-sts.example.com", NotLearnt, PolicyTls(Seen.Certificate("mta-sts.example.com", -1, 89, "PartialChain: CN=x"))) { Why = "not trusted" },
        new("policy-host.certificate.expiring", "mta-sts.example.com", Infos, Fetched(fetch => fetch with { Tls = Seen.Certificate("mta-sts.example.com", -336, 29.9) })) { Why = "30 days" },
        new("policy-host.certificate.expiring", "mta-sts.example.com", NotLearnt, Fetched(fetch => fetch with { Tls = Seen.Certificate("mta-sts.example.com", -364, 0.9) })) { Why = "1 day" },
        new("policy-host.caa", "example.com", "Warning Warning Warning", CaaRecords("0 issue other-ca.example")),
        new("policy-host.caa.lookup.failed", "mta-sts.example.com", "Warning Warning Warning", Host(host => host with { Caa = Seen.Nothing(host.Host, DnsOutcome.Failed) })),

        // What it serves.
        new("policy.redirect", "mta-sts.example.com", NotLearnt, Status(301)),
        new("policy.status", "mta-sts.example.com", NotLearnt, Status(404)),
        new("policy.server-error", "mta-sts.example.com", NotLearnt, Status(503)),
        new("policy.server-error", "mta-sts.example.com", NotLearnt, Status(429)) { Why = "asked too often" },
        new("policy.media-type", "mta-sts.example.com", NotLearnt, Fetched(fetch => fetch with { ContentType = "text/html; charset=utf-8" })),
        new("policy.media-type", "mta-sts.example.com", NotLearnt, Fetched(fetch => fetch with { ContentType = null })) { Why = "none" },
        new("policy.too-large", "mta-sts.example.com", NotLearnt, Fetched(PolicyFetchOutcome.TooLarge)),
        new("policy.malformed", "mta-sts.example.com", NotLearnt, Fetched(_ => Serves("<html>"))),
        new("policy.differs", "mta-sts.example.com", "Warning Warning Warning", Fetched(_ => Serves("version: STSv1\nmode: testing\nmx: mx.elsewhere.example\nmax_age: 604800\n"))),
        new("policy.max-age.short", "example.com", "Info Info -", Seen.Good) { Why = "days", Given = given => given.WithMaxAge(86_400) },
        new("policy.max-age.short", "example.com", "Warning Info -", Seen.Good) { Why = "hours", Given = given => given.WithMaxAge(3_600) },
        new("policy.testing.long", "example.com", "- Info -", Seen.Good) { Given = given => given with { Hosted = given.Hosted! with { ModeSince = Seen.At.AddDays(-91) } } },
        new("policy.none.published", "example.com", "- - Info", Seen.Good),
        new("policy.opportunistic", "example.com", "- - Info", Seen.Good),

        // DANE.
        new("tlsa.mismatch", Mx, "Critical Critical Critical", Tlsa(true, "3 1 1 " + new string('0', 64))),
        new("tlsa.unusable", Mx, Infos, Tlsa(true, "1 1 1 " + new string('0', 64))) { Why = "usage 1" },
        new("tlsa.unusable", Mx, Infos, Tlsa(true, "3 1 1 what?")) { Why = "not readable" },
        new("tlsa.insecure", Mx, Infos, Tlsa(false, "3 1 1 " + new string('0', 64))),
        new("tlsa.lookup.failed", Mx, "Warning Warning Warning", Hosts(host => host with { A = host.A with { Authentic = true }, Tlsa = Seen.Nothing(host.Tlsa.Name, DnsOutcome.Failed) })),
    ];

    public override string ToString() => Name;

    private static SmtpSession Session(TlsSession tls) => Seen.Session("192.0.2.1", tls);

    private static TlsSession Odd(AsymmetricAlgorithm key, HashAlgorithmName hash)
    {
        using (key)
        {
            return Seen.Odd(Mx, key, hash);
        }
    }

    private static Observation WithMx(DnsAnswer mx) => Seen.Good with { Mx = mx, MxHosts = [] };

    private static Observation Hosts(Func<MxHostObservation, MxHostObservation> how) => Seen.With([.. Seen.Good.MxHosts.Select(how)]);

    private static Observation Looks(Func<AddressLook, AddressLook> how) => Hosts(host => host with { Looks = [.. host.Looks.Select(how)] });

    private static Observation Ends(SmtpOutcome outcome, string address = "192.0.2.1") => Seen.With(Seen.Host(Mx, Seen.Failed(address, outcome)));

    private static Observation Beside(string address, SmtpOutcome outcome) => Seen.With(Seen.Host(Mx, Session(Seen.Certificate(Mx)), Seen.Failed(address, outcome)));

    private static Observation Shows(TlsSession tls) => Seen.With(Seen.Host(Mx, Session(tls)));

    private static Observation Second(TlsSession tls) => Looks(look => Seen.Look(look.Session, Session(tls) with { Offer = TlsOffer.Tls12Rsa }));

    private static Observation Tlsa(bool authentic, params string[] records) => Hosts(host => host with { Tlsa = Seen.Found(host.Tlsa.Name, records) with { Authentic = authentic } });

    private static Observation Sts(DnsAnswer records) => Seen.Good with { StsRecords = records };

    private static Observation StsText(params string[] records) => Sts(Seen.Found("_mta-sts.example.com", records));

    private static Observation TlsRpt(params string[] records) => Seen.Good with { TlsRptRecords = Seen.Found("_smtp._tls.example.com", records) };

    private static Observation DmarcText(params string[] records) => Seen.Good with { Dmarc = Seen.Found("_dmarc.example.com", records) };

    private static Observation Host(Func<PolicyHostObservation, PolicyHostObservation> how) => Seen.Good with { PolicyHost = how(Seen.Good.PolicyHost) };

    private static Observation Fetched(PolicyFetchOutcome outcome) => Seen.Fetched(Seen.Fetch(outcome));

    private static Observation Fetched(Func<PolicyFetch, PolicyFetch> how) => Seen.Fetched(how(Seen.Fetch()));

    private static Observation Status(int status) => Seen.Fetched(Seen.Fetch(PolicyFetchOutcome.OtherStatus) with { Status = status });

    private static Observation PolicyTls(TlsSession tls) => Seen.Fetched(Seen.Fetch(PolicyFetchOutcome.TlsFailed) with { Tls = tls });

    private static PolicyFetch Serves(string policy) => Seen.Fetch() with { Body = System.Text.Encoding.UTF8.GetBytes(policy) };

    private static Observation CaaRecords(params string[] records) => Host(host => host with { Caa = Seen.Found("example.com", records) });
}
