using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.ReportIntake.Containers;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.Reports;

public sealed class ReportRowsTests
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");

    [Fact]
    [Trait("Conformance", "RPT-2")]
    public void Policy_types_count_the_same_sessions_and_are_never_added()
    {
        var (report, failures) = RowsOf(
            Samples.Policy(type: PolicyTypes.Tlsa, sessions: 500, failures: 5, details: Samples.Failure(ResultTypes.TlsaInvalid, sessions: 5)),
            Samples.Policy(type: PolicyTypes.Sts, sessions: 490, failures: 10, details: Samples.Failure(ResultTypes.CertificateExpired, sessions: 10)),
            Samples.Policy(type: PolicyTypes.Sts, sessions: 5, failures: 0));

        Assert.Equal((PolicyTypes.Sts, 495, 10), (report.PolicyType, report.Sessions, report.Failures));
        Assert.Equal(
            [(PolicyTypes.Sts, ResultTypes.CertificateExpired, 10L), (PolicyTypes.Tlsa, ResultTypes.TlsaInvalid, 5L)],
            failures.Select(failure => (failure.PolicyType, failure.ResultType, failure.Sessions)));
        Assert.Equal([(PolicyTypes.Sts, 495L, 10L), (PolicyTypes.Tlsa, 500L, 5L)], report.Types.Select(type => (type.PolicyType, type.Sessions, type.Failures)));
        Assert.All(report.Types, type => Assert.Equal(type.Failures, Assert.Single(type.Kinds).Sessions));
    }

    [Theory]
    [InlineData("sts", "no-policy-found", "sts", "tlsa")]
    [InlineData("tlsa", "no-policy-found", "tlsa")]
    [InlineData("no-policy-found", "new-type", "no-policy-found")]
    [InlineData("new-type", "new-type")]
    public void The_policy_type_of_the_domains_own_policy_counts_first(string counted, params string[] types) =>
        Assert.Equal(counted, RowsOf([.. types.Select(type => Samples.Policy(type: type))]).Report.PolicyType);

    [Fact]
    [Trait("Conformance", "RPT-3")]
    [Trait("Conformance", "RPT-4")]
    public void Failures_are_added_by_type_host_and_address_and_an_unknown_type_is_stored()
    {
        var (_, failures) = RowsOf(Samples.Policy(details:
        [
            Samples.Failure("certificate-expired", "MX1.example.com", "192.0.2.1", 3),
            Samples.Failure("certificate-expired", "mx1.example.com", "192.0.2.1", 4, information: "yesterday"),
            Samples.Failure("certificate-expired", "mx1.example.com", "192.0.2.2", 1),
            Samples.Failure("quantum-broken", sessions: 100),
        ]));

        Assert.Equal(
            [
                new ReportFailure("quantum-broken", "", "", 100, ""),
                new ReportFailure("certificate-expired", "mx1.example.com", "192.0.2.1", 7, "yesterday"),
                new ReportFailure("certificate-expired", "mx1.example.com", "192.0.2.2", 1, ""),
            ],
            failures);
    }

    [Theory]
    [InlineData(1_000, 1_000)]
    [InlineData(1_001, 1_000)]
    [InlineData(5_000, 1_000)]
    public void A_thousand_kinds_of_failure_are_stored_separately_and_none_is_lost(int kinds, int rows)
    {
        var (_, failures) = RowsOf(Samples.Policy(details: [.. Enumerable.Range(1, kinds).Select(n => Samples.Failure("certificate-expired", $"mx{n}.example.com", sessions: n))]));

        Assert.Equal(rows, failures.Count);
        Assert.Equal((long)kinds * (kinds + 1) / 2, failures.Sum(failure => failure.Sessions));
        Assert.Equal(kinds, failures[0].Sessions);
        Assert.Equal(kinds > 1_000, failures[^1].ResultType == "(others)");
    }

    [Fact]
    [Trait("Conformance", "RPT-2")]
    public void Kinds_beyond_the_limit_are_added_under_their_own_policy_type()
    {
        var details = Enumerable.Range(1, 800).Select(n => Samples.Failure("certificate-expired", $"mx{n}.example.com", sessions: n)).ToArray();

        var (report, failures) = RowsOf(Samples.Policy(details: details), Samples.Policy(type: PolicyTypes.Tlsa, details: details));

        Assert.Equal(1_000, failures.Count);
        foreach (var type in (string[])[PolicyTypes.Sts, PolicyTypes.Tlsa])
        {
            Assert.Equal(800L * 801 / 2, failures.Where(failure => failure.PolicyType == type).Sum(failure => failure.Sessions));
            Assert.Single(failures, failure => failure.PolicyType == type && failure.ResultType == ReportFailure.Others);
            var counts = Assert.Single(report.Types, counts => counts.PolicyType == type);
            Assert.Equal(800L * 801 / 2, counts.Kinds.Sum(kind => kind.Sessions) + counts.OtherFailures);
        }
    }

    [Fact]
    public void Counts_that_are_too_large_to_add_stay_at_the_maximum()
    {
        var (report, failures) = RowsOf([.. Enumerable.Range(0, 2_000).Select(_ => Samples.Policy(
            sessions: (1L << 53) - 1, failures: (1L << 53) - 1, details: Samples.Failure("certificate-expired", sessions: (1L << 53) - 1)))]);

        Assert.Equal((long.MaxValue, long.MaxValue, long.MaxValue), (report.Sessions, report.Failures, failures.Single().Sessions));
    }

    [Theory]
    [InlineData(ReportSource.Https, false, ReportSource.Https)]
    [InlineData(null, true, ReportSource.Mail)]
    [InlineData(null, false, ReportSource.Dropped)]
    public void The_channel_of_a_report_is_stored(object? marked, bool byMail, object source) => Assert.Equal(
        (ReportSource)source,
        ReportRows.Of(new ReadReport(Samples.Report(Samples.Policy()), "hash-of-the-body", byMail ? new MimeKit.MimeMessage() : null), Domain, [Samples.Policy()], Samples.IncomingReport((ReportSource?)marked), "blob").Report.Source);

    private static (Report Report, IReadOnlyList<ReportFailure> Failures) RowsOf(params ReportedPolicy[] policies) =>
        ReportRows.Of(new ReadReport(Samples.Report(policies), "hash-of-the-body"), Domain, policies, Samples.IncomingReport(ReportSource.Https), "blob");
}
