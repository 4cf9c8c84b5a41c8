using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol.MtaSts;
using Xunit;
using DnsAnswer = StsFunctions.Core.Observations.DnsAnswer;

namespace StsFunctions.Tests.Checks;

/// <summary>Each rule, off and on, over observations made by hand.</summary>
public sealed class RuleEngineTests
{
    private const string Mx = "mx1.example.com";

    private static readonly PolicyMode[] Modes = [PolicyMode.Enforce, PolicyMode.Testing, PolicyMode.None];

    // What is reported under mode none, whatever else there is.
    private static readonly string[] OfModeNone = ["policy.mode.none", "policy.mx.opportunistic"];

    public static TheoryData<string> FaultNames => [.. Fault.All.Select(fault => fault.Name)];

    [Theory]
    [InlineData("enforce")]
    [InlineData("testing")]
    [InlineData("none")]
    public void A_healthy_domain_has_no_finding(string mode)
    {
        Assert.Equal(mode == "none" ? OfModeNone : [], ResultsOf(TestObservations.Good, mode).Findings.Select(finding => finding.Code));
        Assert.Empty(ResultsOf(TestObservations.Good, mode).Inconclusive);
    }

    [Theory]
    [MemberData(nameof(FaultNames))]
    [Trait("Conformance", "MX-1")]
    [Trait("Conformance", "MX-2")]
    [Trait("Conformance", "MX-3")]
    [Trait("Conformance", "MX-4")]
    [Trait("Conformance", "MX-5")]
    [Trait("Conformance", "MX-6")]
    [Trait("Conformance", "TXT-6")]
    public void One_fault_is_one_finding_with_the_severity_of_the_mode(string name)
    {
        var fault = Fault.All.Single(fault => fault.Name == name);
        foreach (var (mode, severity) in Modes.Zip(fault.Severities.Split(' ')))
        {
            var found = RuleEngine.Evaluate(fault.Given(Cases.Of(fault.What, mode, Mx))).Findings
                .Where(finding => mode != PolicyMode.None || finding.Code == fault.Code || !OfModeNone.Contains(finding.Code))
                .Select(finding => $"{finding.Severity} {finding.Code} {finding.Subject}");

            Assert.Equal(severity == "-" ? [] : [$"{severity} {fault.Code} {fault.Subject}"], found);
        }
    }

    [Fact]
    public void Every_rule_has_a_test_case() =>
        Assert.Equal(RuleEngine.Rules.Select(rule => rule.Code).Order(StringComparer.Ordinal), Fault.All.Select(fault => fault.Code).Distinct().Order(StringComparer.Ordinal));

    [Theory]
    [MemberData(nameof(FaultNames))]
    public void Every_finding_says_what_was_observed_what_it_means_and_what_to_do(string name)
    {
        var fault = Fault.All.Single(fault => fault.Name == name);
        var kinds = RuleEngine.Kinds.ToDictionary(kind => kind.Code);
        Assert.All(Modes.SelectMany(mode => RuleEngine.Evaluate(fault.Given(Cases.Of(fault.What, mode, Mx))).Findings), finding =>
        {
            Assert.NotEmpty(finding.Evidence);
            Assert.EndsWith(".", finding.Meaning, StringComparison.Ordinal);
            Assert.NotEmpty(finding.Remedy);
            Assert.Equal(kinds[finding.Code].Rfc, finding.Rfc);
        });
    }

    [Theory]
    [InlineData("mx1.example.com", true)]
    [InlineData("MX1.Example.COM", true)]
    [InlineData("mx9.example.com", false)]
    [InlineData("example.com", false)]
    [InlineData("a.mx1.example.com", false)]
    [InlineData("mx1.example.com.attacker.example", false)]
    [InlineData("a.wild.example", true)]
    [InlineData("wild.example", false)]
    [InlineData("a.b.wild.example", false)]
    [InlineData("not_a.wild.example", false)]
    [Trait("Conformance", "MX-1")]
    public void An_MX_host_that_matches_no_pattern_is_a_mismatch(string host, bool covered)
    {
        var found = ResultsOf(TestObservations.With(TestObservations.Host(host, TestObservations.Session("192.0.2.1", TestObservations.Certificate(host)))), "enforce", "mx1.example.com", "*.wild.example").Findings;

        Assert.Equal(covered, found.All(finding => finding.Code != "mx.policy.mismatch"));
    }

    [Fact]
    [Trait("Conformance", "MX-1")]
    public void No_host_needs_to_match_under_mode_none() =>
        AssertFinds(TestObservations.With(TestObservations.Host("mx9.example.com", TestObservations.Session("192.0.2.1", TestObservations.Certificate("mx9.example.com")))), "none");

    [Fact]
    [Trait("Conformance", "MX-1")]
    public void A_pattern_is_used_if_any_record_names_its_host_even_one_that_was_not_probed()
    {
        var observation = TestObservations.Good with { Mx = TestObservations.Found("example.com", $"10 {Mx}", "20 a.backup.example") };
        AssertCoveredFinds(observation, "enforce", [Mx, "*.backup.example"]);
        AssertCoveredFinds(observation, "enforce", [Mx, "a.backup.example"]);
    }

    [Fact]
    [Trait("Conformance", "MX-2")]
    public void Nothing_about_the_MX_records_resolves_while_their_lookup_fails()
    {
        var inconclusive = ResultsOf(WithMx(TestObservations.Nothing("example.com", DnsOutcome.TimedOut))).Inconclusive;

        Assert.Superset(RuleEngine.Rules.Select(rule => rule.Code).Where(code => (code.StartsWith("mx.", StringComparison.Ordinal) && code != "mx.record.lookup-failed") || code.StartsWith("tlsa.", StringComparison.Ordinal)).ToHashSet(), inconclusive.ToHashSet());
    }

    [Fact]
    [Trait("Conformance", "MX-2")]
    public void An_alias_of_an_MX_host_is_reported_but_not_of_a_domain_that_is_its_own_MX()
    {
        var host = TestObservations.Good.MxHosts[0];
        AssertFinds(TestObservations.With(host with { Implicit = true, A = host.A with { Aliases = ["real.example.net"] } }), "enforce");
    }

    [Fact]
    [Trait("Conformance", "MX-2")]
    public void A_host_whose_address_lookup_fails_is_not_one_without_an_address()
    {
        var dark = TestObservations.Host("mx2.example.com") with { A = TestObservations.Nothing("mx2.example.com", DnsOutcome.TimedOut) };

        AssertCoveredFinds(TestObservations.With(TestObservations.Good.MxHosts[0], dark), "enforce", [Mx, "mx2.example.com"], "Warning mx.address.lookup-failed mx2.example.com");
        var evaluated = ResultsOf(TestObservations.With(TestObservations.Host(Mx), dark), "enforce", Mx, "mx2.example.com");
        Assert.Equal(["mx.address.lookup-failed", "mx.address.missing"], evaluated.Findings.Select(finding => finding.Code));
        Assert.Contains("mx.address.missing", evaluated.Inconclusive);
        Assert.Contains("mx.certificate.expired", evaluated.Inconclusive);
    }

    [Fact]
    public void Every_outcome_of_a_session_is_evaluated()
    {
        // The session succeeded, or was inconclusive from here.
        SmtpOutcome[] silent = [SmtpOutcome.Completed, SmtpOutcome.NoRoute, SmtpOutcome.DeadlineExceeded];
        foreach (var outcome in Enum.GetValues<SmtpOutcome>())
        {
            var session = TestObservations.Failed("192.0.2.1", outcome) with { Tls = outcome == SmtpOutcome.Completed ? TestObservations.Certificate(Mx) : null };
            Assert.Equal(silent.Contains(outcome) ? 0 : 1, ResultsOf(TestObservations.With(TestObservations.Host(Mx, session))).Findings.Count);
        }
    }

    [Fact]
    [Trait("Conformance", "MX-6")]
    public void One_bad_address_of_a_good_host_is_found_and_named()
    {
        var observation = TestObservations.With(TestObservations.Host(Mx, TestObservations.Session("192.0.2.1", TestObservations.Certificate(Mx)), TestObservations.Session("2001:db8::1", TestObservations.Certificate("other.example"))));

        var finding = Assert.Single(ResultsOf(observation).Findings, finding => finding.Code == "mx.certificate.name-mismatch");

        Assert.Contains("2001:db8::1", finding.Evidence, StringComparison.Ordinal);
        Assert.DoesNotContain("192.0.2.1", finding.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "MX-6")]
    public void Dead_addresses_of_both_families_are_distinct_findings()
    {
        var observation = TestObservations.With(TestObservations.Host(
            Mx, TestObservations.Session("192.0.2.1", TestObservations.Certificate(Mx)), TestObservations.Failed("192.0.2.2", SmtpOutcome.ConnectionTimedOut), TestObservations.Failed("2001:db8::2", SmtpOutcome.ConnectionRefused)));

        var found = ResultsOf(observation).Findings;

        Assert.Equal(["mx.connection.failed", "mx.connection.failed-ipv6"], found.Select(finding => finding.Code));
        Assert.Equal(["192.0.2.2: ConnectionTimedOut", "2001:db8::2: ConnectionRefused"], found.Select(finding => finding.Evidence));
        Assert.Contains("-connect [2001:db8::2]:25", found[1].Remedy, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SmtpOutcome.NoRoute, "Critical")]
    [InlineData(SmtpOutcome.DeadlineExceeded, "Warning")]
    [InlineData(SmtpOutcome.Rejected, "Warning")]
    [Trait("Conformance", "MX-6")]
    internal void An_unreachable_host_is_reported_only_if_every_address_was_tried(SmtpOutcome other, string severity)
    {
        var observation = TestObservations.With(TestObservations.Host(Mx, TestObservations.Failed("192.0.2.1", SmtpOutcome.ConnectionRefused), TestObservations.Failed("2001:db8::1", other)));

        Assert.Contains(ResultsOf(observation).Findings, finding => $"{finding.Severity} {finding.Code}" == $"{severity} mx.connection.failed");
    }

    [Theory]
    [InlineData(SmtpOutcome.NoRoute)]
    [InlineData(SmtpOutcome.ConnectionTimedOut)]
    [InlineData(SmtpOutcome.Rejected)]
    [Trait("Conformance", "MX-6")]
    internal void An_unreachable_address_hides_no_fault_of_the_others(SmtpOutcome outcome)
    {
        var observation = TestObservations.With(TestObservations.Host(Mx, TestObservations.Session("192.0.2.1", TestObservations.Certificate(Mx, -100, -1)), TestObservations.Failed("2001:db8::1", outcome)));

        var evaluated = ResultsOf(observation);

        Assert.Contains(evaluated.Findings, finding => (finding.Code, finding.Severity) == ("mx.certificate.expired", Severity.Critical));
        // Nothing resolves while an address could have been at fault; one without a route would keep it open forever.
        Assert.Equal(outcome != SmtpOutcome.NoRoute, evaluated.Inconclusive.Contains("mx.certificate.expired"));
    }

    [Fact]
    public void A_host_that_was_observed_at_no_address_resolves_nothing()
    {
        var inconclusive = ResultsOf(TestObservations.With(TestObservations.Host(Mx, TestObservations.Failed("2001:db8::1", SmtpOutcome.NoRoute)))).Inconclusive;

        Assert.Contains("mx.certificate.expired", inconclusive);
        Assert.Contains("mx.starttls.missing", inconclusive);
    }

    [Theory]
    [InlineData(SmtpOutcome.StartTlsMissing)]
    [InlineData(SmtpOutcome.TlsFailed)]
    internal void A_session_without_a_certificate_resolves_nothing_about_it(SmtpOutcome outcome)
    {
        var inconclusive = ResultsOf(TestObservations.With(TestObservations.Host(Mx, TestObservations.Failed("192.0.2.1", outcome)))).Inconclusive;

        Assert.Contains("mx.certificate.expired", inconclusive);
        Assert.DoesNotContain("mx.starttls.missing", inconclusive);
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public void A_network_that_blocks_port_25_blames_no_server_and_resolves_nothing()
    {
        var observation = TestObservations.With(TestObservations.Host(Mx, TestObservations.Failed("192.0.2.1", SmtpOutcome.ConnectionTimedOut), TestObservations.Failed("2001:db8::1", SmtpOutcome.NoRoute))) with { OutboundSmtp = OutboundSmtp.Blocked };

        var evaluated = ResultsOf(observation);

        Assert.Empty(evaluated.Findings);
        Assert.Superset(
            RuleEngine.Rules.Select(rule => rule.Code).Where(code => new[] { "mx.connection.failed", "mx.session.dropped", "mx.session.rejected", "mx.starttls.", "mx.tls.", "mx.certificate." }.Any(start => code.StartsWith(start, StringComparison.Ordinal))).Append("tlsa.record.mismatch").ToHashSet(),
            evaluated.Inconclusive.ToHashSet());
    }

    [Theory]
    [InlineData("mx1.example.com", "mx1.example.com", true)]
    [InlineData("mx1.example.com", "MX1.EXAMPLE.COM", true)]
    [InlineData("mx1.example.com", "*.example.com", true)]
    [InlineData("mx1.example.com", "*.com", false)]
    [InlineData("a.mx1.example.com", "*.example.com", false)]
    [InlineData("mx1.example.com", "mx*.example.com", false)]
    [InlineData("mx1.example.com", "mx2.example.com", false)]
    [InlineData("mx1.example.com", "example.com", false)]
    [InlineData("mx1.example.com", "mx1.example.com.attacker.example", false)]
    [Trait("Conformance", "MX-4")]
    public void A_certificate_is_for_a_host_by_a_name_of_its_SAN(string host, string san, bool isFor)
    {
        var found = ResultsOf(TestObservations.With(TestObservations.Host(host, TestObservations.Session("192.0.2.1", TestObservations.Certificate(san)))), "enforce", host).Findings;

        Assert.Equal(isFor ? [] : ["mx.certificate.name-mismatch"], found.Select(finding => finding.Code));
    }

    [Fact]
    [Trait("Conformance", "MX-4")]
    public void A_CN_alone_is_not_a_name()
    {
        var observation = TestObservations.With(TestObservations.Host(Mx, TestObservations.Session("192.0.2.1", TestObservations.Certificate(new CertificateSpec { CommonName = Mx }))));

        AssertFinds(observation, "enforce", $"Critical mx.certificate.name-mismatch {Mx}");
        Assert.Contains("the certificate is for no DNS name", ResultsOf(observation).Findings[0].Evidence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("under_score.example.com")]
    [InlineData("-leading.example.com")]
    [InlineData("a b.example.com")]
    [InlineData("a\\000b.example.com")]
    [InlineData("192.0.2.1")]
    [InlineData("[192.0.2.1]")]
    [InlineData("..")]
    [InlineData("")]
    [InlineData("*")]
    [InlineData("b\u00fccher.example.com")]
    [Trait("Conformance", "MX-4")]
    public void The_evaluation_ends_for_every_odd_MX_host(string host)
    {
        var found = ResultsOf(TestObservations.With(TestObservations.Host(host, TestObservations.Session("192.0.2.1", TestObservations.Certificate(Mx))))).Findings;

        Assert.Contains(found, finding => finding.Code == "mx.certificate.name-mismatch");
    }

    // A certificate's first day and last day, from now; what is found.
    [Theory]
    [InlineData(-30, 60, "")]
    [InlineData(-60, 30.1, "")]
    [InlineData(-335, 30.1, "")]
    [InlineData(-336, 29.9, "Info mx.certificate.expiring")]
    [InlineData(-351, 13.9, "Warning mx.certificate.expiring")]
    [InlineData(-358, 6.9, "Warning mx.certificate.expiring")]
    [InlineData(-362, 2.9, "Critical mx.certificate.expiring")]
    [InlineData(-364, 0.9, "Critical mx.certificate.expiring")]
    [InlineData(-64, 26, "")]
    [InlineData(-70, 20, "Info mx.certificate.expiring")]
    [InlineData(-77, 13, "Warning mx.certificate.expiring")]
    [InlineData(-88.5, 1.5, "Critical mx.certificate.expiring")]
    [InlineData(-3, 4, "")]
    [InlineData(-5.5, 1.5, "Info mx.certificate.expiring")]
    [InlineData(-5.8, 1.2, "Warning mx.certificate.expiring")]
    [InlineData(-6.5, 0.5, "Critical mx.certificate.expiring")]
    [InlineData(-90, -0.01, "Critical mx.certificate.expired")]
    [InlineData(0.01, 90, "Critical mx.certificate.not-yet-valid")]
    [Trait("Conformance", "MX-4")]
    public void The_expiry_of_a_certificate_is_reported_early_relative_to_its_lifetime(double from, double to, string finding) => AssertFinds(
        TestObservations.With(TestObservations.Host(Mx, TestObservations.Session("192.0.2.1", TestObservations.Certificate(Mx, from, to)))), "enforce", finding == "" ? [] : [$"{finding} {Mx}"]);

    [Theory]
    [InlineData(-335, 30.1, 0)]
    [InlineData(-336, 29.9, 1)]
    [InlineData(-351, 13.9, 2)]
    [InlineData(-358, 6.9, 3)]
    [InlineData(-362, 2.9, 4)]
    [InlineData(-364, 0.9, 5)]
    [InlineData(-6.1, 0.6, 3)]
    [Trait("Conformance", "MX-4")]
    public void An_approaching_expiry_is_reported_in_stages(double from, double to, int stage) =>
        Assert.Equal(stage, ResultsOf(TestObservations.With(TestObservations.Host(Mx, TestObservations.Session("192.0.2.1", TestObservations.Certificate(Mx, from, to))))).Findings.SingleOrDefault()?.Stage ?? 0);

    [Fact]
    [Trait("Conformance", "MX-4")]
    public void An_untrusted_chain_is_reported_with_the_sent_certificates()
    {
        var observation = TestObservations.With(TestObservations.Host(Mx, TestObservations.Session("192.0.2.1", TestObservations.Certificate(Mx, -1, 89, "PartialChain: CN=mx1.example.com"))));

        AssertFinds(observation, "enforce", $"Critical mx.certificate.untrusted {Mx}");
        Assert.Contains("2 certificate(s) sent; PartialChain", ResultsOf(observation).Findings[0].Evidence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "Warning txt.sts.missing")]
    [InlineData("v=spf1 -all", "Warning txt.sts.missing")]
    [InlineData("v=spf1 -all|v=STSv1; id=20260301000000;", "")]
    [InlineData("v=STSv1; id=20260301000000;|v=STSv1; id=1;", "Warning txt.sts.multiple")]
    [InlineData("v=STSv1; id=20260301000000;|v=STSv1; id=20260301000000;", "Warning txt.sts.multiple")]
    [InlineData("v=STSv1; id=2026-03-01;", "Warning txt.sts.malformed")]
    [InlineData("v=STSv1; ID=20260301000000;", "Warning txt.sts.malformed")]
    [InlineData("v=STSv1 ;id=20260301000000", "Warning txt.sts.ambiguous")]
    [InlineData("v=STSv1; id=20250101000000;", "Warning txt.sts.id-stale")]
    [InlineData("v=STSv1; id=20260301000000; ext=1", "")]
    [Trait("Conformance", "TXT-6")]
    [Trait("Conformance", "TXT-8")]
    public void The_record_is_selected_as_senders_select_it(string records, string finding)
    {
        var observation = TestObservations.Good with { StsRecords = TestObservations.Found("_mta-sts.example.com", records.Split('|', StringSplitOptions.RemoveEmptyEntries)) };

        AssertFinds(observation, "enforce", finding == "" ? [] : [$"{finding} _mta-sts.example.com"]);
        Assert.All(ResultsOf(observation).Findings, found => Assert.Contains($"v=STSv1; id={TestObservations.PolicyId};", found.Remedy, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(-0.9, 0, false)]
    [InlineData(-1.1, 0, true)]
    [InlineData(-0.04, 300, false)]
    [InlineData(-0.05, 300, true)]
    [InlineData(-1.1, 172_800, false)]
    [InlineData(-2.1, 172_800, true)]
    [Trait("Conformance", "OPS-6")]
    public void An_id_is_stale_only_after_the_TTL_of_the_old_record(double publishedDays, int ttl, bool lags)
    {
        var observation = TestObservations.Good with { StsRecords = TestObservations.Found("_mta-sts.example.com", "v=STSv1; id=1;") };
        var context = Cases.Of(observation, PolicyMode.Enforce, Mx);

        var found = RuleEngine.Evaluate(context with { HostedDomain = context.HostedDomain! with { PublishedAt = TestObservations.At.AddDays(publishedDays), StsTtl = ttl } }).Findings;

        Assert.Equal(lags ? ["txt.sts.id-stale"] : [], found.Select(finding => finding.Code));
    }

    [Theory]
    [InlineData(-0.001, false)]
    [InlineData(-1, true)]
    public void A_policy_file_that_differs_is_a_fault_only_after_caches_have_expired(double publishedHours, bool isFault)
    {
        var observation = TestObservations.Fetched(TestObservations.Fetch() with { Body = "version: STSv1\nmode: testing\nmx: a.example\nmax_age: 604800\n"u8.ToArray() });
        var context = Cases.Of(observation, PolicyMode.Enforce, Mx);

        var found = RuleEngine.Evaluate(context with { HostedDomain = context.HostedDomain! with { PublishedAt = TestObservations.At.AddHours(publishedHours) } }).Findings;

        Assert.Equal(isFault ? ["policy.file.mismatch"] : [], found.Select(finding => finding.Code));
    }

    [Fact]
    public void The_same_policy_in_other_bytes_is_an_info()
    {
        var context = Cases.Of(TestObservations.Good, PolicyMode.Enforce, Mx);
        var bytes = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(context.HostedDomain!.Bytes).ReplaceLineEndings("\n"));

        var found = RuleEngine.Evaluate(context with { Observation = TestObservations.Fetched(TestObservations.Fetch() with { Body = bytes }) }).Findings;

        Assert.Equal(["Info policy.file.mismatch"], found.Select(finding => $"{finding.Severity} {finding.Code}"));
    }

    [Fact]
    public void A_foreign_policy_host_that_serves_the_published_bytes_is_no_fault() => AssertFinds(
        TestObservations.Good with { PolicyHost = TestObservations.Good.PolicyHost with { A = TestObservations.Found("mta-sts.example.com", "192.0.2.81"), Aaaa = TestObservations.Nothing("mta-sts.example.com") } }, "enforce");

    [Fact]
    public void A_policy_host_with_IPv6_alone_is_inconclusive_without_IPv6_here()
    {
        var host = TestObservations.Good.PolicyHost with { A = TestObservations.Nothing("mta-sts.example.com"), Aaaa = TestObservations.Found("mta-sts.example.com", "2001:db8::80"), Fetch = TestObservations.Fetch(PolicyFetchOutcome.NotReached) };

        var evaluated = ResultsOf(TestObservations.Good with { PolicyHost = host });
        Assert.Empty(evaluated.Findings);
        Assert.Contains("policy-host.connection.failed", evaluated.Inconclusive);

        var withIPv6 = TestObservations.With(TestObservations.Host(Mx, TestObservations.Session("2001:db8::1", TestObservations.Certificate(Mx)))) with { PolicyHost = host };
        Assert.Equal(["policy-host.connection.failed"], ResultsOf(withIPv6).Findings.Select(finding => finding.Code));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("0 issue ca.example", true)]
    [InlineData("0 ISSUE CA.Example", true)]
    [InlineData("0 issue \"ca.example; accounturi=https://ca.example/1\"", true)]
    [InlineData("0 issue other.example|0 issue ca.example", true)]
    [InlineData("0 issuewild other.example", true)]
    [InlineData("0 issuewild ;", true)]
    [InlineData("0 iodef mailto:a@example.com", true)]
    [InlineData("128 issuemail other.example", true)]
    [InlineData("0 unknown x", true)]
    [InlineData("128 unknown x", false)]
    [InlineData("0 issue ca.example|128 unknown x", false)]
    [InlineData("0 issue ;", false)]
    [InlineData("0 issue", false)]
    [InlineData("0 issue other.example", false)]
    [InlineData("0 issue sub.ca.example", false)]
    [InlineData("128 issue other.example|0 issuewild ca.example", false)]
    public void CAA_permits_or_forbids_a_CA_as_RFC_8659_says(string records, bool letsIn) => AssertFinds(
        TestObservations.Good with { PolicyHost = TestObservations.Good.PolicyHost with { Caa = TestObservations.Found("example.com", records.Split('|', StringSplitOptions.RemoveEmptyEntries)) } },
        "enforce", letsIn ? [] : ["Warning policy-host.caa.mismatch example.com"]);

    [Theory]
    [InlineData(3, 1, 1)]
    [InlineData(3, 0, 1)]
    [InlineData(3, 1, 0)]
    [InlineData(3, 0, 2)]
    [InlineData(2, 0, 1)]
    [InlineData(2, 1, 2)]
    [InlineData(2, 1, 0)]
    public void TLSA_records_match_the_chain_as_RFC_6698_says(int usage, int selector, int matching)
    {
        var tls = TestObservations.Certificate(Mx);
        using var certificate = X509CertificateLoader.LoadCertificate(tls.Chain[usage == 3 ? 0 : 1]);
        var content = selector == 0 ? certificate.RawData : certificate.PublicKey.ExportSubjectPublicKeyInfo();
        var data = matching == 0 ? content : matching == 1 ? SHA256.HashData(content) : SHA512.HashData(content);
        var host = TestObservations.Host(Mx, TestObservations.Session("192.0.2.1", tls));
        var right = TestObservations.Found(host.Tlsa.Name, "3 1 1 " + new string('0', 64), $"{usage} {selector} {matching} {Convert.ToHexStringLower(data)}") with { Authentic = true };
        var wrong = right with { Records = [right.Records[1][..^2] + (right.Records[1].EndsWith("00", StringComparison.Ordinal) ? "11" : "00")] };

        AssertFinds(TestObservations.With(host with { Tlsa = right }), "enforce");
        AssertFinds(TestObservations.With(host with { Tlsa = wrong }), "enforce", $"Critical tlsa.record.mismatch {Mx}");
        AssertFinds(TestObservations.With(host with { Tlsa = wrong with { Authentic = null } }), "enforce");
        Assert.Contains("tlsa.record.mismatch", ResultsOf(TestObservations.With(host with { Tlsa = wrong with { Authentic = null } })).Inconclusive);
    }

    [Fact]
    public void A_domain_where_DANE_may_not_protect_is_reported_as_unprotected()
    {
        var host = TestObservations.Good.MxHosts[0];
        var tlsa = TestObservations.Found(host.Tlsa.Name, "3 1 1 " + Convert.ToHexStringLower(SHA256.HashData(X509CertificateLoader.LoadCertificate(host.Sessions[0].Tls!.Chain[0]).PublicKey.ExportSubjectPublicKeyInfo()))) with { Authentic = true };

        Assert.DoesNotContain(ResultsOf(TestObservations.With(host with { Tlsa = tlsa }), "none").Findings, finding => finding.Code == "policy.mx.opportunistic");
        Assert.Contains(ResultsOf(TestObservations.With(host with { Tlsa = tlsa with { Authentic = false } }), "none").Findings, finding => finding.Code == "policy.mx.opportunistic");
    }

    [Fact]
    public void A_domain_without_MTA_STS_is_reported_without_an_alarm()
    {
        var nothing = DnsOutcome.NxDomain;
        var observation = TestObservations.Good with
        {
            StsRecords = TestObservations.Nothing("_mta-sts.example.com", nothing),
            TlsRptRecords = TestObservations.Nothing("_smtp._tls.example.com", nothing),
            PolicyHost = new PolicyHostObservation("mta-sts.example.com", TestObservations.Nothing("mta-sts.example.com", nothing), TestObservations.Nothing("mta-sts.example.com", nothing), TestObservations.Nothing("example.com"), TestObservations.Fetch(PolicyFetchOutcome.NotReached)),
        };

        var found = RuleEngine.Evaluate(new RuleContext(observation, new Policy { Mode = PolicyMode.None, MaxAge = 0 }, HostedDomain: null, ExpectedTargets.Unknown)).Findings;

        Assert.Equal(["policy-host.address.missing", "policy.mx.opportunistic", "txt.sts.missing", "txt.tlsrpt.missing"], found.Select(finding => finding.Code).Order(StringComparer.Ordinal));
        Assert.All(found, finding => Assert.Equal(Severity.Info, finding.Severity));
    }

    [Theory]
    [InlineData(DnsOutcome.Failed)]
    [InlineData(DnsOutcome.TimedOut)]
    internal void A_record_that_cannot_be_looked_up_is_not_missing(DnsOutcome outcome)
    {
        var observation = TestObservations.Good with { StsRecords = TestObservations.Nothing("_mta-sts.example.com", outcome), TlsRptRecords = TestObservations.Nothing("_smtp._tls.example.com", outcome) };

        AssertFinds(observation, "enforce", "Warning txt.sts.lookup-failed _mta-sts.example.com", "Info txt.tlsrpt.lookup-failed _smtp._tls.example.com");
        Assert.Equal(
            ["policy.mode.none", "txt.sts.ambiguous", "txt.sts.id-stale", "txt.sts.malformed", "txt.sts.missing", "txt.sts.multiple",
             "txt.tlsrpt.ambiguous", "txt.tlsrpt.foreign", "txt.tlsrpt.malformed", "txt.tlsrpt.missing", "txt.tlsrpt.multiple"],
            ResultsOf(observation).Inconclusive.Order(StringComparer.Ordinal));
        Assert.Equal(["mx.record.lookup-failed"], ResultsOf(observation with { Mx = TestObservations.Nothing("example.com", outcome), MxHosts = [] }).Findings.Select(finding => finding.Code));
    }

    [Fact]
    public void A_record_with_control_characters_cannot_forge_a_line()
    {
        var observation = TestObservations.Good with { StsRecords = TestObservations.Found("_mta-sts.example.com", "hello\r\nCRITICAL forged\u001b[2J") };

        var finding = Assert.Single(ResultsOf(observation).Findings);

        Assert.DoesNotContain(finding.Evidence, char.IsControl);
    }

    [Fact]
    public void An_observation_survives_a_JSON_round_trip()
    {
        var observation = TestObservations.With(
            TestObservations.Host(Mx, TestObservations.Session("192.0.2.1", TestObservations.Certificate(Mx)), TestObservations.Failed("2001:db8::1", SmtpOutcome.NoRoute, "no route")),
            TestObservations.Host("mx2.example.com")) with
        { StsRecords = new DnsAnswer("_mta-sts.example.com", DnsOutcome.TimedOut, [], ["alias.example"], 0, "no answer") };

        var again = JsonSerializer.Deserialize(observation.ToJson(), ObservationJson.Default.Observation)!;

        Assert.Equal(observation.ToJson(), again.ToJson());
        Assert.Equal(ResultsOf(observation).Findings, ResultsOf(again).Findings);
        Assert.Equal(observation.MxHosts[0].Sessions[0].Tls!.Chain[0], again.MxHosts[0].Sessions[0].Tls!.Chain[0]);
    }

    private static Observation WithMx(DnsAnswer mx) => TestObservations.Good with { Mx = mx, MxHosts = [] };

    private static void AssertFinds(Observation observation, string mode, params string[] expected) => AssertCoveredFinds(observation, mode, [Mx], expected);

    private static void AssertCoveredFinds(Observation observation, string mode, string[] covers, params string[] expected) => Assert.Equal(
        expected.Order(), ResultsOf(observation, mode, covers).Findings.Where(finding => mode != "none" || !OfModeNone.Contains(finding.Code)).Select(finding => $"{finding.Severity} {finding.Code} {finding.Subject}").Order());

    private static RuleResults ResultsOf(Observation observation, string mode = "enforce", params string[] covers) =>
        RuleEngine.Evaluate(Cases.Of(observation, Enum.Parse<PolicyMode>(mode, ignoreCase: true), covers is [] ? [Mx] : covers));
}
