using StsFunctions.Domains;
using StsFunctions.JudgeReports;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.Reports;
using Xunit;

namespace StsFunctions.Tests.JudgeReports;

/// <summary>What reports make of a domain.</summary>
public sealed class ReportJudgeTests
{
    [Theory]
    [InlineData(1, "Info")]
    [InlineData(9, "Info")]
    [InlineData(10, "Warning")]
    [InlineData(49, "Warning")]
    [InlineData(50, "Critical")]
    [InlineData(100, "Critical")]
    public void A_failure_is_as_grave_as_its_share_of_two_days(int failures, string severity)
    {
        var found = Assert.Single(Judge(Reported.Of(1, kinds: Reported.Kind("certificate-expired", failures))));

        Assert.Equal(("report.failures", "certificate-expired", severity), (found.Code, found.Subject, found.Severity.ToString()));
    }

    [Fact]
    public void The_share_is_of_both_days_and_of_every_sender()
    {
        var found = Assert.Single(Judge(
            Reported.Of(2, sessions: 500), Reported.Of(1, sessions: 400), Reported.Of(1, "Company-Y", sessions: 100, kinds: Reported.Kind("certificate-expired", 90))),
            finding => finding.Code == "report.failures");

        Assert.Equal(Severity.Info, found.Severity);
        Assert.Equal(
            "90 of 1000 sessions (9 %) under sts, 2026-03-12 to 2026-03-13; senders: Company-Y (90); hosts: mx1.example.com [192.0.2.1] (90)", found.Evidence);
    }

    [Fact]
    public void What_failed_before_those_days_is_over() =>
        Assert.Empty(Judge(Reported.Of(3, kinds: Reported.Kind("certificate-expired", 100)), Reported.Of(2), Reported.Of(1)));

    [Fact]
    [Trait("Conformance", "RPT-2")]
    public void A_share_is_never_one_of_sessions_under_several_policy_types()
    {
        var both = Reported.Of(1) with
        {
            Digest = new ReportDigest(
            [
                new TypeCounts(PolicyTypes.Sts, 90, 10, [Reported.Kind("certificate-expired", 10)], 0),
                new TypeCounts(PolicyTypes.Tlsa, 40, 60, [Reported.Kind("certificate-expired", 20), Reported.Kind("tlsa-invalid", 40)], 0),
            ]),
        };

        var found = Judge(both).ToDictionary(finding => finding.Subject);

        Assert.StartsWith("20 of 100 sessions (20 %) under tlsa", found["certificate-expired"].Evidence, StringComparison.Ordinal);
        Assert.StartsWith("40 of 100 sessions (40 %) under tlsa", found["tlsa-invalid"].Evidence, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void What_nobody_says_who_counts_is_worth_knowing_and_no_more()
    {
        var found = Judge(Reported.Of(1), Reported.Of(1, "Forger", sessions: 1_000_000, counts: false, kinds: Reported.Kind("certificate-expired", 1_000_000)));

        Assert.NotEmpty(found);
        Assert.All(found, finding => Assert.Equal(Severity.Info, finding.Severity));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void A_forger_makes_a_failure_neither_smaller_nor_greater()
    {
        var true_ = Reported.Of(1, kinds: Reported.Kind("certificate-expired", 60));

        var alone = Assert.Single(Judge(true_));
        foreach (var forged in (Report[])[Reported.Of(1, "Forger", 1_000_000, counts: false), Reported.Of(1, "Forger", 1_000_000, counts: false, kinds: Reported.Kind("certificate-expired", 999_999))])
        {
            Assert.Contains(alone, Judge(true_, forged));
        }
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public void What_was_superseded_says_nothing() =>
        Assert.Empty(Judge(Reported.Of(1), Reported.Of(1, "Company-Y", kinds: Reported.Kind("certificate-expired", 100)) with { Superseded = true, Counts = false }));

    [Fact]
    public void Failures_that_a_sender_gives_no_reason_for_are_found_too()
    {
        var found = Assert.Single(Judge(Reported.Of(1) with { Sessions = 50, Failures = 50, Digest = null }));

        Assert.Equal((ResultTypeGuide.NoReason, Severity.Critical), (found.Subject, found.Severity));
    }

    [Fact]
    public void Details_that_come_to_more_than_the_total_are_no_more_than_everything()
    {
        var found = Assert.Single(Judge(Reported.Of(1) with { Digest = new ReportDigest([new TypeCounts("sts", 0, 1, [Reported.Kind("certificate-expired", 50)], 0)]) }));

        Assert.Contains("50 of 50 sessions (100 %)", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "RPT-4")]
    public void A_type_that_the_registry_does_not_have_is_found_under_its_own_name()
    {
        var found = Assert.Single(Judge(Reported.Of(1, kinds: Reported.Kind("quantum-broken", 5))));

        Assert.Equal("quantum-broken", found.Subject);
        Assert.NotEmpty(found.Remedy);
    }

    [Theory]
    [InlineData(null, null, "did not fetch the policy")]
    [InlineData("fetched", 200, "saw: fetched (HTTP 200)")]
    [InlineData("timedOut", null, "saw: timedOut")]
    public void Beside_a_fetch_that_failed_stands_what_we_saw_ourselves(string? outcome, int? status, string words)
    {
        var judge = JudgeOf(Reported.Of(1, kinds: Reported.Kind("sts-policy-fetch-error", 5)));

        Assert.Equal(new DateTimeOffset(2026, 3, 13, 11, 59, 59, 500, TimeSpan.Zero), judge.TimeOfFetchErrors);
        Assert.EndsWith(words, Assert.Single(judge.Judge(new OwnLook(TestStorage.Noon.AddDays(-1), outcome, status), [])).Evidence, StringComparison.Ordinal);
        Assert.EndsWith("no look of our own was near that time", Assert.Single(judge.Judge(null, [])).Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_such_a_fetch_no_look_of_our_own_is_asked_for() =>
        Assert.Null(JudgeOf(Reported.Of(1, kinds: Reported.Kind("certificate-expired", 5)), Reported.Of(9, kinds: Reported.Kind("sts-policy-fetch-error", 5))).TimeOfFetchErrors);

    [Theory]
    [InlineData(4, 14, true)]
    [InlineData(4, 10, true)]
    [InlineData(4, 9, false)]
    [InlineData(3, 14, false)]
    [InlineData(1, 14, false)]
    public void A_daily_sender_that_reports_no_more_is_silent_after_three_days(int lastDaysAgo, int days, bool isFound)
    {
        var found = Judge([Reported.Of(1, "Other"), Reported.Of(20, "Other"), .. Enumerable.Range(lastDaysAgo, days).Select(daysAgo => Reported.Of(daysAgo))]);

        Assert.Equal(isFound, found.Any(finding => finding is { Code: "report.sender-silent", Subject: "Company-X", Severity: Severity.Info }));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void Whoever_posts_in_a_silent_senders_name_does_not_hide_its_silence()
    {
        var found = Judge([.. Enumerable.Range(4, 14).Select(daysAgo => Reported.Of(daysAgo)), Reported.Of(1, counts: false), Reported.Of(2, counts: false)]);

        Assert.Contains("the last of them 2026-03-10", Assert.Single(found, finding => finding.Code == "report.sender-silent").Evidence, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(5, true, "Info")]
    [InlineData(60, true, "Warning")]
    [InlineData(60, false, "Info")]
    public void A_sender_that_is_new_and_fails_is_named(int failures, bool counts, string severity)
    {
        var found = Assert.Single(
            Judge(Reported.Of(9), Reported.Of(1, sessions: 100_000), Reported.Of(1, "Newcomer", counts: counts, kinds: Reported.Kind("certificate-not-trusted", failures))),
            finding => finding.Code == "report.new-sender-failing");

        Assert.Equal(("Newcomer", severity), (found.Subject, found.Severity.ToString()));
        Assert.StartsWith("certificate-not-trusted: ", found.Evidence, StringComparison.Ordinal);
    }

    [Fact]
    public void A_sender_that_was_heard_of_before_or_all_of_a_new_domains_senders_are_not_new()
    {
        var failing = Reported.Of(1, kinds: Reported.Kind("certificate-expired", 60));

        Assert.DoesNotContain(Judge(failing), finding => finding.Code == "report.new-sender-failing");
        Assert.DoesNotContain(Judge(failing, Reported.Of(9)), finding => finding.Code == "report.new-sender-failing");
    }

    [Fact]
    public void Where_nobody_reports_who_counts_nothing_is_over_that_such_reports_showed()
    {
        var open = Judge(Reported.Of(9), Reported.Of(1, "Newcomer", kinds: Reported.Kind("certificate-expired", 60)));
        Assert.Equal(["report.failures", "report.new-sender-failing"], open.Select(finding => finding.Code).Order());

        Assert.Equal(open, JudgeOf(Reported.Of(9), Reported.Of(1, counts: false)).Judge(null, open));
        Assert.Equal(open, JudgeOf().Judge(null, open));
        Assert.Empty(JudgeOf(Reported.Of(1)).Judge(null, open));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void What_counting_reports_showed_stands_as_it_was_whoever_else_says_the_same()
    {
        var open = Judge(Reported.Of(9), Reported.Of(1, "Newcomer", kinds: Reported.Kind("certificate-expired", 60)));

        var forged = Reported.Of(1, "Newcomer", counts: false, kinds: Reported.Kind("certificate-expired", 1));

        Assert.Equal(open, JudgeOf(Reported.Of(9), forged).Judge(null, open));
    }

    [Theory]
    [InlineData("certificate-expired")]
    [InlineData("sts-policy-fetch-error")]
    [Trait("Conformance", "ARR-3")]
    public void What_only_reports_showed_that_do_not_count_is_over_when_they_are(string resultType)
    {
        var longest = new string('x', 20_000);
        var forged = Reported.Of(1, "Forger " + longest, counts: false, policyType: longest, kinds: [Reported.Kind(resultType, 5, longest, longest), Reported.Kind(longest, 6)]);

        var open = Judge(Reported.Of(9), forged);

        Assert.Equal(["report.failures", "report.failures", "report.new-sender-failing"], open.Select(finding => finding.Code).Order());
        Assert.Empty(JudgeOf(Reported.Of(9)).Judge(null, open));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void However_many_names_are_invented_the_findings_are_few_and_of_the_most_sessions()
    {
        Report[] forged = [.. Enumerable.Range(0, 300).Select(n => Reported.Of(1, $"Forger {n}", counts: false, kinds: Reported.Kind($"type-{n}", n + 1)))];

        var found = Judge([Reported.Of(9, "Old"), .. forged]);

        Assert.Equal(
            [.. Enumerable.Range(295, 5).Reverse().Select(n => $"type-{n}"), .. Enumerable.Range(295, 5).Reverse().Select(n => $"Forger {n}")],
            found.Select(finding => finding.Subject));
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void However_many_names_are_invented_a_sender_that_counts_and_is_silent_is_named()
    {
        Report[] forged = [.. Enumerable.Range(0, 30).SelectMany(n => Enumerable.Range(4, 14).Select(daysAgo => Reported.Of(daysAgo, $"Forger {n}", counts: false)))];

        var found = Judge([.. forged, .. Enumerable.Range(4, 10).Select(daysAgo => Reported.Of(daysAgo))]);

        Assert.Equal("Company-X", found[0].Subject);
        Assert.Equal(6, found.Count);
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void A_report_that_is_dated_back_and_does_not_count_makes_a_new_domains_senders_no_newcomers()
    {
        var failing = Reported.Of(1, kinds: Reported.Kind("certificate-expired", 60));

        Assert.DoesNotContain(Judge(failing, Reported.Of(9, "Forger", counts: false)), finding => finding.Code == "report.new-sender-failing");
    }

    [Fact]
    public void A_sender_that_does_not_count_and_was_heard_of_before_is_not_new()
    {
        var failing = Reported.Of(1, "Poster", counts: false, kinds: Reported.Kind("certificate-expired", 60));

        Assert.DoesNotContain(Judge(Reported.Of(9), Reported.Of(9, "Poster", counts: false), failing), finding => finding.Code == "report.new-sender-failing");
    }

    [Fact]
    [Trait("Conformance", "RPT-4")]
    public void Every_registered_type_is_explained_with_a_remedy_of_its_own()
    {
        Assert.Equal(ResultTypes.All.Order(StringComparer.Ordinal), ResultTypeGuide.All.Select(advice => advice.ResultType).Order(StringComparer.Ordinal));
        Assert.Equal(ResultTypes.All.Count, ResultTypeGuide.All.Select(advice => advice.Meaning).Distinct().Count());
        Assert.Equal(ResultTypes.All.Count, ResultTypeGuide.All.Select(advice => advice.Remedy).Distinct().Count());
        Assert.All(ResultTypeGuide.All, advice => Assert.StartsWith("RFC 8460 §4.3", advice.Rfc, StringComparison.Ordinal));
    }

    private static ReportJudge JudgeOf(params Report[] reports) => new(Reported.Today, reports);

    private static IReadOnlyList<Finding> Judge(params Report[] reports) => JudgeOf(reports).Judge(null, []);
}
