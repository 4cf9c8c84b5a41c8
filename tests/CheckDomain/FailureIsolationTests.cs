using System.Net;
using Azure;
using StsFunctions.CheckDomain;
using StsFunctions.CommandLine;
using StsFunctions.Domains;
using StsFunctions.Outgoing;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Tests.Outgoing;
using Xunit;

namespace StsFunctions.Tests.CheckDomain;

/// <summary>What observing one item throws concerns that item alone: everything else of the domain is observed, and judged.</summary>
public sealed class FailureIsolationTests
{
    private const ushort A = 1;
    private const ushort Mx = 15;
    private const ushort Txt = 16;
    private const ushort Aaaa = 28;
    private static readonly IPAddress First = IPAddress.Parse("192.0.2.1");

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("_mta-sts.lab.example", Txt, "txt.sts.lookup.failed")]
    [InlineData("_smtp._tls.lab.example", Txt, "txt.tlsrpt.lookup.failed")]
    [InlineData("mx2.lab.example", A, "mx.address.lookup.failed")]
    [InlineData("mx2.lab.example", Aaaa, "mx.address.lookup.failed")]
    public async Task A_record_that_does_not_parse_is_one_finding_and_the_rest_of_the_domain_is_observed(string name, ushort type, string code)
    {
        await using var dns = Serving((name, type));

        var seen = await ObserverOf(dns, new StubProbe()).LookAsync(DomainName.Parse("lab.example"), "1", Now);

        Assert.Equal(["mx1.lab.example", "mx2.lab.example"], seen.MxHosts.Select(host => host.Host));
        Assert.Equal(SmtpOutcome.Completed, seen.MxHosts[0].Sessions[0].Outcome);
        Assert.Equal(name != "_mta-sts.lab.example", seen.StsRecords.IsKnown);
        Assert.Equal(PolicyFetchOutcome.AddressNotAllowed, seen.PolicyHost.Fetch!.Outcome);
        Assert.False(seen.OutOfTime);
        Assert.Contains(code, JudgementOf(seen).Findings.Select(finding => finding.Code));
    }

    [Fact]
    public async Task MX_records_that_do_not_parse_are_one_finding_and_the_policy_is_observed()
    {
        await using var dns = Serving(("lab.example", Mx));

        var seen = await ObserverOf(dns, new StubProbe()).LookAsync(DomainName.Parse("lab.example"), "1", Now);

        Assert.Equal((DnsOutcome.Failed, 0), (seen.Mx.Outcome, seen.MxHosts.Count));
        Assert.True(seen.StsRecords.IsKnown);
        Assert.Equal("mx.lookup.failed", Assert.Single(JudgementOf(seen).Findings, finding => finding.Code.StartsWith("mx.", StringComparison.Ordinal)).Code);
    }

    [Fact]
    public async Task An_address_that_this_checker_fails_at_is_said_to_be_not_observed_and_the_others_are()
    {
        await using var dns = Serving();
        var probe = new StubProbe { Fails = (host, address) => host == "mx1.lab.example" && address.Equals(First) ? new InvalidOperationException("unexpected\u001b[2J") : null };

        var seen = await ObserverOf(dns, probe).LookAsync(DomainName.Parse("lab.example"), "1", Now);

        var session = seen.MxHosts[0].Sessions[0];
        Assert.Equal((SmtpOutcome.NotObserved, "InvalidOperationException: unexpected?[2J"), (session.Outcome, session.Detail));
        Assert.Equal(SmtpOutcome.Completed, seen.MxHosts[1].Sessions[0].Outcome);
        Assert.Equal((true, false, Port25.Open), (seen.IsBlurred, seen.IsUnseen, seen.Port25));
        var judged = JudgementOf(seen);
        Assert.Equal(["mx.session.not-observed mx1.lab.example"], judged.Findings.Where(finding => finding.Code.StartsWith("mx.session.", StringComparison.Ordinal)).Select(finding => $"{finding.Code} {finding.Subject}"));
        Assert.Contains("mx.unreachable", judged.Unseen);
    }

    [Fact]
    public async Task What_storage_throws_ends_the_check_which_is_then_retried()
    {
        await using var dns = Serving();
        var probe = new StubProbe { Fails = (_, _) => new RequestFailedException(503, "busy") };

        await Assert.ThrowsAsync<RequestFailedException>(() => ObserverOf(dns, probe).LookAsync(DomainName.Parse("lab.example"), "1", Now));
    }

    [Fact]
    public void A_rule_that_fails_resolves_nothing_of_its_own_and_keeps_no_other_from_being_asked()
    {
        var kind = new FindingKind("test.failing", "info", "x", "y.", "z", "RFC 1 §1");
        var judged = Judge.Of(Cases.Of(Seen.Good with { StsRecords = Seen.Nothing("_mta-sts.example.com") }, PolicyMode.Enforce, "mx1.example.com"), [new FailingRule(kind), .. Judge.Rules]);

        Assert.Equal(["test.failing", "txt.sts.missing"], judged.Findings.Select(finding => finding.Code));
        Assert.Equal(["test.failing"], judged.Unseen);
        Assert.StartsWith("test.failing: FormatException", Assert.Single(judged.Failed), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_check_from_the_command_line_never_ends_with_the_exit_code_of_findings_where_it_fails()
    {
        Assert.Equal(2, await CheckCommand.RunAsync(() => throw new InvalidOperationException("unexpected")));
        Assert.Equal(0, await CheckCommand.RunAsync(() => Task.FromResult(0)));
    }

    [Fact]
    public void Where_a_part_could_not_be_judged_the_exit_code_does_not_say_that_all_is_well()
    {
        var shown = new CheckedJson("example.com", Seen.At, null, PolicySource.None, null, [], Seen.Good);
        var bad = new Finding("x.y", Severity.Critical, "s", "e", "m", "r", "RFC 1 §1");
        var unobserved = Seen.With(Seen.Host("mx1.example.com", Seen.Session("192.0.2.1", Seen.Certificate("mx1.example.com")), Seen.Failed("192.0.2.2", SmtpOutcome.NotObserved)));

        Assert.Equal(0, CheckCommand.ExitCodeOf(shown));
        Assert.Equal(2, CheckCommand.ExitCodeOf(shown with { NotEvaluated = ["mx.certificate.name: x"] }));
        Assert.Equal(2, CheckCommand.ExitCodeOf(shown with { Observation = unobserved }));
        Assert.Equal(1, CheckCommand.ExitCodeOf(shown with { NotEvaluated = ["mx.certificate.name: x"], Findings = [bad] }));
    }

    private static Judgement JudgementOf(Observation seen) => Judge.Of(new Case(seen, Policy.Parse("version: STSv1\nmode: enforce\nmx: *.lab.example\nmax_age: 604800\n"u8), null, OurPlaces.Unknown));

    // A domain with two MX hosts, and records that do not parse at one name.
    private static StubDnsServer Serving((string Name, ushort Type)? bad = null) => StubDnsServer.Start(query =>
    {
        var (name, type) = (StubDnsServer.NameOf(query).ToLowerInvariant(), StubDnsServer.TypeOf(query));
        return (name, type) == bad
            ? StubDnsServer.Response(query, (type, [255]))
            : (name, type) switch
            {
                ("lab.example", Mx) => StubDnsServer.Response(query, (Mx, [0, 10, 3, .. "mx1"u8, 0xC0, 12]), (Mx, [0, 20, 3, .. "mx2"u8, 0xC0, 12])),
                ("_mta-sts.lab.example", Txt) => StubDnsServer.Response(query, (Txt, [15, .. "v=STSv1; id=1; "u8])),
                ("mx1.lab.example", A) => StubDnsServer.Response(query, (A, [192, 0, 2, 1])),
                ("mx2.lab.example", A) => StubDnsServer.Response(query, (A, [192, 0, 2, 2])),
                ("mta-sts.lab.example", A) => StubDnsServer.Response(query, (A, [192, 0, 2, 80])),
                _ => StubDnsServer.Response(query),
            };
    });

    private static Observer ObserverOf(StubDnsServer dns, IAddressProbe probe)
    {
        var settings = new CheckOptions { HeloName = "check.example", ReferenceMxHosts = [], SessionTimeout = TimeSpan.FromMinutes(1), RetryDelay = TimeSpan.Zero };
        var gate = new OutgoingGate(dns.Settings);
        return new Observer(
            dns.Dns, probe, new SmtpProbe(gate, settings, "check.example", TimeProvider.System),
            new PolicyFetcher(new OutgoingHttp(gate, dns.Resolver, dns.Settings, TimeProvider.System), settings, TimeProvider.System),
            new Repetition(settings, TimeProvider.System), settings, TimeProvider.System);
    }

    private sealed class StubProbe : IAddressProbe
    {
        public Func<string, IPAddress, Exception?> Fails { get; init; } = (_, _) => null;

        public Task<AddressLook> LookAsync(string mxHost, IPAddress address, RoundLook look, AddressLook? before, CancellationToken cancellation) => Fails(mxHost, address) is { } failure
            ? Task.FromException<AddressLook>(failure)
            : Task.FromResult(new AddressLook(Seen.Session(address.ToString(), Seen.Certificate(mxHost)), []));
    }

    private sealed class FailingRule(FindingKind kind) : IRule
    {
        public FindingKind Kind => kind;

        public bool CanSee(Case given) => true;

        public IEnumerable<Finding> Judge(Case given)
        {
            yield return Kind.Found(Severity.Info, "found before", "e");
            throw new FormatException("unexpected");
        }
    }
}
