namespace StsFunctions.Local.MailInternet;

/// <summary>The catalogue: domains that are good, and domains that are each bad in one way.</summary>
public static class LabDomains
{
    private static readonly LabMx s_good = new("mx.hosting.example");

    /// <summary>The ones to begin with.</summary>
    public static IReadOnlyList<LabDomain> Everyday { get; } =
    [
        new("example.com", "All is well: two MX hosts, both covered, both with a good certificate.")
        {
            Mx = [new("mx1.example.com"), new("mx2.example.com")],
        },
        new("expiring.example", "The certificate of its MX host expires in 9 days.")
        {
            // And half a day, so that it stays 9 whole days for as long as somebody looks; of 90, as such certificates have.
            Mx = [WithCertificate("mx.expiring.example", good => good with { NotBeforeFromNow = TimeSpan.FromDays(-80.5), NotAfterFromNow = TimeSpan.FromDays(9.5) })],
            Expected = ["mx.certificate.expiring"],
        },
        new("wrong-name.example", "The certificate of its MX host is for another name.")
        {
            Mx = [new("mx.wrong-name.example") { Certificate = CertificateSpec.For("mail.somewhere-else.example") }],
            Expected = ["mx.certificate.name"],
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
            Expected = ["mx.uncovered"],
        },
    ];

    /// <summary>More ways to be wrong, and a few odd ways to be right.</summary>
    public static IReadOnlyList<LabDomain> Further { get; } =
    [
        new("expired.example", "The certificate of its MX host expired yesterday.")
        {
            Mx = [WithCertificate("mx.expired.example", good => good with { NotBeforeFromNow = TimeSpan.FromDays(-91), NotAfterFromNow = TimeSpan.FromDays(-1) })],
            Expected = ["mx.certificate.expired"],
        },
        new("self-signed.example", "The certificate of its MX host is signed by nobody but itself.")
        {
            Mx = [WithCertificate("mx.self-signed.example", good => good with { Signer = CertificateSigner.Itself })],
            Expected = ["mx.certificate.untrusted"],
        },
        new("stranger.example", "The certificate of its MX host is signed by a CA that nobody trusts.")
        {
            Mx = [WithCertificate("mx.stranger.example", good => good with { Signer = CertificateSigner.Stranger })],
            Expected = ["mx.certificate.untrusted"],
        },
        new("no-intermediate.example", "Its MX host does not send the intermediate certificate.")
        {
            Mx = [WithCertificate("mx.no-intermediate.example", good => good with { Sends = SentChain.LeafOnly })],
            Expected = ["mx.certificate.untrusted"],
        },
        new("misordered.example", "Its MX host sends its chain in the wrong order, which senders put up with (RFC 8446 §4.4.2).")
        {
            Mx = [WithCertificate("mx.misordered.example", good => good with { Sends = SentChain.Misordered })],
        },
        new("old-tls.example", "Its MX host knows no TLS newer than 1.1.")
        {
            Mx = [new("mx.old-tls.example") { Script = SmtpScript.OldTls }],
            Expected = ["mx.tls.version"],
        },
        new("half-dead.example", "One of the two addresses of its MX host is dead.")
        {
            Mx = [new("mx.half-dead.example") { Addresses = [LabAddress.IPv4, LabAddress.DeadIPv4] }],
            Expected = ["mx.unreachable"],
        },
        new("dead.example", "Nothing listens where its MX host should.")
        {
            Mx = [new("mx.dead.example") { Addresses = [LabAddress.DeadIPv4] }],
            Expected = ["mx.unreachable"],
        },
        new("ipv6.example", "All is well: its MX host has an IPv6 address only.")
        {
            Mx = [new("mx.ipv6.example") { Addresses = [LabAddress.IPv6] }],
        },
        new("alias.example", "Its MX host is an alias.")
        {
            Mx = [new("mx.alias.example") { AliasOf = "real.alias.example" }],
            Expected = ["mx.cname"],
        },
        new("null.example", "It takes no mail: a null MX.")
        {
            MxRecords = MxRecords.Null,
            Covers = ["mx.null.example"],
            Expected = ["mx.null"],
        },
        new("implicit.example", "It has no MX record: its own address takes its mail.")
        {
            Mx = [new("implicit.example")],
            MxRecords = MxRecords.Implicit,
            Expected = ["mx.implicit"],
        },
        new("twice.example", "It has two MTA-STS records, so that senders see no policy.")
        {
            Mx = [s_good],
            StsRecords = [$"v=STSv1; id={LabDomain.Id};", "v=STSv1; id=20200101000000;"],
            Expected = ["txt.sts.invalid"],
        },
        new("malformed.example", "Its MTA-STS record has an id that is not letters and digits.")
        {
            Mx = [s_good],
            StsRecords = [$"v=STSv1; id={LabDomain.Id}-new;"],
            Expected = ["txt.sts.invalid"],
        },
        new("delegated.example", "All is well: its MTA-STS record is an alias into the zone of its operator.")
        {
            Mx = [s_good],
            StsRecordDelegatedTo = "delegated.example._mta-sts.hosting.example",
        },
    ];

    /// <summary>Every domain of the catalogue.</summary>
    public static IReadOnlyList<LabDomain> All { get; } = [.. Everyday, .. Further];

    /// <summary>The domain of that name.</summary>
    /// <exception cref="KeyNotFoundException">The catalogue has none.</exception>
    public static LabDomain Get(string name) =>
        All.FirstOrDefault(domain => domain.Name.Equals(name, StringComparison.OrdinalIgnoreCase))
        ?? throw new KeyNotFoundException($"The catalogue has no domain '{name}'. It has: {string.Join(", ", All.Select(domain => domain.Name))}.");

    private static LabMx WithCertificate(string host, Func<CertificateSpec, CertificateSpec> how) =>
        new(host) { Certificate = how(CertificateSpec.For(host)) };
}
