using System.Net;
using Azure;
using StsFunctions.Cli;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Tests.Egress;
using Xunit;

namespace StsFunctions.Tests.Checks;

/// <summary>An exception while one item is observed concerns only that item: everything else of the domain is observed, and evaluated.</summary>
public sealed class FailureIsolationTests
{
    private const ushort A = 1;
    private const ushort Mx = 15;
    private const ushort Txt = 16;
    private const ushort Aaaa = 28;
    private static readonly IPAddress First = IPAddress.Parse("192.0.2.1");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("_mta-sts.lab.example", Txt, "txt.sts.lookup-failed")]
    [InlineData("_smtp._tls.lab.example", Txt, "txt.tlsrpt.lookup-failed")]
    [InlineData("mx2.lab.example", A, "mx.address.lookup-failed")]
    [InlineData("mx2.lab.example", Aaaa, "mx.address.lookup-failed")]
    public async Task A_record_that_does_not_parse_is_one_finding_and_the_rest_of_the_domain_is_observed(string name, ushort type, string code)
    {
        await using var dns = Serving((name, type));

        var observation = await ObserverOf(dns, new StubProbe()).ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);

        Assert.Equal(["mx1.lab.example", "mx2.lab.example"], observation.MxHosts.Select(host => host.Host));
        Assert.Equal(SmtpOutcome.Completed, observation.MxHosts[0].Sessions[0].Outcome);
        Assert.Equal(name != "_mta-sts.lab.example", observation.StsRecords.IsKnown);
        Assert.Equal(PolicyFetchOutcome.AddressNotAllowed, observation.PolicyHost.Fetch!.Outcome);
        Assert.False(observation.DeadlineExceeded);
        Assert.Contains(code, ResultsOf(observation).Findings.Select(finding => finding.Code));
    }

    [Fact]
    public async Task MX_records_that_do_not_parse_are_one_finding_and_the_policy_is_observed()
    {
        await using var dns = Serving(("lab.example", Mx));

        var observation = await ObserverOf(dns, new StubProbe()).ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);

        Assert.Equal((DnsOutcome.Failed, 0), (observation.Mx.Outcome, observation.MxHosts.Count));
        Assert.True(observation.StsRecords.IsKnown);
        Assert.Equal("mx.record.lookup-failed", Assert.Single(ResultsOf(observation).Findings, finding => finding.Code.StartsWith("mx.", StringComparison.Ordinal)).Code);
    }

    [Fact]
    public async Task An_address_that_the_probe_fails_on_is_not_observed_and_the_others_are()
    {
        await using var dns = Serving();
        var probe = new StubProbe { Fails = (host, address) => host == "mx1.lab.example" && address.Equals(First) ? new InvalidOperationException("unexpected\u001b[2J") : null };

        var observation = await ObserverOf(dns, probe).ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);

        var session = observation.MxHosts[0].Sessions[0];
        Assert.Equal((SmtpOutcome.NotObserved, "InvalidOperationException: unexpected?[2J"), (session.Outcome, session.Detail));
        Assert.Equal(SmtpOutcome.Completed, observation.MxHosts[1].Sessions[0].Outcome);
        Assert.Equal((true, false, OutboundSmtp.Open), (observation.IsIncomplete, observation.MxUnreachableFromHere, observation.OutboundSmtp));
        var evaluated = ResultsOf(observation);
        Assert.Equal(["mx.session.not-observed mx1.lab.example"], evaluated.Findings.Where(finding => finding.Code.StartsWith("mx.session.", StringComparison.Ordinal)).Select(finding => $"{finding.Code} {finding.Subject}"));
        Assert.Contains("mx.connection.failed", evaluated.Inconclusive);
    }

    [Fact]
    public async Task An_exception_of_storage_ends_the_check_which_is_then_retried()
    {
        await using var dns = Serving();
        var probe = new StubProbe { Fails = (_, _) => new CheckAbortedException("Storage failed.", new RequestFailedException(503, "busy")) };

        await Assert.ThrowsAsync<CheckAbortedException>(() => ObserverOf(dns, probe).ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation));
    }

    [Fact]
    public void A_rule_that_throws_resolves_nothing_of_its_own_and_stops_no_other_rule()
    {
        var kind = new FindingKind("test.failing", "info", "x", "y.", "z", "RFC 1 §1");
        var evaluated = RuleEngine.Evaluate(Cases.Of(TestObservations.Good with { StsRecords = TestObservations.Nothing("_mta-sts.example.com") }, PolicyMode.Enforce, "mx1.example.com"), [new FailingRule(kind), .. RuleEngine.Rules]);

        Assert.Equal(["test.failing", "txt.sts.missing"], evaluated.Findings.Select(finding => finding.Code));
        Assert.Equal(["test.failing"], evaluated.Inconclusive);
        Assert.StartsWith("test.failing: FormatException", Assert.Single(evaluated.Failed), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_check_on_the_command_line_that_fails_never_has_the_exit_code_of_findings()
    {
        Assert.Equal(2, await CheckCommand.RunAsync(() => throw new InvalidOperationException("unexpected")));
        Assert.Equal(0, await CheckCommand.RunAsync(() => Task.FromResult(0)));
    }

    [Fact]
    public void The_exit_code_shows_that_a_part_could_not_be_evaluated()
    {
        var shown = new CheckedJson("example.com", TestObservations.At, null, PolicySource.None, null, [], TestObservations.Good);
        var bad = new Finding("x.y", Severity.Critical, "s", "e", "m", "r", "RFC 1 §1");
        var unobserved = TestObservations.With(TestObservations.Host("mx1.example.com", TestObservations.Session("192.0.2.1", TestObservations.Certificate("mx1.example.com")), TestObservations.Failed("192.0.2.2", SmtpOutcome.NotObserved)));

        Assert.Equal(0, CheckCommand.ExitCodeOf(shown));
        Assert.Equal(2, CheckCommand.ExitCodeOf(shown with { NotEvaluated = ["mx.certificate.name-mismatch: x"] }));
        Assert.Equal(2, CheckCommand.ExitCodeOf(shown with { Observation = unobserved }));
        Assert.Equal(1, CheckCommand.ExitCodeOf(shown with { NotEvaluated = ["mx.certificate.name-mismatch: x"], Findings = [bad] }));
    }

    private static RuleResults ResultsOf(Observation observation) => RuleEngine.Evaluate(new RuleContext(observation, Policy.Parse("version: STSv1\nmode: enforce\nmx: *.lab.example\nmax_age: 604800\n"u8), null, ExpectedTargets.Unknown));

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

    private static Observer ObserverOf(StubDnsServer dns, IMxProbe probe)
    {
        var settings = new CheckOptions { HeloName = "check.example", ReferenceMxHosts = [], SessionTimeout = TimeSpan.FromMinutes(1), RetryDelay = TimeSpan.Zero };
        var guard = new EgressGuard(dns.Settings);
        return new Observer(
            dns.Dns, probe, new SmtpProbe(guard, settings, "check.example", TimeProvider.System),
            new PolicyFetcher(new EgressHttp(guard, dns.Resolver, dns.Settings, TimeProvider.System), settings, TimeProvider.System),
            new Retry(settings, TimeProvider.System), settings, TimeProvider.System);
    }

    private sealed class StubProbe : IMxProbe
    {
        public Func<string, IPAddress, Exception?> Fails { get; init; } = (_, _) => null;

        public Task<MxProbeResult> ProbeAsync(string mxHost, IPAddress address, CheckAttempt attempt, MxProbeResult? before, CancellationToken cancellationToken) => Fails(mxHost, address) is { } failure
            ? Task.FromException<MxProbeResult>(failure)
            : Task.FromResult(new MxProbeResult(TestObservations.Session(address.ToString(), TestObservations.Certificate(mxHost)), []));
    }

    private sealed class FailingRule(FindingKind kind) : IRule
    {
        public FindingKind Kind => kind;

        public bool IsApplicable(RuleContext context) => true;

        public IEnumerable<Finding> Evaluate(RuleContext context)
        {
            yield return Kind.Found(Severity.Info, "found before", "e");
            throw new FormatException("unexpected");
        }
    }
}
