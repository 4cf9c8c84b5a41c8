using System.Text;
using System.Text.Json;
using StsFunctions.CheckDomain;
using StsFunctions.Domains;
using StsFunctions.Local.MailInternet;
using StsFunctions.Protocol.MtaSts;
using Xunit;
using DnsAnswer = StsFunctions.CheckDomain.DnsAnswer;

namespace StsFunctions.Tests.CheckDomain;

/// <summary>Each rule, off and on, over observations made by hand.</summary>
public sealed class JudgeTests
{
    private const string Mx = "mx1.example.com";

    [Theory]
    [InlineData("enforce")]
    [InlineData("testing")]
    [InlineData("none")]
    public void A_domain_that_is_well_has_no_finding(string mode)
    {
        AssertFinds(Seen.Good, mode);
        Assert.Empty(JudgementOf(Seen.Good, mode).Unseen);
    }

    [Theory]
    [InlineData("enforce", "Critical")]
    [InlineData("testing", "Warning")]
    [InlineData("none", "Info")]
    public void What_a_fault_does_to_mail_depends_on_the_mode(string mode, string severity)
    {
        AssertFinds(Seen.With(Seen.Host(Mx, Seen.Failed("192.0.2.1", SmtpOutcome.StartTlsMissing))), mode, $"{severity} mx.starttls.missing {Mx}");
        AssertFinds(Seen.With(Seen.Host(Mx, Seen.Session("192.0.2.1", Seen.Certificate("other.example")))), mode, $"{severity} mx.certificate.name {Mx}");
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
    [InlineData("192.0.2.1", false)]
    [Trait("Conformance", "MX-1")]
    public void An_MX_host_that_no_pattern_covers_is_uncovered(string host, bool covered)
    {
        var found = JudgementOf(Seen.With(Seen.Host(host, Seen.Session("192.0.2.1", Seen.Certificate(host)))), "enforce", "mx1.example.com", "*.wild.example").Findings;

        Assert.Equal(covered, found.All(finding => finding.Code != "mx.uncovered"));
    }

    [Fact]
    [Trait("Conformance", "MX-1")]
    public void Under_mode_none_nothing_need_be_covered() =>
        AssertFinds(Seen.With(Seen.Host("mx9.example.com", Seen.Session("192.0.2.1", Seen.Certificate("mx9.example.com")))), "none");

    [Fact]
    [Trait("Conformance", "MX-2")]
    public void Missing_null_implicit_and_unknown_MX_are_told_apart()
    {
        AssertFinds(WithMx(new DnsAnswer("example.com", DnsOutcome.NxDomain, [])), "enforce", "Critical mx.missing example.com");
        AssertFinds(WithMx(Seen.Found("example.com", "0 .")), "enforce", "Info mx.null example.com");
        AssertFinds(WithMx(Seen.Nothing("example.com", DnsOutcome.Failed)), "enforce", "Warning mx.lookup.failed example.com");
        AssertFinds(WithMx(Seen.Nothing("example.com", DnsOutcome.TimedOut)), "enforce", "Warning mx.lookup.failed example.com");
        var itself = Seen.Host("example.com", Seen.Session("192.0.2.1", Seen.Certificate("example.com"))) with { Implicit = true };
        AssertCoveredFinds(Seen.With(itself) with { Mx = Seen.Nothing("example.com") }, "enforce", ["example.com"], "Info mx.implicit example.com");
    }

    [Fact]
    [Trait("Conformance", "MX-2")]
    public void While_the_MX_records_cannot_be_looked_up_nothing_about_them_resolves()
    {
        var unseen = JudgementOf(WithMx(Seen.Nothing("example.com", DnsOutcome.TimedOut))).Unseen;

        Assert.Equal(Judge.Rules.Select(rule => rule.Code).Where(code => code.StartsWith("mx.", StringComparison.Ordinal) && code != "mx.lookup.failed").Order(), unseen.Order());
    }

    [Fact]
    [Trait("Conformance", "MX-2")]
    public void An_alias_is_told_but_not_for_a_domain_that_stands_for_itself()
    {
        var host = Seen.Good.MxHosts[0];
        AssertFinds(Seen.With(host with { A = host.A with { Aliases = ["real.example.net"] } }), "enforce", $"Warning mx.cname {Mx}");
        AssertFinds(Seen.With(host with { Implicit = true, A = host.A with { Aliases = ["real.example.net"] } }), "enforce");
    }

    [Fact]
    [Trait("Conformance", "MX-2")]
    public void A_host_without_an_address_is_critical_when_it_is_the_only_one()
    {
        AssertFinds(Seen.With(Seen.Host(Mx)), "enforce", $"Critical mx.no-address {Mx}");
        AssertCoveredFinds(Seen.With(Seen.Good.MxHosts[0], Seen.Host("mx2.example.com")), "enforce", [Mx, "mx2.example.com"], "Warning mx.no-address mx2.example.com");
    }

    [Fact]
    [Trait("Conformance", "MX-2")]
    public void A_host_whose_address_cannot_be_looked_up_is_no_host_without_one()
    {
        var dark = Seen.Host("mx2.example.com") with { A = Seen.Nothing("mx2.example.com", DnsOutcome.TimedOut) };

        AssertCoveredFinds(Seen.With(Seen.Good.MxHosts[0], dark), "enforce", [Mx, "mx2.example.com"]);
        var judged = JudgementOf(Seen.With(Seen.Host(Mx), dark), "enforce", Mx, "mx2.example.com");
        Assert.Equal(["mx.no-address"], judged.Findings.Select(finding => finding.Code));
        Assert.Contains("mx.no-address", judged.Unseen);
        Assert.Contains("mx.certificate.expired", judged.Unseen);
    }

    public static TheoryData<string, string?> Outcomes => new()
    {
        { nameof(SmtpOutcome.Completed), null },
        { nameof(SmtpOutcome.NoRoute), null },
        { nameof(SmtpOutcome.AddressNotAllowed), "Critical mx.unreachable" },
        { nameof(SmtpOutcome.ConnectionRefused), "Critical mx.unreachable" },
        { nameof(SmtpOutcome.ConnectionTimedOut), "Critical mx.unreachable" },
        { nameof(SmtpOutcome.BrokenOff), "Critical mx.unreachable" },
        { nameof(SmtpOutcome.Turned), "Warning mx.turned-away" },
        { nameof(SmtpOutcome.StartTlsMissing), "Critical mx.starttls.missing" },
        { nameof(SmtpOutcome.StartTlsRefused), "Critical mx.starttls.broken" },
        { nameof(SmtpOutcome.StartTlsInjected), "Critical mx.starttls.broken" },
        { nameof(SmtpOutcome.TlsFailed), "Critical mx.starttls.broken" },
        { nameof(SmtpOutcome.TlsVersion), "Critical mx.tls.version" },
    };

    [Theory]
    [MemberData(nameof(Outcomes))]
    [Trait("Conformance", "MX-3")]
    [Trait("Conformance", "MX-5")]
    public void How_a_session_ends_is_one_finding_or_none(string outcome, string? finding)
    {
        var session = Seen.Failed("192.0.2.1", Enum.Parse<SmtpOutcome>(outcome)) with { Tls = outcome == nameof(SmtpOutcome.Completed) ? Seen.Certificate(Mx) : null };

        AssertFinds(Seen.With(Seen.Host(Mx, session)), "enforce", finding is null ? [] : [$"{finding} {Mx}"]);
    }

    [Fact]
    public void Every_outcome_is_judged() => Assert.Equal(Enum.GetNames<SmtpOutcome>().Order(), Outcomes.Select(row => row.Data.Item1).Order());

    [Fact]
    [Trait("Conformance", "MX-6")]
    public void One_bad_address_behind_a_good_name_is_seen_and_named()
    {
        var seen = Seen.With(Seen.Host(Mx, Seen.Session("192.0.2.1", Seen.Certificate(Mx)), Seen.Session("2001:db8::1", Seen.Certificate("other.example"))));

        var finding = Assert.Single(JudgementOf(seen).Findings);

        Assert.Equal("mx.certificate.name", finding.Code);
        Assert.Contains("2001:db8::1", finding.Evidence, StringComparison.Ordinal);
        Assert.DoesNotContain("192.0.2.1", finding.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "MX-6")]
    public void A_dead_address_beside_a_good_one_is_a_warning() =>
        AssertFinds(
            Seen.With(Seen.Host(Mx, Seen.Session("192.0.2.1", Seen.Certificate(Mx)), Seen.Failed("192.0.2.2", SmtpOutcome.ConnectionTimedOut))),
            "enforce", $"Warning mx.unreachable {Mx}");

    [Theory]
    [InlineData(SmtpOutcome.NoRoute)]
    [InlineData(SmtpOutcome.ConnectionTimedOut)]
    [InlineData(SmtpOutcome.Turned)]
    [Trait("Conformance", "MX-6")]
    internal void An_address_out_of_reach_hides_no_fault_of_the_others(SmtpOutcome outcome)
    {
        var seen = Seen.With(Seen.Host(Mx, Seen.Session("192.0.2.1", Seen.Certificate(Mx, -100, -1)), Seen.Failed("2001:db8::1", outcome)));

        var judged = JudgementOf(seen);

        Assert.Contains(judged.Findings, finding => (finding.Code, finding.Severity) == ("mx.certificate.expired", Severity.Critical));
        // Nothing resolves while an address could have been at fault; one without a route would keep it open for ever.
        Assert.Equal(outcome != SmtpOutcome.NoRoute, judged.Unseen.Contains("mx.certificate.expired"));
    }

    [Fact]
    public void A_host_that_can_be_seen_by_no_address_resolves_nothing()
    {
        var unseen = JudgementOf(Seen.With(Seen.Host(Mx, Seen.Failed("2001:db8::1", SmtpOutcome.NoRoute)))).Unseen;

        Assert.Contains("mx.certificate.expired", unseen);
        Assert.Contains("mx.starttls.missing", unseen);
    }

    [Theory]
    [InlineData(SmtpOutcome.StartTlsMissing)]
    [InlineData(SmtpOutcome.TlsFailed)]
    internal void A_session_without_a_certificate_resolves_nothing_about_it(SmtpOutcome outcome)
    {
        var unseen = JudgementOf(Seen.With(Seen.Host(Mx, Seen.Failed("192.0.2.1", outcome)))).Unseen;

        Assert.Contains("mx.certificate.expired", unseen);
        Assert.DoesNotContain("mx.starttls.missing", unseen);
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public void A_network_that_lets_nothing_out_is_nobodys_fault_and_resolves_nothing()
    {
        var seen = Seen.With(Seen.Host(Mx, Seen.Failed("192.0.2.1", SmtpOutcome.ConnectionTimedOut), Seen.Failed("2001:db8::1", SmtpOutcome.NoRoute))) with { Port25 = Port25.Closed };

        var judged = JudgementOf(seen);

        Assert.Empty(judged.Findings);
        Assert.Superset(
            new HashSet<string> { "mx.unreachable", "mx.turned-away", "mx.starttls.missing", "mx.starttls.broken", "mx.tls.version", "mx.certificate.name", "mx.certificate.expired", "mx.certificate.expiring", "mx.certificate.not-yet-valid", "mx.certificate.untrusted" },
            judged.Unseen.ToHashSet());
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
        var found = JudgementOf(Seen.With(Seen.Host(host, Seen.Session("192.0.2.1", Seen.Certificate(san)))), "enforce", host).Findings;

        Assert.Equal(isFor ? [] : ["mx.certificate.name"], found.Select(finding => finding.Code));
    }

    [Fact]
    [Trait("Conformance", "MX-4")]
    public void A_CN_alone_is_no_name()
    {
        var seen = Seen.With(Seen.Host(Mx, Seen.Session("192.0.2.1", Seen.Certificate(new CertificateSpec { CommonName = Mx }))));

        AssertFinds(seen, "enforce", $"Critical mx.certificate.name {Mx}");
        Assert.Contains("no DNS name at all", JudgementOf(seen).Findings[0].Evidence, StringComparison.Ordinal);
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
    public void However_odd_an_MX_host_is_the_judging_ends(string host)
    {
        var found = JudgementOf(Seen.With(Seen.Host(host, Seen.Session("192.0.2.1", Seen.Certificate(Mx))))).Findings;

        Assert.Contains(found, finding => finding.Code == "mx.certificate.name");
    }

    // A certificate's first day and last day, from now; what is found.
    [Theory]
    [InlineData(-30, 60, "")]
    [InlineData(-60, 30.1, "")]
    [InlineData(-335, 30.1, "")]
    [InlineData(-336, 29.9, "Info mx.certificate.expiring")]
    [InlineData(-351, 13.9, "Warning mx.certificate.expiring")]
    [InlineData(-363, 1.9, "Critical mx.certificate.expiring")]
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
    public void A_certificate_that_ends_is_told_in_time_by_its_own_lifetime(double from, double to, string finding) => AssertFinds(
        Seen.With(Seen.Host(Mx, Seen.Session("192.0.2.1", Seen.Certificate(Mx, from, to)))), "enforce", finding == "" ? [] : [$"{finding} {Mx}"]);

    [Fact]
    [Trait("Conformance", "MX-4")]
    public void An_expiring_certificate_never_alarms_more_than_an_expired_one_would()
    {
        AssertFinds(Seen.With(Seen.Host(Mx, Seen.Session("192.0.2.1", Seen.Certificate(Mx, -351, 13)))), "none", $"Info mx.certificate.expiring {Mx}");
        AssertFinds(Seen.With(Seen.Host(Mx, Seen.Session("192.0.2.1", Seen.Certificate(Mx, -363, 1)))), "testing", $"Warning mx.certificate.expiring {Mx}");
    }

    [Fact]
    [Trait("Conformance", "MX-4")]
    public void A_chain_that_is_not_trusted_is_told_with_what_was_sent()
    {
        var seen = Seen.With(Seen.Host(Mx, Seen.Session("192.0.2.1", Seen.Certificate(Mx, -1, 89, "PartialChain: CN=mx1.example.com"))));

        AssertFinds(seen, "enforce", $"Critical mx.certificate.untrusted {Mx}");
        Assert.Contains("2 certificate(s) sent; PartialChain", JudgementOf(seen).Findings[0].Evidence, StringComparison.Ordinal);
        var itself = Seen.Certificate(CertificateSpec.For(Mx) with { Signer = CertificateSigner.Itself }, "UntrustedRoot: CN=mx1.example.com");
        Assert.Contains("self-signed", JudgementOf(Seen.With(Seen.Host(Mx, Seen.Session("192.0.2.1", itself)))).Findings[0].Evidence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("", "Warning txt.sts.missing")]
    [InlineData("v=spf1 -all", "Warning txt.sts.missing")]
    [InlineData("v=spf1 -all|v=STSv1; id=20260301000000;", "")]
    [InlineData("v=STSv1; id=20260301000000;|v=STSv1; id=1;", "Warning txt.sts.invalid")]
    [InlineData("v=STSv1; id=20260301000000;|v=STSv1; id=20260301000000;", "Warning txt.sts.invalid")]
    [InlineData("v=STSv1; id=2026-03-01;", "Warning txt.sts.invalid")]
    [InlineData("v=STSv1; ID=20260301000000;", "Warning txt.sts.invalid")]
    [InlineData("v=STSv1 ;id=20260301000000", "Warning txt.sts.senders-differ")]
    [InlineData("v=STSv1; id=20250101000000;", "Warning txt.sts.id-lags")]
    [InlineData("v=STSv1; id=20260301000000; ext=1", "")]
    [Trait("Conformance", "TXT-6")]
    [Trait("Conformance", "TXT-8")]
    public void The_record_is_chosen_as_senders_choose(string records, string finding)
    {
        var seen = Seen.Good with { StsRecords = Seen.Found("_mta-sts.example.com", records.Split('|', StringSplitOptions.RemoveEmptyEntries)) };

        AssertFinds(seen, "enforce", finding == "" ? [] : [$"{finding} _mta-sts.example.com"]);
        Assert.All(JudgementOf(seen).Findings, found => Assert.Contains($"v=STSv1; id={Seen.PolicyId};", found.Remedy, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(-0.9, false)]
    [InlineData(-1.1, true)]
    [Trait("Conformance", "OPS-6")]
    public void An_id_that_lags_is_a_fault_only_once_the_old_records_time_is_over(double publishedDays, bool lags)
    {
        var seen = Seen.Good with { StsRecords = Seen.Found("_mta-sts.example.com", "v=STSv1; id=1;") };

        var found = Judge.Of(CaseOf(seen, "enforce", Mx) with { Hosted = new Hosted(Seen.PolicyId, Seen.At.AddDays(publishedDays), Seen.At.AddDays(publishedDays), []) }).Findings;

        Assert.Equal(lags ? ["txt.sts.id-lags"] : [], found.Select(finding => finding.Code));
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("v=TLSRPTv1; rua=mailto:a@example.com|v=TLSRPTv1; rua=mailto:b@example.com", true)]
    [InlineData("v=TLSRPTv1; rua=ftp://example.com", true)]
    [InlineData("v=TLSRPTv1; rua=https://app.example/v1/tlsrpt,mailto:a@example.com", false)]
    [Trait("Conformance", "RUA-2")]
    public void Nobody_asked_for_reports_is_worth_knowing(string records, bool missing) => AssertFinds(
        Seen.Good with { TlsRptRecords = Seen.Found("_smtp._tls.example.com", records.Split('|', StringSplitOptions.RemoveEmptyEntries)) },
        "enforce", missing ? ["Info txt.tlsrpt.missing _smtp._tls.example.com"] : []);

    [Theory]
    [InlineData(DnsOutcome.Failed)]
    [InlineData(DnsOutcome.TimedOut)]
    internal void A_record_that_cannot_be_looked_up_is_not_missing(DnsOutcome outcome)
    {
        var seen = Seen.Good with { StsRecords = Seen.Nothing("_mta-sts.example.com", outcome), TlsRptRecords = Seen.Nothing("_smtp._tls.example.com", outcome) };

        AssertFinds(seen, "enforce");
        Assert.Equal(["txt.sts.id-lags", "txt.sts.invalid", "txt.sts.missing", "txt.sts.senders-differ", "txt.tlsrpt.missing"], JudgementOf(seen).Unseen.Order());
    }

    [Fact]
    public void A_record_with_control_characters_forges_no_line()
    {
        var seen = Seen.Good with { StsRecords = Seen.Found("_mta-sts.example.com", "hello\r\nCRITICAL forged\u001b[2J") };

        var finding = Assert.Single(JudgementOf(seen).Findings);

        Assert.DoesNotContain(finding.Evidence, char.IsControl);
    }

    [Fact]
    public void An_observation_comes_back_out_of_its_JSON()
    {
        var seen = Seen.With(
            Seen.Host(Mx, Seen.Session("192.0.2.1", Seen.Certificate(Mx)), Seen.Failed("2001:db8::1", SmtpOutcome.NoRoute, "no route")),
            Seen.Host("mx2.example.com")) with
        { StsRecords = new DnsAnswer("_mta-sts.example.com", DnsOutcome.TimedOut, [], ["alias.example"], 0, "no answer") };

        var again = JsonSerializer.Deserialize(seen.ToJson(), ObservationJson.Default.Observation)!;

        Assert.Equal(seen.ToJson(), again.ToJson());
        Assert.Equal(JudgementOf(seen).Findings, JudgementOf(again).Findings);
        Assert.Equal(seen.MxHosts[0].Sessions[0].Tls!.Chain[0], again.MxHosts[0].Sessions[0].Tls!.Chain[0]);
    }

    [Fact]
    public void Every_finding_says_what_was_seen_what_it_means_and_what_to_do()
    {
        var all = Outcomes.SelectMany(row => JudgementOf(Seen.With(Seen.Host(Mx, Seen.Failed("192.0.2.1", Enum.Parse<SmtpOutcome>(row.Data.Item1))))).Findings)
            .Concat(JudgementOf(WithMx(Seen.Nothing("example.com", DnsOutcome.NxDomain)) with { StsRecords = Seen.Nothing("_mta-sts.example.com"), TlsRptRecords = Seen.Nothing("_smtp._tls.example.com") }).Findings)
            .Append(NetworkFindings.Port25Closed);

        Assert.All(all, finding =>
        {
            Assert.Matches("^[a-z0-9]+([.-][a-z0-9]+)+$", finding.Code);
            Assert.NotEmpty(finding.Evidence);
            Assert.EndsWith(".", finding.Meaning, StringComparison.Ordinal);
            Assert.NotEmpty(finding.Remedy);
            Assert.Matches("^RFC \\d+ §", finding.Rfc);
        });
    }

    private static Observation WithMx(DnsAnswer mx) => Seen.Good with { Mx = mx, MxHosts = [] };

    private static void AssertFinds(Observation seen, string mode, params string[] expected) => AssertCoveredFinds(seen, mode, [Mx], expected);

    private static void AssertCoveredFinds(Observation seen, string mode, string[] covers, params string[] expected) => Assert.Equal(
        expected.Order(), JudgementOf(seen, mode, covers).Findings.Select(finding => $"{finding.Severity} {finding.Code} {finding.Subject}").Order());

    private static Judgement JudgementOf(Observation seen, string mode = "enforce", params string[] covers) =>
        Judge.Of(CaseOf(seen, mode, covers is [] ? [Mx] : covers));

    private static Case CaseOf(Observation seen, string mode, params string[] covers) => new(
        seen,
        Policy.Parse(Encoding.UTF8.GetBytes($"version: STSv1\nmode: {mode}\n{string.Concat(covers.Select(mx => $"mx: {mx}\n"))}max_age: 604800\n")),
        new Hosted(Seen.PolicyId, Seen.At.AddDays(-13), Seen.At.AddDays(-13), []),
        OurPlaces.Unknown);
}
