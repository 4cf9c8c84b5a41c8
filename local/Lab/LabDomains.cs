using System.Security.Authentication;

namespace StsFunctions.Local.Lab;

/// <summary>The catalogue: domains without a fault, and domains with one fault each.</summary>
public static class LabDomains
{
    private static readonly LabMx Good = new("mx.hosting.example");

    /// <summary>The domains that every run starts with.</summary>
    public static IReadOnlyList<LabDomain> Typical { get; } =
    [
        new("example.com", "No fault: two MX hosts, both covered, both with a good certificate.")
        {
            Mx = [new("mx1.example.com"), new("mx2.example.com")],
        },
        new("expiring.example", "The certificate of its MX host expires in 9 days.")
        {
            // And half a day, so that it remains 9 whole days during a session; of 90, as such certificates have.
            Mx = [WithCertificate("mx.expiring.example", good => good with { NotBeforeFromNow = TimeSpan.FromDays(-80.5), NotAfterFromNow = TimeSpan.FromDays(9.5) })],
            Expected = ["mx.certificate.expiring"],
        },
        new("wrong-name.example", "The certificate of its MX host is for another name.")
        {
            Mx = [new("mx.wrong-name.example") { Certificate = CertificateSpec.For("mail.somewhere-else.example") }],
            Expected = ["mx.certificate.name-mismatch"],
        },
        new("plain.example", "Its MX host does not offer STARTTLS.")
        {
            Mx = [new("mx.plain.example") { Script = SmtpScript.Plain }],
            Expected = ["mx.starttls.missing"],
        },
        new("uncovered.example", "Its second MX host is not in the policy.")
        {
            Mx = [new("mx1.uncovered.example"), new("mx2.uncovered.example")],
            Covers = ["mx1.uncovered.example"],
            Expected = ["mx.policy.mismatch"],
        },
    ];

    /// <summary>More faults, and some unusual domains without a fault.</summary>
    public static IReadOnlyList<LabDomain> Further { get; } =
    [
        new("expired.example", "The certificate of its MX host expired yesterday.")
        {
            Mx = [WithCertificate("mx.expired.example", good => good with { NotBeforeFromNow = TimeSpan.FromDays(-91), NotAfterFromNow = TimeSpan.FromDays(-1) })],
            Expected = ["mx.certificate.expired"],
        },
        new("self-signed.example", "The certificate of its MX host is self-signed.")
        {
            Mx = [WithCertificate("mx.self-signed.example", good => good with { Signer = CertificateSigner.Itself })],
            Expected = ["mx.certificate.self-signed"],
        },
        new("untrusted.example", "The certificate of its MX host is signed by an untrusted CA.")
        {
            Mx = [WithCertificate("mx.untrusted.example", good => good with { Signer = CertificateSigner.UntrustedCa })],
            Expected = ["mx.certificate.untrusted"],
        },
        new("no-intermediate.example", "Its MX host does not send the intermediate certificate.")
        {
            Mx = [WithCertificate("mx.no-intermediate.example", good => good with { Sends = SentChain.LeafOnly })],
            Expected = ["mx.certificate.intermediate-missing"],
        },
        new("misordered.example", "Its MX host sends its chain in the wrong order, which senders accept (RFC 8446 §4.4.2).")
        {
            Mx = [WithCertificate("mx.misordered.example", good => good with { Sends = SentChain.Misordered })],
            Expected = ["mx.certificate.misordered"],
        },
        new("old-tls.example", "Its MX host knows no TLS newer than 1.1.")
        {
            Mx = [new("mx.old-tls.example") { Script = SmtpScript.OldTls }],
            Expected = ["mx.tls.old-version"],
        },
        new("half-dead.example", "One of the two addresses of its MX host is dead.")
        {
            Mx = [new("mx.half-dead.example") { Addresses = [LabAddress.IPv4, LabAddress.DeadIPv4] }],
            Expected = ["mx.connection.failed"],
        },
        new("dead.example", "Nothing listens where its MX host should.")
        {
            Mx = [new("mx.dead.example") { Addresses = [LabAddress.DeadIPv4] }],
            Expected = ["mx.connection.failed"],
        },
        new("ipv6.example", "No fault: its MX host has an IPv6 address only.")
        {
            Mx = [new("mx.ipv6.example") { Addresses = [LabAddress.IPv6] }],
        },
        new("alias.example", "Its MX host is an alias.")
        {
            Mx = [new("mx.alias.example") { AliasOf = "real.alias.example" }],
            Expected = ["mx.record.alias"],
        },
        new("null.example", "It takes no mail: a null MX.")
        {
            MxRecords = MxRecords.Null,
            Covers = ["mx.null.example"],
            Expected = ["mx.record.null"],
        },
        new("implicit.example", "It has no MX record: its own address takes its mail.")
        {
            Mx = [new("implicit.example")],
            MxRecords = MxRecords.Implicit,
            Expected = ["mx.record.implicit"],
        },
        new("twice.example", "It has two MTA-STS records, so that senders find no policy.")
        {
            Mx = [Good],
            StsRecords = LabStsRecords.Twice,
            Expected = ["txt.sts.multiple"],
        },
        new("malformed.example", "Its MTA-STS record has an id that is not letters and digits.")
        {
            Mx = [Good],
            StsRecords = LabStsRecords.Malformed,
            Expected = ["txt.sts.malformed"],
        },
        new("delegated.example", "No fault: its MTA-STS record is an alias into the zone of its operator.")
        {
            Mx = [Good],
            StsRecordDelegatedTo = "delegated.example._mta-sts.hosting.example",
        },
        new("unpublished.example", "It has no MTA-STS record, so that senders find no policy.")
        {
            Mx = [Good],
            StsRecords = LabStsRecords.Missing,
            Expected = ["txt.sts.missing"],
        },
    ];

    /// <summary>Mail servers with unusual or faulty sessions.</summary>
    public static IReadOnlyList<LabDomain> Sessions { get; } =
    [
        new("dripping.example", "No fault: its MX host sends everything one byte at a time.")
        {
            Mx = [new("mx.dripping.example") { Script = SmtpScript.Good with { OneByteAtATime = true } }],
        },
        new("tls12.example", "Its MX host knows TLS 1.2 and no newer one, which is still good.")
        {
            Mx = [new("mx.tls12.example") { Script = SmtpScript.Good with { Protocols = SslProtocols.Tls12 } }],
            Expected = ["mx.tls.only-12"],
        },
        new("rsa.example", "No fault: the key of its MX host's certificate is RSA.")
        {
            Mx = [WithCertificate("mx.rsa.example", good => good with { Key = KeyKind.Rsa })],
        },
        new("both.example", "No fault: its MX host has an ECDSA certificate, and an RSA one for clients that cannot use it.")
        {
            Mx = [WithBoth("mx.both.example", good => good)],
        },
        new("half-expired.example", "Its MX host has a good ECDSA certificate, and an RSA one that expired yesterday: only senders without ECDSA get that one.")
        {
            Mx = [WithBoth("mx.half-expired.example", good => good with { NotBeforeFromNow = TimeSpan.FromDays(-91), NotAfterFromNow = TimeSpan.FromDays(-1) })],
            Expected = ["mx.certificate.alternate"],
        },
        new("flooding.example", "The answer of its MX host to EHLO has no end.")
        {
            Mx = [new("mx.flooding.example") { Script = SmtpScript.FloodsAt(SmtpStage.Ehlo) }],
            Expected = ["mx.session.dropped"],
        },
        new("cut-off.example", "Its MX host closes the connection during the TLS handshake.")
        {
            Mx = [new("mx.cut-off.example") { Script = SmtpScript.CutsOffAt(SmtpStage.Handshake) }],
            Expected = ["mx.starttls.broken"],
        },
        new("injected.example", "An attacker inserts plain text after its MX host's answer to STARTTLS (RFC 3207 §6).")
        {
            Mx = [new("mx.injected.example") { Script = SmtpScript.Injected }],
            Expected = ["mx.starttls.injected"],
        },
        new("refusing.example", "Its MX host offers STARTTLS, and then says that it has no TLS.")
        {
            Mx = [new("mx.refusing.example") { Script = SmtpScript.RefusesStartTls }],
            Expected = ["mx.starttls.refused"],
        },
        new("turning-away.example", "Its MX host rejects every session with 554.")
        {
            Mx = [new("mx.turning-away.example") { Script = SmtpScript.Rejects }],
            Expected = ["mx.session.rejected"],
        },
    ];

    /// <summary>Faults of DNS itself.</summary>
    public static IReadOnlyList<LabDomain> Resolving { get; } =
    [
        new("dns-truncates.example", "No fault: DNS truncates every answer about it over UDP, so that senders ask again over TCP.")
        {
            Mx = [new("mx.dns-truncates.example")],
            Dns =
            [
                .. new[] { "dns-truncates.example", "mx.dns-truncates.example", "_mta-sts.dns-truncates.example", "_smtp._tls.dns-truncates.example", "mta-sts.dns-truncates.example" }
                    .Select(name => new LabDnsFault(name, DnsBehaviour.TruncatedOverUdp)),
            ],
        },
        new("dns-fails.example", "DNS answers SERVFAIL where its MX records should be.")
        {
            Mx = [Good],
            Dns = [new("dns-fails.example", DnsBehaviour.ServerFailure)],
            Expected = ["mx.record.lookup-failed"],
        },
        new("dns-loops.example", "Its MX host is an alias of itself.")
        {
            Mx = [new("mx.dns-loops.example")],
            Dns = [new("mx.dns-loops.example", DnsBehaviour.CnameLoop)],
            Expected = ["mx.address.missing", "mx.record.alias"],
        },
        new("sts-loops.example", "Its MTA-STS record is an alias of itself, so that senders find no policy.")
        {
            Mx = [Good],
            Dns = [new("_mta-sts.sts-loops.example", DnsBehaviour.CnameLoop)],
            Expected = ["txt.sts.missing"],
        },
    ];

    /// <summary>Policy hosts that are servers of the lab, and not the app's.</summary>
    public static IReadOnlyList<LabDomain> Policies { get; } =
    [
        Policy("policy-elsewhere.example", "No fault: another party serves its policy.", new()),
        Policy("policy-redirects.example", "Its policy host redirects, which senders do not follow (RFC 8461 §3.3).", new() { Script = PolicyScript.Redirects(302) }, "policy.response.redirect"),
        Policy("policy-slow.example", "No fault: its policy host takes a second for the first byte, and a moment for each one after it.",
            new() { Script = PolicyScript.Slow(TimeSpan.FromSeconds(1), TimeSpan.FromMilliseconds(10)) }),
        Policy("policy-type.example", "Its policy is served as text/html.", new() { Script = PolicyScript.Good with { MediaType = "text/html; charset=utf-8" } }, "policy.response.media-type"),
        Policy("policy-missing.example", "Its policy host answers 404.", new() { Script = PolicyScript.Answers(404) }, "policy.response.status"),
        Policy("policy-broken.example", "Its policy host answers 500.", new() { Script = PolicyScript.Answers(500) }, "policy.response.server-error"),
        Policy("policy-oversize.example", "Its policy is longer than the 64 KiB that senders read (RFC 8461 §3.2).", new() { Script = PolicyScript.Oversize }, "policy.file.too-large"),
        Policy("policy-cut-off.example", "Its policy host closes the connection during the policy.", new() { Script = PolicyScript.Good with { CutsOff = true } }, "policy-host.connection.dropped"),
        Policy("policy-differs.example", "Its policy host serves another policy than the one that was published.", new() { Script = PolicyScript.Differs }, "policy-host.address.foreign"),
        Policy("policy-down.example", "Nothing listens where its policy host should.", new() { Listens = false }, "policy-host.connection.failed"),
        Policy("policy-wrong-name.example", "The certificate of its policy host is for another name.", new() { Certificate = CertificateSpec.For("www.somewhere-else.example") }, "policy-host.certificate.invalid"),
        Policy("policy-expired.example", "The certificate of its policy host expired yesterday.",
            new() { Certificate = CertificateSpec.For("mta-sts.policy-expired.example") with { NotBeforeFromNow = TimeSpan.FromDays(-91), NotAfterFromNow = TimeSpan.FromDays(-1) } }, "policy-host.certificate.invalid"),
        Policy("policy-self-signed.example", "The certificate of its policy host is self-signed.",
            new() { Certificate = CertificateSpec.For("mta-sts.policy-self-signed.example") with { Signer = CertificateSigner.Itself } }, "policy-host.certificate.invalid"),
        Policy("policy-no-intermediate.example", "Its policy host does not send the intermediate certificate.",
            new() { Certificate = CertificateSpec.For("mta-sts.policy-no-intermediate.example") with { Sends = SentChain.LeafOnly } }, "policy-host.certificate.invalid"),
    ];

    /// <summary>Every domain of the catalogue whose servers answer or refuse at once.</summary>
    public static IReadOnlyList<LabDomain> All { get; } = [.. Typical, .. Further, .. Sessions, .. Resolving, .. Policies];

    /// <summary>Domains whose servers do not answer, so that a client waits until its time-out.</summary>
    public static IReadOnlyList<LabDomain> Silent { get; } =
    [
        new("hanging.example", "Its MX host answers EHLO with silence.")
        {
            Mx = [new("mx.hanging.example") { Script = SmtpScript.HangsAt(SmtpStage.Ehlo) }],
            Expected = ["mx.session.slow"],
        },
        new("hanging-tls.example", "Its MX host goes silent in the TLS handshake.")
        {
            Mx = [new("mx.hanging-tls.example") { Script = SmtpScript.HangsAt(SmtpStage.Handshake) }],
            Expected = ["mx.session.slow"],
        },
        new("dns-silent.example", "DNS does not answer where its MX records should be.")
        {
            Mx = [Good],
            Dns = [new("dns-silent.example", DnsBehaviour.Silent)],
            Expected = ["mx.record.lookup-failed"],
        },
        Policy("policy-silent.example", "Its policy host never answers.", new() { Script = PolicyScript.Silent }, "policy-host.connection.timed-out"),
    ];

    /// <summary>The domain of that name.</summary>
    /// <exception cref="KeyNotFoundException">The catalogue has none.</exception>
    public static LabDomain Get(string name) =>
        All.Concat(Silent).FirstOrDefault(domain => domain.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new KeyNotFoundException($"The catalogue has no domain '{name}'. It has: {string.Join(", ", All.Concat(Silent).Select(domain => domain.Name))}.");

    private static LabMx WithCertificate(string host, Func<CertificateSpec, CertificateSpec> how) =>
        new(host) { Certificate = how(CertificateSpec.For(host)) };

    private static LabMx WithBoth(string host, Func<CertificateSpec, CertificateSpec> howTheRsaOne) =>
        new(host) { SecondCertificate = howTheRsaOne(CertificateSpec.For(host) with { Key = KeyKind.Rsa }) };

    private static LabDomain Policy(string name, string fault, LabPolicyHost host, params string[] expected) =>
        new(name, fault) { Mx = [Good], PolicyHost = host, Expected = expected };
}
