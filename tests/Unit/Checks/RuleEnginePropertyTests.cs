using System.Globalization;
using System.Text.Json;
using CsCheck;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol.MtaSts;
using Xunit;
using DnsAnswer = StsFunctions.Core.Observations.DnsAnswer;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>Properties of every observation, and of every inconclusive one.</summary>
public sealed class RuleEnginePropertyTests
{
    private static readonly CultureInfo OtherCulture = Elsewhere();
    private static readonly string[] Hosts = ["mx1.example.com", "mx2.example.com", "192.0.2.7", "b\u00fccher.example", ""];
    private static readonly string[] Addresses = ["192.0.2.1", "192.0.2.2", "10.0.0.1", "2001:db8::1", "2001:db8::2"];
    private static readonly byte[] Garbage = [0x30, 0x03, 0x02, 0x01];

    private static readonly TlsSession[] Handshakes =
    [
        TestObservations.Certificate("mx1.example.com"),
        TestObservations.Certificate("mx1.example.com", -91, -1),
        TestObservations.Certificate("other.example", -80, 5, "PartialChain: CN=x"),
        TestObservations.Certificate(CertificateSpec.For("mta-sts.example.com") with { Signer = CertificateSigner.Itself }, "UntrustedRoot: CN=x"),
        TestObservations.Certificate(CertificateSpec.For("mx1.example.com") with { Sends = SentChain.Misordered }) with { Protocol = "Tls12" },
        new("", "", [], [], []),
        new("Tls13", "x", [Garbage, []], [Garbage], ["what"]),
    ];

    private static readonly byte[][] Bodies =
    [
        TestObservations.AsPublished,
        "version: STSv1\nmode: testing\nmx: a.example\nmax_age: 1\n"u8.ToArray(),
        "version: STSv1\nmode: none\nmax_age: 1\n"u8.ToArray(),
        [0xff, 0x00],
    ];

    private static readonly Gen<string> Record = Gen.OneOf(
        Gen.OneOf(
            "", " ", "0 .", "10 mx1.example.com", "ten", $"v=STSv1; id={TestObservations.PolicyId};", "v=STSv1 ;id=1", "v=TLSRPTv1; rua=a", "v=TLSRPTv1;rua=mailto:a@b.example",
            "v=DMARC1; p=none", "v=DMARC1", "0 issue ;", "128 x y", "0 issue", "3 1 1 00", "3 1 1 xyz", "2 0 0", "1 1 1 00", "999 1 1 00", "192.0.2.1"),
        Gen.String);

    private static readonly Gen<DnsOutcome> DnsEnd = Gen.Enum<DnsOutcome>();

    private static readonly Gen<bool?> Vouched = Gen.OneOf<bool?>(null, true, false);

    private static readonly Gen<TlsSession?> Handshake = Gen.OneOf(Gen.OneOf<TlsSession?>((TlsSession?)null), Gen.OneOf<TlsSession?>(Handshakes));

    private static readonly Gen<MxProbeResult> Probe =
        from session in Session(Gen.OneOf(TlsOffer.Default))
        from narrow in Session(Gen.OneOf(TlsOffer.Tls12Rsa, TlsOffer.Tls12Ecdsa, TlsOffer.Tls13)).Array[0, 3]
        select new MxProbeResult(session, narrow, narrow is [] ? null : TestObservations.At.AddHours(-2));

    private static readonly Gen<MxHostObservation> MxHost =
        from host in Gen.OneOf(Hosts)
        from isImplicit in Gen.Bool
        from tlsa in Dns("_25._tcp")
        from a in Dns(host)
        from aaaa in Dns(host)
        from probes in Probe.Array[0, 3]
        select new MxHostObservation(host, 10, isImplicit, a, aaaa, tlsa, [.. probes.DistinctBy(probe => probe.Default.Address)]);

    private static readonly Gen<PolicyFetch?> Fetch = Gen.OneOf(
        Gen.OneOf<PolicyFetch?>((PolicyFetch?)null),
        from outcome in Gen.Enum<PolicyFetchOutcome>()
        from status in Gen.OneOf(200, 301, 404, 429, 503)
        from type in Gen.OneOf<string?>(null, "text/plain", "text/html", ";")
        from body in Gen.OneOf(Bodies)
        from tls in Handshake
        select (PolicyFetch?)(TestObservations.Fetch(outcome) with
        {
            Status = outcome switch { PolicyFetchOutcome.Fetched or PolicyFetchOutcome.TooLarge => 200, PolicyFetchOutcome.OtherStatus => status == 200 ? 204 : status, _ => null },
            ContentType = type,
            Body = outcome == PolicyFetchOutcome.Fetched ? body : null,
            Tls = tls,
        }));

    private static readonly Gen<Observation> Observed =
        from mx in Dns("example.com")
        from sts in Dns("_mta-sts.example.com")
        from tlsRpt in Dns("_smtp._tls.example.com")
        from dmarc in Dns("_dmarc.example.com")
        from a in Dns("mta-sts.example.com")
        from aaaa in Dns("mta-sts.example.com")
        from caa in Dns("example.com")
        from fetch in Fetch
        from hosts in MxHost.Array[0, 3]
        from port25 in Gen.OneOf(OutboundSmtp.Open, OutboundSmtp.NotTested)
        select new Observation(
            Observation.CurrentVersion, "example.com", "1", TestObservations.At, mx, sts, tlsRpt, dmarc,
            new PolicyHostObservation("mta-sts.example.com", a, aaaa, caa, fetch),
            // Without MX records there are no hosts.
            mx.IsKnown ? [.. hosts.DistinctBy(host => host.Host)] : [],
            port25);

    private static readonly Gen<RuleContext> Given =
        from observed in Observed
        from mode in Gen.Enum<PolicyMode>()
        from isHosted in Gen.Bool
        from isPlaced in Gen.Bool
        from age in Gen.OneOf(0, 3_600, 86_400, 1_209_600)
        let given = Cases.Of(observed, mode, "mx1.example.com", "*.old.example").WithMaxAge(age)
        select given with { HostedDomain = isHosted ? given.HostedDomain : null, ExpectedTargets = isPlaced ? TestObservations.ExpectedTargets : ExpectedTargets.Unknown };

    // One part of the attempt not made, as in a check that ran out of time, or one on a network with a blocked port 25.
    private static readonly (string Name, Func<Observation, Observation> How)[] Blindfolds =
    [
        ("MX", observation => observation with { Mx = NotAsked(observation.Mx), MxHosts = [] }),
        ("MX failed", observation => observation with { Mx = NotAsked(observation.Mx) with { Outcome = DnsOutcome.TimedOut }, MxHosts = [] }),
        ("A", observation => Each(observation, host => host with { A = NotAsked(host.A), Probes = [.. host.Probes.Where(probe => probe.Default.Address.Contains(':', StringComparison.Ordinal))] })),
        ("AAAA", observation => Each(observation, host => host with { Aaaa = NotAsked(host.Aaaa), Probes = [.. host.Probes.Where(probe => !probe.Default.Address.Contains(':', StringComparison.Ordinal))] })),
        ("TLSA", observation => Each(observation, host => host with { Tlsa = NotAsked(host.Tlsa) })),
        ("sessions", observation => Each(observation, host => host with { Probes = [.. host.Probes.Select(probe => new MxProbeResult(new SmtpSession(probe.Default.Address, SmtpOutcome.DeadlineExceeded), []))] })),
        ("narrow sessions", observation => Each(observation, host => host with { Probes = [.. host.Probes.Select(probe => probe with { Restricted = [], RestrictedAt = null })] })),
        ("port 25", observation => Each(observation, host => host with { Probes = [.. host.Probes.Select(probe => new MxProbeResult(new SmtpSession(probe.Default.Address, probe.Default.Outcome is SmtpOutcome.AddressNotAllowed or SmtpOutcome.NoRoute ? probe.Default.Outcome : SmtpOutcome.ConnectionTimedOut), []))] }) with { OutboundSmtp = OutboundSmtp.Blocked }),
        ("_mta-sts", observation => observation with { StsRecords = NotAsked(observation.StsRecords) }),
        ("_smtp._tls", observation => observation with { TlsRptRecords = NotAsked(observation.TlsRptRecords) }),
        ("_dmarc", observation => observation with { Dmarc = NotAsked(observation.Dmarc) }),
        ("policy host's addresses", observation => observation with { PolicyHost = observation.PolicyHost with { A = NotAsked(observation.PolicyHost.A), Aaaa = NotAsked(observation.PolicyHost.Aaaa) } }),
        ("CAA", observation => observation with { PolicyHost = observation.PolicyHost with { Caa = NotAsked(observation.PolicyHost.Caa) } }),
        ("fetch", observation => observation with { PolicyHost = observation.PolicyHost with { Fetch = null } }),
    ];

    [Fact]
    public void Every_observation_is_evaluated_to_known_kinds_of_findings_with_distinct_subjects()
    {
        var kinds = RuleEngine.Kinds.Select(kind => kind.Code).ToHashSet();
        Given.Sample(context =>
        {
            var evaluated = RuleEngine.Evaluate(context);
            Assert.All(evaluated.Findings, finding => Assert.Contains(finding.Code, kinds));
            Assert.Equal(evaluated.Findings.Select(Identity).Distinct(), evaluated.Findings.Select(Identity));
        });
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public void An_inconclusive_part_opens_nothing_makes_nothing_worse_and_resolves_nothing() => Gen.Select(Given, Gen.OneOf(Blindfolds)).Sample((context, blindfold) =>
    {
        var all = RuleEngine.Evaluate(context);
        var less = RuleEngine.Evaluate(context with { Observation = blindfold.How(context.Observation) with { DeadlineExceeded = true } });
        var before = all.Findings.ToDictionary(Identity);

        var opened = less.Findings.Where(finding => !before.TryGetValue(Identity(finding), out var same) || finding.Severity > same.Severity).Select(finding => $"{finding.Code} {finding.Subject}");
        var after = less.Findings.Select(Identity).ToHashSet();
        var resolved = all.Findings.Where(finding => !after.Contains(Identity(finding)) && !less.Inconclusive.Contains(finding.Code)).Select(finding => $"{finding.Code} {finding.Subject}");

        // That the lookup of the MX records fails is itself an observation.
        Assert.Equal((blindfold.Name, "", ""), (blindfold.Name, string.Join(", ", opened.Except(["mx.record.lookup-failed example.com"])), string.Join(", ", resolved)));
    });

    [Fact]
    public void An_empty_observation_has_findings_of_the_policy_only()
    {
        var nothing = Blindfolds.Where(blindfold => blindfold.Name != "MX failed").Aggregate(TestObservations.Good, (observation, blindfold) => blindfold.How(observation)) with { DeadlineExceeded = true };

        var evaluated = RuleEngine.Evaluate(Cases.Of(nothing, PolicyMode.Enforce, "mx9.example.com"));

        Assert.Empty(evaluated.Findings);
        Assert.Equal(["policy.max-age.short", "policy.mode.testing-long"], RuleEngine.Rules.Select(rule => rule.Code).Where(code => !evaluated.Inconclusive.Contains(code)).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_evaluation_depends_on_the_observation_alone_and_not_on_time_rule_order_or_language() => Gen.Select(Given, Gen.Shuffle(RuleEngine.Rules.ToArray())).Sample((context, rules) =>
    {
        var first = RuleEngine.Evaluate(context);

        Assert.Equal(Text(first), Text(RuleEngine.Evaluate(context)));
        Assert.Equal(Text(first), Text(RuleEngine.Evaluate(context, rules)));
        Assert.Equal(Text(first), Text(In(OtherCulture, () => RuleEngine.Evaluate(context))));
    });

    [Fact]
    public void An_observation_is_evaluated_equally_after_a_JSON_round_trip() => Given.Sample(context =>
    {
        var again = JsonSerializer.Deserialize(context.Observation.ToJson(), ObservationJson.Default.Observation)!;

        Assert.Equal(Text(RuleEngine.Evaluate(context)), Text(RuleEngine.Evaluate(context with { Observation = again })));
    });

    // Another decimal point, minus, order of days and calendar than where this was written.
    private static CultureInfo Elsewhere()
    {
        var culture = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (culture.NumberFormat.NumberDecimalSeparator, culture.NumberFormat.NumberGroupSeparator, culture.NumberFormat.NegativeSign) = (",", ".", "−");
        (culture.DateTimeFormat.DateSeparator, culture.DateTimeFormat.TimeSeparator, culture.DateTimeFormat.ShortDatePattern) = (".", "h", "yy.dd.MM");
        return culture;
    }

    private static T In<T>(CultureInfo culture, Func<T> what)
    {
        var (before, beforeInUi) = (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture);
        (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture) = (culture, culture);
        try
        {
            return what();
        }
        finally
        {
            (CultureInfo.CurrentCulture, CultureInfo.CurrentUICulture) = (before, beforeInUi);
        }
    }

    // The order of different rules has no meaning; that of one rule has.
    private static string Text(RuleResults evaluated) => string.Join('\n',
    [
        .. evaluated.Findings.OrderBy(finding => finding.Code, StringComparer.Ordinal).Select(finding => finding.ToString()),
        .. evaluated.Inconclusive.Order(StringComparer.Ordinal),
        .. evaluated.Failed.Order(StringComparer.Ordinal),
    ]);

    private static (string Code, string Subject) Identity(Finding finding) => (finding.Code, finding.Subject);

    private static DnsAnswer NotAsked(DnsAnswer answer) => DnsAnswer.NotAsked(answer.Name);

    private static Observation Each(Observation observation, Func<MxHostObservation, MxHostObservation> how) => observation with { MxHosts = [.. observation.MxHosts.Select(how)] };

    private static Gen<DnsAnswer> Dns(string name) =>
        from outcome in DnsEnd
        from records in Record.Array[1, 3]
        from aliases in Gen.OneOf("app.example.net", "elsewhere.example").Array[0, 2]
        from vouched in Vouched
        select new DnsAnswer(name, outcome, outcome == DnsOutcome.Found ? records : [], outcome == DnsOutcome.NotAsked ? [] : aliases, 300, null, vouched);

    private static Gen<SmtpSession> Session(Gen<TlsOffer> offers) =>
        from address in Gen.OneOf(Addresses)
        from outcome in Gen.Enum<SmtpOutcome>()
        from offer in offers
        from tls in Handshake
            // Only a handshake shows anything.
        select new SmtpSession(address, outcome, offer, Tls: outcome is SmtpOutcome.Completed or SmtpOutcome.TlsFailed ? tls : null);
}
