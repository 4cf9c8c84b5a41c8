using System.Net;
using System.Text;
using StsFunctions.CheckDomain;
using StsFunctions.Local.MailInternet;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.CheckDomain;

/// <summary>Observe and judge, together, on a whole small mail internet.</summary>
public sealed class ObserverTests
{
    private const string Id = "20260314120000";

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "MX-2")]
    [Trait("Conformance", "MX-4")]
    [Trait("Conformance", "MX-6")]
    [Trait("Conformance", "TXT-7")]
    public async Task Every_domain_of_the_catalogue_leads_to_exactly_its_findings()
    {
        await using var lab = await Lab.StartAsync([.. LabDomains.All]);
        var wrong = new List<string>();
        foreach (var domain in LabDomains.All)
        {
            lab.Internet.SetPolicyId(domain.Name, Id);
            var seen = await lab.Observer().LookAsync(DomainName.Parse(domain.Name), "1", Now);
            var judged = Judge.Of(new Case(seen, Policy.Parse(Encoding.UTF8.GetBytes(domain.Policy)), new Hosted(Id, seen.At.AddDays(-2), seen.At.AddDays(-2), Encoding.UTF8.GetBytes(domain.Policy)), new OurPlaces([lab.Internet.AppHost], [], null)));
            var codes = judged.Findings.Select(finding => finding.Code).Order(StringComparer.Ordinal);
            if (!codes.SequenceEqual(domain.Expected))
            {
                wrong.Add($"{domain.Name}: {string.Join("; ", judged.Findings.Select(f => $"{f.Code} {f.Subject} {f.Evidence}"))}");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    [Trait("Conformance", "TXT-5")]
    public async Task What_stands_in_DNS_is_seen_as_a_sender_sees_it()
    {
        await using var lab = await StartAsync();
        var zone = lab.Internet.Zone;
        zone.Set("lab.example", DnsRecord.Mx(20, "MX2.Lab.Example."), DnsRecord.Mx(10, "mx.lab.example"), DnsRecord.Mx(30, "mx.lab.example"));
        zone.Set("_mta-sts.lab.example", DnsRecord.Txt("v=STS", "v1; id=1", ";"), DnsRecord.Txt("other"));

        var seen = await LookAsync(lab);

        Assert.Equal(["mx.lab.example", "mx2.lab.example"], seen.MxHosts.Select(host => host.Host));
        Assert.Equal(["other", "v=STSv1; id=1;"], seen.StsRecords.Records.Order());
        Assert.Equal((DnsOutcome.Found, 300), (seen.StsRecords.Outcome, seen.StsRecords.Ttl));
        Assert.Equal(DnsOutcome.NxDomain, seen.MxHosts[1].A.Outcome);
        Assert.Equal(Port25.Open, seen.Port25);
    }

    [Fact]
    [Trait("Conformance", "TXT-7")]
    [Trait("Conformance", "RUA-3")]
    public async Task A_record_that_is_delegated_by_an_alias_is_seen_where_it_stands()
    {
        await using var lab = await StartAsync();
        var zone = lab.Internet.Zone;
        zone.Set("_mta-sts.lab.example", DnsRecord.Cname("sts.hosting.example"));
        zone.Set("sts.hosting.example", DnsRecord.Txt($"v=STSv1; id={Id};"));
        zone.Set("_smtp._tls.lab.example", DnsRecord.Cname("tls.hosting.example"));
        zone.Set("tls.hosting.example", DnsRecord.Txt("v=TLSRPTv1; rua=mailto:", "reports@hosting.example"));

        var seen = await LookAsync(lab);

        Assert.Equal("sts.hosting.example", seen.StsRecords.CnameTo);
        Assert.Equal([$"v=STSv1; id={Id};"], seen.StsRecords.Records);
        Assert.Equal("tls.hosting.example", seen.TlsRptRecords.CnameTo);
        Assert.Equal(["v=TLSRPTv1; rua=mailto:reports@hosting.example"], seen.TlsRptRecords.Records);
        Assert.Empty(JudgeOf(seen).Findings);
    }

    [Theory]
    [InlineData(DnsBehaviour.ServerFailure)]
    [InlineData(DnsBehaviour.Refused)]
    [Trait("Conformance", "MX-2")]
    public async Task A_DNS_failure_is_seen_as_one_and_opens_nothing_but_itself(DnsBehaviour behaviour)
    {
        await using var lab = await StartAsync();
        foreach (var name in (string[])["lab.example", "_mta-sts.lab.example", "_smtp._tls.lab.example"])
        {
            lab.Internet.Zone.Behave(name, behaviour);
        }

        var seen = await LookAsync(lab);

        Assert.Equal((DnsOutcome.Failed, DnsOutcome.Failed, DnsOutcome.Failed), (seen.Mx.Outcome, seen.StsRecords.Outcome, seen.TlsRptRecords.Outcome));
        Assert.Empty(seen.MxHosts);
        Assert.Equal(["mx.lookup.failed"], JudgeOf(seen).Findings.Select(finding => finding.Code));
    }

    [Fact]
    public async Task A_failure_that_passes_is_not_seen()
    {
        await using var lab = await StartAsync();
        var host = lab.Internet.Mx("mx.lab.example");
        host.Script = new SmtpScript { Banner = "421 one moment" };
        var observer = lab.ObserverOf(lab.Probe(), lab.Settings() with { RetryDelay = TimeSpan.FromHours(1) }, new Retries(() => host.Script = SmtpScript.Good));

        var seen = await observer.LookAsync(DomainName.Parse("lab.example"), "1", Now);

        Assert.Equal(SmtpOutcome.Completed, seen.MxHosts[0].Sessions[0].Outcome);
        Assert.Equal(2, host.Servers[0].Heard.Count(said => said == "QUIT") + 1);
    }

    [Fact]
    public async Task A_loop_of_aliases_ends()
    {
        await using var lab = await StartAsync();
        lab.Internet.Zone.Behave("_mta-sts.lab.example", DnsBehaviour.CnameLoop);

        Assert.Empty((await LookAsync(lab)).StsRecords.Records);
    }

    [Fact]
    public async Task A_truncated_answer_is_asked_for_over_TCP()
    {
        await using var lab = await StartAsync();
        lab.Internet.Zone.Behave("_mta-sts.lab.example", DnsBehaviour.TruncatedOverUdp);

        Assert.Equal(DnsOutcome.Found, (await LookAsync(lab)).StsRecords.Outcome);
    }

    [Fact]
    public async Task A_zone_without_end_is_walked_through_so_far_and_no_further()
    {
        await using var lab = await StartAsync();
        var addresses = Enumerable.Range(1, 60).Select(n => DnsRecord.Address(IPAddress.Parse($"127.255.255.{n}"))).ToArray();
        lab.Internet.Zone.Set("lab.example", [.. Enumerable.Range(0, 60).Select(n => DnsRecord.Mx(10, $"mx{n}.lab.example"))]);
        lab.Internet.Zone.Set("mx0.lab.example", addresses);

        var seen = await LookAsync(lab);

        Assert.Equal(20, seen.MxHosts.Count);
        Assert.Equal(16, seen.MxHosts.Single(host => host.Host == "mx0.lab.example").Sessions.Count);
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public async Task Where_everything_times_out_and_the_references_too_port_25_is_closed()
    {
        await using var lab = await StartAsync();
        using var silence = new SilentHost(lab.Internet);
        silence.Take("mx.lab.example");
        silence.Take("reference.example");

        var seen = await lab.Observer(TimeSpan.FromSeconds(1), "reference.example").LookAsync(DomainName.Parse("lab.example"), "1", Now);

        Assert.Equal(Port25.Closed, seen.Port25);
        Assert.Empty(JudgeOf(seen).Findings);
    }

    [Theory]
    [InlineData("mx.other.example")]
    [InlineData("closed.other.example")]
    [Trait("Conformance", "MX-7")]
    public async Task Where_a_reference_answers_or_refuses_the_MX_itself_is_down(string reference)
    {
        await using var lab = await Lab.StartAsync(
            new LabDomain("lab.example", "") { Mx = [new("mx.lab.example")] },
            new LabDomain("other.example", "") { Mx = [new("mx.other.example"), new("closed.other.example") { Addresses = [LabAddress.DeadIPv4] }] });
        using var silence = new SilentHost(lab.Internet);
        silence.Take("mx.lab.example");
        silence.Take("silent.example");

        var seen = await lab.Observer(TimeSpan.FromSeconds(1), "silent.example", reference).LookAsync(DomainName.Parse("lab.example"), "1", Now);

        Assert.Equal(Port25.Open, seen.Port25);
        Assert.Equal(["Critical mx.unreachable"], JudgeOf(seen).Findings.Select(finding => $"{finding.Severity} {finding.Code}"));
    }

    [Fact]
    [Trait("Conformance", "MX-6")]
    public async Task An_IPv6_address_without_a_route_is_no_alarm_and_hides_none()
    {
        await using var lab = await StartAsync();
        // A multicast address: nothing leaves for it, as for an address that there is no route to.
        var address = lab.AddressOf("mx.lab.example");
        lab.Internet.Zone.Set("mx.lab.example", DnsRecord.Address(address), DnsRecord.Address(IPAddress.Parse("ff0e::1")));

        var seen = await lab.Observer(TimeSpan.FromSeconds(5)).LookAsync(DomainName.Parse("lab.example"), "1", Now);

        Assert.Equal([SmtpOutcome.Completed, SmtpOutcome.NoRoute], seen.MxHosts[0].Sessions.Select(session => session.Outcome));
        var judged = JudgeOf(seen);
        Assert.Empty(judged.Findings);
        Assert.Empty(judged.Unseen);
    }

    [Fact]
    public async Task MX_hosts_inside_our_own_network_are_never_called()
    {
        await using var lab = await StartAsync();
        var observer = lab.ObserverOf(lab.Probe(everyAddress: false), lab.Settings(), TimeProvider.System);
        lab.Internet.Zone.Set("mx.lab.example", DnsRecord.Address(lab.AddressOf("mx.lab.example")), DnsRecord.Address(IPAddress.Parse("168.63.129.16")), DnsRecord.Address(IPAddress.Parse("::ffff:10.0.0.1")));

        var seen = await observer.LookAsync(DomainName.Parse("lab.example"), "1", Now);

        Assert.All(seen.MxHosts[0].Sessions, session => Assert.Equal(SmtpOutcome.AddressNotAllowed, session.Outcome));
        Assert.Empty(lab.Internet.Mx("mx.lab.example").Servers[0].Heard);
        Assert.Equal(Port25.NotAsked, seen.Port25);
    }

    private static Task<Lab> StartAsync() => Lab.StartAsync(new LabDomain("lab.example", "") { Mx = [new("mx.lab.example")] });

    private static Task<Observation> LookAsync(Lab lab) => lab.Observer().LookAsync(DomainName.Parse("lab.example"), "1", Now);

    private static Judgement JudgeOf(Observation seen) => Judge.Of(new Case(
        seen, Policy.Parse("version: STSv1\nmode: enforce\nmx: mx.lab.example\nmax_age: 604800\n"u8), new Hosted(Id, seen.At, seen.At, []), OurPlaces.Unknown));

    /// <summary>A clock whose every wait is over at once, after something has happened.</summary>
    private sealed class Retries(Action meanwhile) : TimeProvider
    {
        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            meanwhile();
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
