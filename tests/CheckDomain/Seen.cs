using Microsoft.Extensions.Time.Testing;
using StsFunctions.CheckDomain;
using StsFunctions.Local.MailInternet;
using DnsAnswer = StsFunctions.CheckDomain.DnsAnswer;
using SmtpSession = StsFunctions.CheckDomain.SmtpSession;

namespace StsFunctions.Tests.CheckDomain;

/// <summary>Observations made by hand: one of a domain that is well, to be changed in one way.</summary>
internal static class Seen
{
    public const string PolicyId = "20260301000000";
    public static readonly DateTimeOffset At = TestStorage.Noon;
    private static readonly PrivateCa Ca = new(new FakeTimeProvider(At));

    public static Observation Good { get; } = With(Host("mx1.example.com", Session("192.0.2.1", Certificate("mx1.example.com"))));

    public static Observation With(params MxHostObservation[] hosts) => new(
        Observation.CurrentVersion, "example.com", "20260314120000000", At,
        Found("example.com", [.. hosts.Select(host => $"{host.Preference} {host.Host}")]),
        Found("_mta-sts.example.com", $"v=STSv1; id={PolicyId};"),
        Found("_smtp._tls.example.com", "v=TLSRPTv1; rua=mailto:reports@example.com"),
        Found("_dmarc.example.com", "v=DMARC1; p=reject"),
        new PolicyHostObservation("mta-sts.example.com", Found("mta-sts.example.com", "192.0.2.80"), Nothing("mta-sts.example.com"), Nothing("mta-sts.example.com"), Fetch: null),
        hosts,
        Port25.Open);

    public static MxHostObservation Host(string name, params SmtpSession[] sessions) => new(
        name, 10, Implicit: false,
        Answer(name, [.. sessions.Select(s => s.Address).Where(address => !address.Contains(':', StringComparison.Ordinal))]),
        Answer(name, [.. sessions.Select(s => s.Address).Where(address => address.Contains(':', StringComparison.Ordinal))]),
        DnsAnswer.NotAsked($"_25._tcp.{name}"),
        [.. sessions.Select(session => new AddressLook(session, Narrow: []))]);

    public static SmtpSession Session(string address, TlsSession tls) => new(address, SmtpOutcome.Completed, Banner: "220 mx ESMTP", StartTlsReply: "220 go", Tls: tls);

    public static SmtpSession Failed(string address, SmtpOutcome outcome, string? detail = null) => new(address, outcome, Banner: "220 mx ESMTP", Detail: detail);

    /// <summary>A trusted certificate of ninety days, thirty of them past, unless said otherwise.</summary>
    public static TlsSession Certificate(string name, double fromDays = -30, double toDays = 60, params string[] trust) => Certificate(
        CertificateSpec.For(name) with { NotBeforeFromNow = TimeSpan.FromDays(fromDays), NotAfterFromNow = TimeSpan.FromDays(toDays) }, trust);

    public static TlsSession Certificate(CertificateSpec spec, params string[] trust)
    {
        var issued = Ca.Issue(spec);
        return new TlsSession("Tls13", "TLS_AES_256_GCM_SHA384", [issued.Leaf.RawData, .. issued.Chain.Select(c => c.RawData)], [issued.Leaf.RawData, .. issued.Chain.Select(c => c.RawData)], trust);
    }

    public static DnsAnswer Found(string name, params string[] records) => new(name, DnsOutcome.Found, records, Ttl: 300);

    public static DnsAnswer Nothing(string name, DnsOutcome outcome = DnsOutcome.Empty) => new(name, outcome, []);

    private static DnsAnswer Answer(string name, string[] records) => records is [] ? Nothing(name) : Found(name, records);
}
