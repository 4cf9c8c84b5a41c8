using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>Observation and evaluation together, on a whole mail lab.</summary>
public sealed class ObserverTests
{
    private const string Id = "20260314120000";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "MX-2")]
    [Trait("Conformance", "MX-4")]
    [Trait("Conformance", "MX-6")]
    [Trait("Conformance", "TXT-7")]
    public async Task Every_domain_of_the_catalogue_has_exactly_its_findings()
    {
        await using var lab = await Lab.StartAsync([.. LabDomains.All]);
        var wrong = new List<string>();
        foreach (var domain in LabDomains.All)
        {
            lab.MailLab.SetPolicyId(domain.Name, Id);
            var observation = await lab.Observer().ObserveAsync(DomainName.Parse(domain.Name), "1", Cancellation);
            // As the app writes it, and as the policy hosts serve it.
            var policy = Encoding.UTF8.GetBytes(domain.Policy.ReplaceLineEndings("\r\n"));
            var evaluated = RuleEngine.Evaluate(new RuleContext(observation, Policy.Parse(policy), new HostedDomain(Id, observation.At.AddDays(-2), observation.At.AddDays(-2), policy),
                domain.PolicyHost is null ? ExpectedTargets.Unknown : new ExpectedTargets([lab.MailLab.AppHost], [], null)));
            var codes = evaluated.Findings.Select(finding => finding.Code).Order(StringComparer.Ordinal);
            if (!codes.SequenceEqual(domain.Expected))
            {
                wrong.Add($"{domain.Name}: {string.Join("; ", evaluated.Findings.Select(f => $"{f.Code} {f.Subject} {f.Evidence}"))}");
            }
        }

        Assert.Empty(wrong);
    }

    [Fact]
    [Trait("Conformance", "TXT-5")]
    public async Task DNS_is_observed_as_a_sender_sees_it()
    {
        await using var lab = await StartAsync();
        var zone = lab.MailLab.Zone;
        zone.Set("lab.example", DnsRecord.Mx(20, "MX2.Lab.Example."), DnsRecord.Mx(10, "mx.lab.example"), DnsRecord.Mx(30, "mx.lab.example"));
        zone.Set("_mta-sts.lab.example", DnsRecord.Txt("v=STS", "v1; id=1", ";"), DnsRecord.Txt("other"));

        var observation = await ObserveAsync(lab);

        Assert.Equal(["mx.lab.example", "mx2.lab.example"], observation.MxHosts.Select(host => host.Host));
        Assert.Equal(["other", "v=STSv1; id=1;"], observation.StsRecords.Records.Order());
        Assert.Equal((DnsOutcome.Found, 300), (observation.StsRecords.Outcome, observation.StsRecords.Ttl));
        Assert.Equal(DnsOutcome.NxDomain, observation.MxHosts[1].A.Outcome);
        Assert.Equal(OutboundSmtp.Open, observation.OutboundSmtp);
    }

    [Fact]
    [Trait("Conformance", "TXT-7")]
    [Trait("Conformance", "RUA-3")]
    public async Task A_record_that_is_delegated_by_an_alias_is_observed_at_its_target()
    {
        await using var lab = await StartAsync();
        var zone = lab.MailLab.Zone;
        zone.Set("_mta-sts.lab.example", DnsRecord.Cname("sts.hosting.example"));
        zone.Set("sts.hosting.example", DnsRecord.Txt($"v=STSv1; id={Id};"));
        zone.Set("_smtp._tls.lab.example", DnsRecord.Cname("tls.hosting.example"));
        zone.Set("tls.hosting.example", DnsRecord.Txt("v=TLSRPTv1; rua=mailto:", "reports@hosting.example"));

        var observation = await ObserveAsync(lab);

        Assert.Equal("sts.hosting.example", observation.StsRecords.CnameTo);
        Assert.Equal([$"v=STSv1; id={Id};"], observation.StsRecords.Records);
        Assert.Equal("tls.hosting.example", observation.TlsRptRecords.CnameTo);
        Assert.Equal(["v=TLSRPTv1; rua=mailto:reports@hosting.example"], observation.TlsRptRecords.Records);
        Assert.Empty(ResultsOf(observation).Findings);
    }

    [Theory]
    [InlineData(DnsBehaviour.ServerFailure)]
    [InlineData(DnsBehaviour.Refused)]
    [Trait("Conformance", "MX-2")]
    public async Task A_DNS_failure_is_observed_and_opens_no_other_finding(DnsBehaviour behaviour)
    {
        await using var lab = await StartAsync();
        foreach (var name in (string[])["lab.example", "_mta-sts.lab.example", "_smtp._tls.lab.example"])
        {
            lab.MailLab.Zone.Behave(name, behaviour);
        }

        var observation = await ObserveAsync(lab);

        Assert.Equal((DnsOutcome.Failed, DnsOutcome.Failed, DnsOutcome.Failed), (observation.Mx.Outcome, observation.StsRecords.Outcome, observation.TlsRptRecords.Outcome));
        Assert.Empty(observation.MxHosts);
        Assert.Equal(["mx.record.lookup-failed"], ResultsOf(observation).Findings.Select(finding => finding.Code));
    }

    [Fact]
    [Trait("Conformance", "GET-1")]
    public async Task The_policy_host_is_observed_as_a_sender_sees_it()
    {
        await using var lab = await StartAsync();
        var zone = lab.MailLab.Zone;
        var host = lab.MailLab.PolicyHostOf("lab.example");
        zone.Set("mta-sts.lab.example", DnsRecord.Cname("edge.hosting.example"));
        zone.Set("edge.hosting.example", DnsRecord.Address(host.EndPoint.Address));
        zone.Set("lab.example", DnsRecord.Caa(0, "issue", "ca.example"));
        zone.Set("_dmarc.lab.example", DnsRecord.Txt("v=DMARC1; p=none"));

        var observation = await ObserveAsync(lab);

        var policyHost = observation.PolicyHost;
        Assert.Equal(("mta-sts.lab.example", "edge.hosting.example"), (policyHost.Host, policyHost.A.CnameTo));
        Assert.Equal([$"{host.EndPoint.Address}"], policyHost.A.Records);
        Assert.Equal((DnsOutcome.Empty, "edge.hosting.example"), (policyHost.Aaaa.Outcome, policyHost.Aaaa.CnameTo));
        Assert.Equal(("lab.example", "0 issue ca.example"), (policyHost.Caa.Name, Assert.Single(policyHost.Caa.Records)));
        Assert.Equal((PolicyFetchOutcome.Fetched, 200, $"{host.EndPoint.Address}"), (policyHost.Fetch!.Outcome, policyHost.Fetch.Status, policyHost.Fetch.Address));
        Assert.Equal(lab.MailLab.Domain("lab.example").Policy.ReplaceLineEndings("\r\n"), Encoding.UTF8.GetString(policyHost.Fetch.Body!));
        Assert.Equal(host.Certificate.Leaf.RawData, policyHost.Fetch.Tls!.Chain[0]);
        Assert.Equal(["v=DMARC1; p=none"], observation.Dmarc.Records);
        Assert.Equal(DnsOutcome.NotAsked, observation.MxHosts[0].Tlsa.Outcome);
        Assert.Equal(3, observation.MxHosts[0].Probes[0].Restricted.Count);
        Assert.False(observation.DeadlineExceeded);
    }

    [Fact]
    public async Task A_policy_that_fails_transiently_is_retried_and_one_that_is_missing_is_not()
    {
        await using var lab = await StartAsync();
        var host = lab.MailLab.PolicyHostOf("lab.example");
        foreach (var (status, fetches) in ((int, int)[])[(200, 1), (404, 1), (503, 2)])
        {
            var before = host.Requests.Count;
            host.Script = PolicyScript.Answers(status);

            Assert.Equal(status, (await ObserveAsync(lab)).PolicyHost.Fetch!.Status);

            Assert.Equal(fetches, host.Requests.Count - before);
        }
    }

    [Fact]
    public async Task An_observation_survives_a_JSON_round_trip()
    {
        await using var lab = await StartAsync();
        lab.MailLab.Zone.Set("_mta-sts.lab.example", DnsRecord.Cname("sts.hosting.example"));
        var observation = await ObserveAsync(lab);

        var back = JsonSerializer.Deserialize(observation.ToJson(), ObservationJson.Default.Observation)!;

        Assert.Equal(Encoding.UTF8.GetString(observation.ToJson()), Encoding.UTF8.GetString(back.ToJson()));
        Assert.Equal(observation.PolicyHost.Fetch!.Url, back.PolicyHost.Fetch!.Url);
        Assert.Equal(observation.PolicyHost.Fetch.Body, back.PolicyHost.Fetch.Body);
        Assert.Equal(["sts.hosting.example"], back.StsRecords.Aliases);
        Assert.Equal(observation.MxHosts[0].Probes[0].Restricted.Select(session => session.Offer), back.MxHosts[0].Probes[0].Restricted.Select(session => session.Offer));
    }

    [Fact]
    public async Task A_part_that_a_check_has_no_time_for_is_not_observed_and_opens_nothing()
    {
        await using var lab = await Lab.StartAsync(new LabDomain("lab.example", "")
        {
            Mx = [new("mx.lab.example"), new("mx2.lab.example") { Script = SmtpScript.HangsAt(SmtpStage.Ehlo) }],
        });
        lab.MailLab.Zone.Behave("_smtp._tls.lab.example", DnsBehaviour.Silent);
        lab.MailLab.PolicyHostOf("lab.example").Script = PolicyScript.Silent;
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var observer = lab.ObserverOf(lab.Probe(TimeSpan.FromMinutes(2)), lab.Options(TimeSpan.FromMinutes(2)) with { RetryDelay = TimeSpan.FromMinutes(1) }, time);

        var looking = observer.ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);
        while (lab.MailLab.Mx("mx2.lab.example").Servers[0].Received.Count == 0)
        {
            Assert.False(looking.IsCompleted);
            await Task.Delay(TimeSpan.FromMilliseconds(5), Cancellation);
        }

        // The deadline, less the reserve for the last question.
        time.Advance(TimeSpan.FromSeconds(210));
        var observation = await looking;

        Assert.True(observation.DeadlineExceeded);
        Assert.Equal(DnsOutcome.NotAsked, observation.TlsRptRecords.Outcome);
        Assert.Null(observation.PolicyHost.Fetch);
        Assert.Equal(SmtpOutcome.DeadlineExceeded, observation.MxHosts[1].Sessions[0].Outcome);
        Assert.Equal(DnsOutcome.Found, observation.MxHosts[1].A.Outcome);
    }

    [Fact]
    public async Task At_most_four_addresses_of_a_domain_are_probed_at_a_time()
    {
        await using var lab = await StartAsync();
        lab.MailLab.Zone.Set("mx.lab.example", [.. Enumerable.Range(1, 12).Select(n => DnsRecord.Address(IPAddress.Parse($"192.0.2.{n}")))]);
        var options = lab.Options();
        var probe = new Crowd();
        var observer = new Observer(
            lab.Dns, probe, lab.Probe(), new PolicyFetcher(lab.Http, options, TimeProvider.System), new Retry(options, TimeProvider.System), options, TimeProvider.System);

        var observation = await observer.ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);

        Assert.Equal(4, probe.Most);
        Assert.Equal(observation.MxHosts[0].A.Records, observation.MxHosts[0].Sessions.Select(session => session.Address));
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public async Task An_address_that_times_out_while_another_answers_is_at_fault_itself()
    {
        await using var lab = await Lab.StartAsync(new LabDomain("lab.example", "") { Mx = [new("mx.lab.example"), new("silent.lab.example")] });
        using var silence = new SilentHost(lab.MailLab);
        silence.Take("silent.lab.example");

        var observation = await lab.Observer(TimeSpan.FromSeconds(2), "silent.lab.example").ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);

        Assert.Equal([SmtpOutcome.Completed, SmtpOutcome.ConnectionTimedOut], observation.MxHosts.SelectMany(host => host.Sessions).Select(session => session.Outcome));
        Assert.Equal(OutboundSmtp.Open, observation.OutboundSmtp);
    }

    [Fact]
    public async Task A_transient_failure_is_retried_and_not_observed()
    {
        await using var lab = await StartAsync();
        var host = lab.MailLab.Mx("mx.lab.example");
        host.Script = new SmtpScript { Banner = "421 one moment" };
        var retries = 0;
        var observer = lab.ObserverOf(lab.Probe(), lab.Options() with { RetryDelay = Retries.Pause }, new Retries(() =>
        {
            retries++;
            host.Script = SmtpScript.Good;
        }));

        var observation = await observer.ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);

        Assert.Equal(SmtpOutcome.Completed, observation.MxHosts[0].Sessions[0].Outcome);
        Assert.Equal(1, retries);
    }

    [Fact]
    public async Task A_loop_of_aliases_terminates()
    {
        await using var lab = await StartAsync();
        lab.MailLab.Zone.Behave("_mta-sts.lab.example", DnsBehaviour.CnameLoop);

        Assert.Empty((await ObserveAsync(lab)).StsRecords.Records);
    }

    [Fact]
    public async Task A_truncated_answer_is_retried_over_TCP()
    {
        await using var lab = await StartAsync();
        lab.MailLab.Zone.Behave("_mta-sts.lab.example", DnsBehaviour.TruncatedOverUdp);

        Assert.Equal(DnsOutcome.Found, (await ObserveAsync(lab)).StsRecords.Outcome);
    }

    [Fact]
    public async Task A_zone_without_end_is_followed_up_to_the_limit()
    {
        await using var lab = await StartAsync();
        var addresses = Enumerable.Range(1, 60).Select(n => DnsRecord.Address(IPAddress.Parse($"127.255.255.{n}"))).ToArray();
        lab.MailLab.Zone.Set("lab.example", [.. Enumerable.Range(0, 60).Select(n => DnsRecord.Mx(10, $"mx{n}.lab.example"))]);
        lab.MailLab.Zone.Set("mx0.lab.example", addresses);

        var observation = await ObserveAsync(lab);

        Assert.Equal(20, observation.MxHosts.Count);
        Assert.Equal(16, observation.MxHosts.Single(host => host.Host == "mx0.lab.example").Sessions.Count);
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public async Task Port_25_is_blocked_where_all_hosts_and_the_references_time_out()
    {
        await using var lab = await StartAsync();
        using var silence = new SilentHost(lab.MailLab);
        silence.Take("mx.lab.example");
        silence.Take("reference.example");

        var observation = await lab.Observer(TimeSpan.FromSeconds(1), "reference.example").ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);

        Assert.Equal(OutboundSmtp.Blocked, observation.OutboundSmtp);
        Assert.Empty(ResultsOf(observation).Findings);
    }

    [Theory]
    [InlineData(true, nameof(OutboundSmtp.Blocked))]
    [InlineData(false, nameof(OutboundSmtp.Open))]
    [Trait("Conformance", "MX-7")]
    public async Task A_local_firewall_is_possible_where_all_hosts_and_the_references_refuse(bool isReferenceRefused, string expected)
    {
        await using var lab = await Lab.StartAsync(
            new LabDomain("lab.example", "") { Mx = [new("mx.lab.example")] },
            new LabDomain("other.example", "") { Mx = [new("mx.other.example")] });
        lab.MailLab.Mx("mx.lab.example").Stop();
        if (isReferenceRefused)
        {
            lab.MailLab.Mx("mx.other.example").Stop();
        }

        var observation = await lab.Observer(TimeSpan.FromSeconds(1), "mx.other.example").ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);

        Assert.Equal(Enum.Parse<OutboundSmtp>(expected), observation.OutboundSmtp);
        Assert.Equal(isReferenceRefused ? [] : ["Critical mx.connection.failed"], ResultsOf(observation).Findings.Select(finding => $"{finding.Severity} {finding.Code}"));
    }

    [Theory]
    [InlineData("mx.other.example")]
    [InlineData("closed.other.example")]
    [Trait("Conformance", "MX-7")]
    public async Task The_MX_host_is_down_where_a_reference_answers_or_refuses(string reference)
    {
        await using var lab = await Lab.StartAsync(
            new LabDomain("lab.example", "") { Mx = [new("mx.lab.example")] },
            new LabDomain("other.example", "") { Mx = [new("mx.other.example"), new("closed.other.example") { Addresses = [LabAddress.DeadIPv4] }] });
        using var silence = new SilentHost(lab.MailLab);
        silence.Take("mx.lab.example");
        silence.Take("silent.example");

        var observation = await lab.Observer(TimeSpan.FromSeconds(1), "silent.example", reference).ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);

        Assert.Equal(OutboundSmtp.Open, observation.OutboundSmtp);
        Assert.Equal(["Critical mx.connection.failed"], ResultsOf(observation).Findings.Select(finding => $"{finding.Severity} {finding.Code}"));
    }

    [Fact]
    [Trait("Conformance", "MX-6")]
    public async Task An_IPv6_address_without_a_route_raises_no_alarm_and_hides_none()
    {
        await using var lab = await StartAsync();
        // A multicast address: nothing leaves for it, as for an address that there is no route to.
        var address = lab.AddressOf("mx.lab.example");
        lab.MailLab.Zone.Set("mx.lab.example", DnsRecord.Address(address), DnsRecord.Address(IPAddress.Parse("ff0e::1")));

        var observation = await lab.Observer(TimeSpan.FromSeconds(5)).ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);

        Assert.Equal([SmtpOutcome.Completed, SmtpOutcome.NoRoute], observation.MxHosts[0].Sessions.Select(session => session.Outcome));
        var evaluated = ResultsOf(observation);
        Assert.Empty(evaluated.Findings);
        // Whether the address itself is dead is unknown from here; everything else about the mail servers is known.
        Assert.Equal(["mx.connection.failed-ipv6"], evaluated.Inconclusive.Where(code => code.StartsWith("mx.", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task An_MX_host_with_an_internal_address_is_never_called()
    {
        await using var lab = await StartAsync();
        var observer = lab.ObserverOf(lab.Probe(everyAddress: false), lab.Options(), TimeProvider.System);
        lab.MailLab.Zone.Set("mx.lab.example", DnsRecord.Address(lab.AddressOf("mx.lab.example")), DnsRecord.Address(IPAddress.Parse("168.63.129.16")), DnsRecord.Address(IPAddress.Parse("::ffff:10.0.0.1")));

        var observation = await observer.ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);

        Assert.All(observation.MxHosts[0].Sessions, session => Assert.Equal(SmtpOutcome.AddressNotAllowed, session.Outcome));
        Assert.Empty(lab.MailLab.Mx("mx.lab.example").Servers[0].Received);
        Assert.Equal(OutboundSmtp.NotTested, observation.OutboundSmtp);
    }

    private static Task<Lab> StartAsync() => Lab.StartAsync(new LabDomain("lab.example", "") { Mx = [new("mx.lab.example")] });

    private static Task<Observation> ObserveAsync(Lab lab) => lab.Observer().ObserveAsync(DomainName.Parse("lab.example"), "1", Cancellation);

    private static RuleResults ResultsOf(Observation observation)
    {
        var policy = "version: STSv1\r\nmode: enforce\r\nmx: mx.lab.example\r\nmax_age: 604800\r\n"u8.ToArray();
        return RuleEngine.Evaluate(new RuleContext(observation, Policy.Parse(policy), new HostedDomain(Id, observation.At, observation.At, policy), ExpectedTargets.Unknown));
    }

    /// <summary>A probe that waits for as many others as ever run at the same time.</summary>
    private sealed class Crowd : IMxProbe
    {
        private readonly TaskCompletionSource _four = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _there;
        private int _most;

        public int Most => _most;

        public async Task<MxProbeResult> ProbeAsync(string mxHost, IPAddress address, CheckAttempt attempt, MxProbeResult? before, CancellationToken cancellationToken)
        {
            var there = Interlocked.Increment(ref _there);
            InterlockedMax(there);
            if (there == 4)
            {
                _four.TrySetResult();
            }

            await _four.Task.WaitAsync(cancellationToken);
            await Task.Yield();
            Interlocked.Decrement(ref _there);
            return new MxProbeResult(new SmtpSession(address.ToString(), SmtpOutcome.Completed), []);
        }

        private void InterlockedMax(int there)
        {
            for (var most = _most; there > most; most = _most)
            {
                Interlocked.CompareExchange(ref _most, there, most);
            }
        }
    }

    /// <summary>A clock on which the pause before a repetition is over at once, after something has happened.</summary>
    private sealed class Retries(Action meanwhile) : TimeProvider
    {
        public static readonly TimeSpan Pause = TimeSpan.FromSeconds(59);

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (dueTime != Pause)
            {
                return base.CreateTimer(callback, state, dueTime, period);
            }

            meanwhile();
            return base.CreateTimer(callback, state, TimeSpan.Zero, period);
        }
    }
}
