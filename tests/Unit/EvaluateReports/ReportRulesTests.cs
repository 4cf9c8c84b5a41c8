using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Rules;
using StsFunctions.Protocol.TlsRpt;
using Xunit;

namespace StsFunctions.Tests.EvaluateReports;

/// <summary>The findings from reports.</summary>
public sealed class ReportRulesTests
{
    private const string Google = "google.com";

    [Theory]
    [InlineData(1, "Info")]
    [InlineData(9, "Info")]
    [InlineData(10, "Warning")]
    [InlineData(49, "Warning")]
    [InlineData(50, "Critical")]
    [InlineData(100, "Critical")]
    public void The_severity_of_a_failure_is_by_its_share_of_two_days_of_a_trusted_signer(int failures, string severity)
    {
        var found = Assert.Single(Evaluate(Reported.SignedBy(Google, 1, kinds: Reported.Kind("certificate-expired", failures))));

        Assert.Equal(("report.session.failed", "certificate-expired", severity), (found.Code, found.Subject, found.Severity.ToString()));
        Assert.True(found.Notifies);
    }

    [Theory]
    [InlineData(9, "Info")]
    [InlineData(10, "Warning")]
    [InlineData(100, "Warning")]
    [Trait("Conformance", "ARR-3")]
    public void An_unknown_signer_opens_a_warning_at_most(int failures, string severity) =>
        Assert.Equal(severity, Assert.Single(Evaluate(Reported.Of(1, kinds: Reported.Kind("certificate-expired", failures)))).Severity.ToString());

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void Two_independent_signers_make_it_critical_and_two_names_of_one_zone_do_not()
    {
        var failing = Reported.Kind("certificate-expired", 60);

        Assert.Equal(Severity.Critical, Assert.Single(Evaluate(Reported.SignedBy("a.example", 1, kinds: failing), Reported.SignedBy("b.example", 1, kinds: failing))).Severity);
        Assert.Equal(Severity.Warning, Assert.Single(Evaluate(Reported.SignedBy("a.zone.example", 1, kinds: failing), Reported.SignedBy("b.zone.example", 1, kinds: failing))).Severity);
        // The second must report as much itself.
        Assert.Equal(Severity.Warning, Assert.Single(Evaluate(Reported.SignedBy("a.example", 1, kinds: failing), Reported.SignedBy("b.example", 1, kinds: Reported.Kind("certificate-expired", 40)))).Severity);
    }

    [Theory]
    [InlineData("mx.certificate.expired", "Critical")]
    [InlineData("mx.starttls.missing", "Warning")]
    [Trait("Conformance", "ARR-3")]
    public void An_own_check_that_finds_the_same_confirms_one_signer(string code, string severity)
    {
        var probe = new ProbeConfirmation([OpenOf(code)], isObserved: true, TestStorage.Noon);

        var found = Assert.Single(RulesOf(Reported.Of(1, kinds: Reported.Kind("certificate-expired", 60))).Evaluate(null, probe, []).Findings);

        Assert.Equal(severity, found.Severity.ToString());
        Assert.Equal(severity == "Critical", found.Evidence.EndsWith($"; this app's own check found {code}", StringComparison.Ordinal));
    }

    [Fact]
    public void An_own_fetch_that_failed_confirms_one_signer()
    {
        var rules = RulesOf(Reported.Of(1, kinds: Reported.Kind("sts-policy-fetch-error", 60)));

        Assert.Equal(Severity.Critical, Assert.Single(rules.Evaluate(new OwnObservation(TestStorage.Noon, "timedOut", null), ProbeConfirmation.None, []).Findings).Severity);
        Assert.Equal(Severity.Warning, Assert.Single(rules.Evaluate(new OwnObservation(TestStorage.Noon, "fetched", 200), ProbeConfirmation.None, []).Findings).Severity);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void The_share_is_of_both_days_of_one_signer_without_figures_of_another()
    {
        var found = Assert.Single(Evaluate(
            Reported.Of(2, sessions: 500), Reported.Of(1, sessions: 9_000_000_000_000_000),
            Reported.Of(2, "Company-Y", sessions: 900), Reported.Of(1, "Company-Y", sessions: 100, kinds: Reported.Kind("certificate-expired", 90))));

        Assert.Equal(Severity.Info, found.Severity);
        Assert.Equal(
            "company-y.example \"Company-Y\": 90 of 1000 sessions (9 %) under sts; 2026-03-12 to 2026-03-13; hosts: mx1.example.com [192.0.2.1] (90)", found.Evidence);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void The_name_of_a_sender_is_quoted_and_cannot_end_the_quotation()
    {
        var found = Assert.Single(Evaluate(Reported.SignedBy("attacker.example", 1, "Google\", google.com \"Inc.\u202e", kinds: Reported.Kind("certificate-expired", 90))));

        Assert.StartsWith("attacker.example \"Google', google.com 'Inc.?\": 90 of 100 sessions", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void Invalid_hosts_and_policy_types_are_quoted()
    {
        var found = Assert.Single(Evaluate(Reported.SignedBy("attacker.example", 1, policyType: "sts; this app's own check found it", kinds: Reported.Kind("certificate-expired", 90, "mx; all is lost", "call 0900"))));

        Assert.Contains("under \"sts; this app's own check found it\"", found.Evidence, StringComparison.Ordinal);
        Assert.Contains("hosts: \"mx; all is lost\" \"call 0900\" (90)", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_failure_before_those_days_is_over() =>
        Assert.Empty(Evaluate(Reported.Of(3, kinds: Reported.Kind("certificate-expired", 100)), Reported.Of(2), Reported.Of(1)));

    [Fact]
    [Trait("Conformance", "RPT-2")]
    public void A_share_never_adds_sessions_of_several_policy_types()
    {
        var both = Reported.Of(1) with
        {
            Digest = new ReportDigest(
            [
                new TypeCounts(PolicyTypes.Sts, 90, 10, [Reported.Kind("certificate-expired", 10)], 0),
                new TypeCounts(PolicyTypes.Tlsa, 40, 60, [Reported.Kind("certificate-expired", 20), Reported.Kind("tlsa-invalid", 40)], 0),
            ]),
        };

        var found = Evaluate(both).ToDictionary(finding => finding.Subject);

        Assert.Contains(": 20 of 100 sessions (20 %) under tlsa", found["certificate-expired"].Evidence, StringComparison.Ordinal);
        Assert.Contains(": 40 of 100 sessions (40 %) under tlsa", found["tlsa-invalid"].Evidence, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void Uncounted_reports_are_one_finding_that_notifies_nobody_for_any_number_of_invented_names()
    {
        Report[] forged = [.. Enumerable.Range(0, 300).Select(n => Reported.Of(1, $"Forger {n}", counts: false, kinds: Reported.Kind($"type-{n}", n + 1)))];

        var found = Assert.Single(Evaluate([Reported.Of(1), Reported.Of(9), .. forged]));

        Assert.Equal(("report.sender.unauthenticated", Severity.Info, false), (found.Code, found.Severity, found.Notifies));
        Assert.DoesNotContain("Forger", found.Subject, StringComparison.Ordinal);
        Assert.StartsWith(
            "300 of 300 unauthenticated report(s) contain failed sessions, 2026-03-13 to 2026-03-13; types: \"type-299\" (300), \"type-298\" (299)", found.Evidence, StringComparison.Ordinal);
        Assert.Contains(" and 295 more; organization names, as given: \"Forger 299\" (300)", found.Evidence, StringComparison.Ordinal);
        Assert.InRange(found.Evidence.Length, 1, 1_000);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void A_forger_makes_a_failure_neither_smaller_nor_greater()
    {
        var true_ = Reported.Of(1, kinds: Reported.Kind("certificate-expired", 60));

        var alone = Assert.Single(Evaluate(true_));
        foreach (var forged in (Report[])[Reported.Of(1, "Forger", 1_000_000, counts: false), Reported.Of(1, "Forger", 1_000_000, counts: false, kinds: Reported.Kind("certificate-expired", 999_999))])
        {
            Assert.Contains(alone, Evaluate(true_, forged));
        }
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public void A_superseded_report_is_ignored() =>
        Assert.Empty(Evaluate(Reported.Of(1), Reported.Of(1, "Company-Y", kinds: Reported.Kind("certificate-expired", 100)) with { Superseded = true, IsCounted = false }));

    [Fact]
    public void Failures_without_a_reason_are_found_too()
    {
        var found = Assert.Single(Evaluate(Reported.SignedBy(Google, 1) with { Sessions = 50, Failures = 50, Digest = null }));

        Assert.Equal((ResultTypeGuide.NoReason, Severity.Critical), (found.Subject, found.Severity));
    }

    [Fact]
    public void Details_with_more_sessions_than_the_total_are_capped()
    {
        var found = Assert.Single(Evaluate(Reported.Of(1) with { Digest = new ReportDigest([new TypeCounts("sts", 0, 1, [Reported.Kind("certificate-expired", 50)], 0)]) }));

        Assert.Contains("50 of 50 sessions (100 %)", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "RPT-4")]
    public void An_unregistered_type_of_a_trusted_signer_is_found_under_its_own_name()
    {
        var found = Assert.Single(Evaluate(Reported.SignedBy(Google, 1, kinds: Reported.Kind("quantum-broken", 5))));

        Assert.Equal("quantum-broken", found.Subject);
        Assert.NotEmpty(found.Remedy);
    }

    [Fact]
    [Trait("Conformance", "RPT-4")]
    [Trait("Conformance", "ARR-3")]
    public void Unregistered_types_are_one_finding_for_any_number_of_signers()
    {
        var found = Assert.Single(Evaluate([.. Enumerable.Range(0, 30).Select(n => Reported.SignedBy($"s{n}.example", 1, kinds: [.. Enumerable.Range(0, 5).Select(m => Reported.Kind($"CALL NOW {n} {m}", 5))]))]));

        Assert.Equal((ResultTypeGuide.Unregistered, Severity.Warning), (found.Subject, found.Severity));
        Assert.Contains("25 of 100 sessions", found.Evidence, StringComparison.Ordinal);
        Assert.Contains("; types: \"CALL NOW 0 0\", \"CALL NOW 0 1\"", found.Evidence, StringComparison.Ordinal);
        Assert.Contains("; 25 more signer(s);", found.Evidence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(null, null, "did not fetch the policy")]
    [InlineData("fetched", 200, "observed: fetched (HTTP 200)")]
    [InlineData("timedOut", null, "observed: timedOut")]
    public void A_failed_fetch_is_shown_beside_the_own_observation(string? outcome, int? status, string words)
    {
        var rules = RulesOf(Reported.Of(1, kinds: Reported.Kind("sts-policy-fetch-error", 5)));

        Assert.Equal(new DateTimeOffset(2026, 3, 13, 11, 59, 59, 500, TimeSpan.Zero), rules.TimeOfFetchErrors);
        Assert.EndsWith(words, Assert.Single(rules.Evaluate(new OwnObservation(TestStorage.Noon.AddDays(-1), outcome, status), ProbeConfirmation.None, []).Findings).Evidence, StringComparison.Ordinal);
        Assert.EndsWith("this app made no check near that time", Assert.Single(rules.Evaluate(null, ProbeConfirmation.None, []).Findings).Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void No_own_observation_is_requested_without_a_counted_failed_fetch() => Assert.Null(RulesOf(
        Reported.Of(1, kinds: Reported.Kind("certificate-expired", 5)),
        Reported.Of(9, kinds: Reported.Kind("sts-policy-fetch-error", 5)),
        Reported.Of(1, "Forger", counts: false, kinds: Reported.Kind("sts-policy-fetch-error", 5))).TimeOfFetchErrors);

    [Theory]
    [InlineData(4, 14, true)]
    [InlineData(4, 10, true)]
    [InlineData(4, 9, false)]
    [InlineData(3, 14, false)]
    [InlineData(1, 14, false)]
    public void A_daily_signer_without_reports_is_silent_after_three_days(int lastDaysAgo, int days, bool isFound)
    {
        var found = Evaluate([Reported.Of(1, "Other"), Reported.Of(20, "Other"), .. Enumerable.Range(lastDaysAgo, days).Select(daysAgo => Reported.SignedBy(Google, daysAgo))]);

        Assert.Equal(isFound, found.Any(finding => finding is { Code: "report.sender.silent", Subject: Google, Severity: Severity.Info, Notifies: true }));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void A_report_in_a_silent_signers_name_signed_or_not_does_not_hide_the_silence()
    {
        var found = Evaluate([.. Enumerable.Range(4, 14).Select(daysAgo => Reported.SignedBy(Google, daysAgo, "Google Inc.")), Reported.Of(1, "Google Inc.", counts: false), Reported.SignedBy("attacker.example", 2, "Google Inc.")]);

        Assert.Equal("google.com \"Google Inc.\" reported on 14 of 14 days, last on 2026-03-10", Assert.Single(found, finding => finding.Code == "report.sender.silent").Evidence);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void An_unknown_signer_that_falls_silent_is_shown_without_a_notification_and_an_unsigned_name_is_no_sender()
    {
        Report[] forged = [.. Enumerable.Range(0, 30).SelectMany(n => Enumerable.Range(4, 14).Select(daysAgo => Reported.Of(daysAgo, $"Forger {n}", counts: false)))];
        Report[] signed = [.. Enumerable.Range(0, 30).SelectMany(n => Enumerable.Range(4, 14).Select(daysAgo => Reported.SignedBy($"n{n}.zone.example", daysAgo)))];

        var found = Evaluate([.. forged, .. signed, .. Enumerable.Range(4, 10).Select(daysAgo => Reported.SignedBy(Google, daysAgo))]);

        Assert.Equal((Google, true), (found[0].Subject, found[0].Notifies));
        Assert.Equal(20, found.Count);
        Assert.All(found.Skip(1), finding => Assert.Equal((false, true), (finding.Notifies, finding.Subject.EndsWith(".zone.example", StringComparison.Ordinal))));
    }

    [Fact]
    public void Silence_ends_when_the_signer_reports_and_is_dropped_after_a_long_time()
    {
        var open = Evaluate([.. Enumerable.Range(4, 14).Select(daysAgo => Reported.SignedBy(Google, daysAgo))]);

        var back = RulesOf([.. Enumerable.Range(4, 14).Append(1).Select(daysAgo => Reported.SignedBy(Google, daysAgo))]).Evaluate(null, ProbeConfirmation.None, open);
        Assert.Empty(back.Findings);
        Assert.Empty(back.NoLongerReported);
        var gone = RulesOf(Reported.SignedBy(Google, 14), Reported.SignedBy("attacker.example", 1)).Evaluate(null, ProbeConfirmation.None, open);
        Assert.Empty(gone.Findings);
        Assert.Equal(("report.sender.silent", Google), Assert.Single(gone.NoLongerReported));
    }

    [Theory]
    [InlineData("microsoft.com", 5, "Info", true)]
    [InlineData("microsoft.com", 60, "Warning", true)]
    [InlineData("newcomer.example", 60, "Info", false)]
    public void A_new_signer_with_failures_is_found_and_notified_if_it_is_trusted(string signer, int failures, string severity, bool notifies)
    {
        var found = Assert.Single(
            Evaluate(Reported.Of(9), Reported.Of(1, sessions: 100_000), Reported.SignedBy(signer, 1, "Newcomer", kinds: Reported.Kind("certificate-not-trusted", failures))),
            finding => finding.Code == "report.sender.new-failing");

        Assert.Equal((signer, severity, notifies), (found.Subject, found.Severity.ToString(), found.Notifies));
        Assert.StartsWith($"certificate-not-trusted: {signer} \"Newcomer\": {failures} of 100 sessions", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_signer_with_earlier_reports_and_every_signer_of_a_new_domain_is_not_new()
    {
        var failing = Reported.Of(1, kinds: Reported.Kind("certificate-expired", 60));

        Assert.DoesNotContain(Evaluate(failing), finding => finding.Code == "report.sender.new-failing");
        Assert.DoesNotContain(Evaluate(failing, Reported.Of(9)), finding => finding.Code == "report.sender.new-failing");
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void A_backdated_report_makes_no_signer_of_a_new_domain_new()
    {
        var failing = Reported.SignedBy(Google, 1, kinds: Reported.Kind("certificate-expired", 60));

        Assert.DoesNotContain(Evaluate(failing, Reported.Of(9, "Forger", counts: false)), finding => finding.Code == "report.sender.new-failing");
        Assert.DoesNotContain(Evaluate(failing, Reported.SignedBy("attacker.example", 9) with { ArrivedAt = TestStorage.Noon }), finding => finding.Code == "report.sender.new-failing");
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void A_finding_is_resolved_only_by_the_signers_that_opened_it()
    {
        var open = Evaluate(Reported.SignedBy(Google, 1, kinds: Reported.Kind("certificate-expired", 60)), Reported.Of(1, kinds: Reported.Kind("certificate-expired", 20)));

        // A few days later others report that all is well, one with as many sessions as there can be.
        var others = EvaluateAt(4, [Reported.SignedBy("attacker.example", -3, "Google Inc.", sessions: 9_000_000_000_000_000), Reported.Of(-3, "Forger", counts: false)], open);
        Assert.Equal((Severity.Critical, open[0].Evidence), (Assert.Single(others.Findings).Severity, others.Findings[0].Evidence));

        // The signer that made it critical reports that it is over; the other has not reported yet.
        var one = EvaluateAt(4, [Reported.SignedBy(Google, -3)], open);
        Assert.Equal(Severity.Warning, Assert.Single(one.Findings).Severity);

        var both = EvaluateAt(4, [Reported.SignedBy(Google, -3), Reported.Of(-3)], open);
        Assert.Empty(both.Findings);
        Assert.Empty(both.NoLongerReported);
    }

    [Fact]
    public void A_report_without_a_session_or_of_an_earlier_day_resolves_nothing()
    {
        var open = Evaluate(Reported.SignedBy(Google, 1, kinds: Reported.Kind("certificate-expired", 60)));

        Assert.Single(EvaluateAt(4, [Reported.SignedBy(Google, -3, sessions: 0)], open).Findings);
        Assert.Single(EvaluateAt(4, [Reported.SignedBy(Google, 2)], open).Findings);
    }

    [Fact]
    public void A_finding_that_a_second_reading_of_the_same_day_withdraws_is_over()
    {
        var open = Evaluate(Reported.SignedBy(Google, 1, kinds: Reported.Kind("certificate-expired", 60)));

        var again = RulesOf(Reported.SignedBy(Google, 1)).Evaluate(null, ProbeConfirmation.None, open);

        Assert.Empty(again.Findings);
        Assert.Empty(again.NoLongerReported);
    }

    [Theory]
    [InlineData(0, true, false)]
    [InlineData(13, true, false)]
    [InlineData(14, false, true)]
    public void A_finding_that_is_neither_repeated_nor_withdrawn_ends_as_no_longer_reported(int days, bool isOpen, bool isLapsed)
    {
        var open = Evaluate(Reported.SignedBy(Google, 1, kinds: Reported.Kind("certificate-expired", 60)));

        var later = EvaluateAt(days, [Reported.SignedBy("attacker.example", -days)], open);

        Assert.Equal((isOpen, isLapsed), (later.Findings.Count == 1, later.NoLongerReported.Contains(("report.session.failed", "certificate-expired"))));
        if (isOpen)
        {
            Assert.Equal(open[0], later.Findings[0]);
        }
    }

    [Fact]
    public void A_finding_that_an_own_check_confirmed_and_no_longer_finds_is_over_although_its_signers_are_silent()
    {
        var reports = new[] { Reported.SignedBy(Google, 1, kinds: Reported.Kind("certificate-expired", 60)) };
        var confirmed = RulesOf(reports).Evaluate(null, new ProbeConfirmation([OpenOf("mx.certificate.expired")], true, TestStorage.Noon), []).Findings;
        var isWell = new ProbeConfirmation([], true, TestStorage.Noon.AddDays(4));

        Assert.Empty(EvaluateAt(4, [], confirmed, isWell).Findings);
        Assert.Empty(EvaluateAt(4, [], confirmed, isWell).NoLongerReported);
        // Observed as good by a check that never observed the fault, or that observed nothing at all, it stays open.
        Assert.Single(EvaluateAt(4, [], Evaluate(reports), isWell).Findings);
        Assert.Single(EvaluateAt(4, [], confirmed, new ProbeConfirmation([], false, TestStorage.Noon.AddDays(4))).Findings);
        Assert.Single(EvaluateAt(4, [], confirmed, new ProbeConfirmation([], true, TestStorage.Noon.AddDays(-1))).Findings);
        // And while its signers still report it.
        Assert.Single(RulesOf(reports).Evaluate(null, new ProbeConfirmation([], true, TestStorage.Noon), confirmed).Findings);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void A_signer_escalates_a_finding_once_and_not_with_each_change_of_its_figures()
    {
        var worst = Evaluate(Reported.Of(1, kinds: Reported.Kind("certificate-expired", 20)));

        var milder = RulesOf(Reported.Of(1, sessions: 1_000, kinds: Reported.Kind("certificate-expired", 20))).Evaluate(null, ProbeConfirmation.None, worst).Findings;

        Assert.Equal(Severity.Warning, Assert.Single(milder).Severity);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void The_stored_signers_are_bounded_and_trusted_and_earlier_ones_stay()
    {
        var open = Evaluate(Reported.Of(1, kinds: Reported.Kind("certificate-expired", 20)));
        Report[] many = [.. Enumerable.Range(0, 200).Select(n => Reported.SignedBy($"n{n}.zone.example", 1, kinds: Reported.Kind("certificate-expired", 90)))];

        var found = Assert.Single(RulesOf([.. many, Reported.Of(1, kinds: Reported.Kind("certificate-expired", 20)), Reported.SignedBy(Google, 1, kinds: Reported.Kind("certificate-expired", 20))])
            .Evaluate(null, ProbeConfirmation.None, open).Findings);

        var stored = ReportBasis.FromText(found.Basis).Witnesses.Select(witness => witness.Signer).ToList();
        Assert.Equal([Google, "company-x.example"], stored.Take(2));
        Assert.Equal(20, stored.Count);
        Assert.StartsWith(Google, found.Evidence, StringComparison.Ordinal);
        Assert.Equal(Severity.Warning, found.Severity);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("no JSON")]
    [InlineData("""{"w":null,"c":true}""")]
    public void The_basis_of_another_version_is_ignored(string text) => Assert.Equal(ReportBasis.None, ReportBasis.FromText(text));

    [Fact]
    public void A_basis_survives_a_round_trip()
    {
        var basis = new ReportBasis([new ReportWitness(Google, Reported.Today, Severity.Critical), new ReportWitness("", Reported.Today, Severity.Info)], IsConfirmed: true);

        Assert.Equal(basis, ReportBasis.FromText(basis.ToText()));
    }

    [Theory]
    [InlineData("google.com", true)]
    [InlineData("mail.google.com", true)]
    [InlineData("notgoogle.com", false)]
    [InlineData("google.com.attacker.example", false)]
    [InlineData("com", false)]
    [InlineData("", false)]
    // A user with a mailbox there sends mail that it signs.
    [InlineData("outlook.com", false)]
    [InlineData("gmail.com", false)]
    public void A_trusted_signer_is_a_listed_domain_or_one_under_it(string signer, bool isTrusted) => Assert.Equal(isTrusted, TrustedReportSigners.Default.Contains(signer));

    [Theory]
    [InlineData("a.b.zone.example", "zone.example")]
    [InlineData("zone.example", "zone.example")]
    [InlineData("a.co.uk", "co.uk")]
    [InlineData("example", "example")]
    [InlineData("", "")]
    public void Names_of_one_zone_have_one_organizational_domain(string signer, string organizationalDomain) => Assert.Equal(organizationalDomain, SigningDomain.OrganizationalDomainOf(signer));

    [Fact]
    public void The_confirming_findings_of_a_result_type_exist_and_every_type_that_a_check_can_observe_has_some()
    {
        Assert.All(ProbeConfirmation.Codes, one =>
        {
            Assert.True(ResultTypes.IsRegistered(one.Key));
            Assert.All(one.Value, start => Assert.Contains(Kinds, kind => kind.Code.StartsWith(start, StringComparison.Ordinal)));
        });
        // Whether a sender requires DANE is the sender's own setting.
        Assert.Equal([ResultTypes.DaneRequired], ResultTypes.All.Except(ProbeConfirmation.Codes.Keys));
    }

    [Fact]
    [Trait("Conformance", "RPT-4")]
    public void Every_registered_type_is_explained_with_its_own_remedy()
    {
        Assert.Equal(ResultTypes.All.Order(StringComparer.Ordinal), ResultTypeGuide.All.Select(advice => advice.ResultType).Order(StringComparer.Ordinal));
        Assert.Equal(ResultTypes.All.Count, ResultTypeGuide.All.Select(advice => advice.Meaning).Distinct().Count());
        Assert.Equal(ResultTypes.All.Count, ResultTypeGuide.All.Select(advice => advice.Remedy).Distinct().Count());
        Assert.All(ResultTypeGuide.All, advice => Assert.StartsWith("RFC 8460 §4.3", advice.Rfc, StringComparison.Ordinal));
    }

    private static IEnumerable<FindingKind> Kinds => RuleEngine.Kinds;

    private static OpenFinding OpenOf(string code) => new(new Finding(code, Severity.Warning, "mx.example.com", "observed", "meaning", "remedy", "RFC 8461 §4"), TestStorage.Noon, "20260314120000000");

    private static ReportRules RulesOf(params Report[] reports) => new(Reported.Today, reports, TrustedReportSigners.Default);

    private static IReadOnlyList<Finding> Evaluate(params Report[] reports) => RulesOf(reports).Evaluate(null, ProbeConfirmation.None, []).Findings;

    // Some days later, with what was reported since.
    private static ReportRuleResults EvaluateAt(int days, Report[] reports, IReadOnlyList<Finding> open, ProbeConfirmation? probe = null) =>
        new ReportRules(Reported.Today.AddDays(days), reports, TrustedReportSigners.Default).Evaluate(null, probe ?? ProbeConfirmation.None, open);
}
