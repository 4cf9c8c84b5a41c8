using System.Collections.Immutable;
using CsCheck;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol.TlsRpt;
using StsFunctions.Tests.EvaluateReports;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>The summary of a range of reports.</summary>
public sealed class ReportSummaryTests
{
    private static readonly Gen<FailureKind> Kind = Gen.Select(
        OneOf("certificate-expired", "starttls-not-supported", "tlsa-invalid"), OneOf("mx1", "mx2", ""), OneOf("192.0.2.1", ""), Gen.Long[0, 1_000],
        (type, host, address, sessions) => new FailureKind(type, host, address, sessions));

    private static readonly Gen<TypeCounts> Type = Gen.Select(
        OneOf(PolicyTypes.Sts, PolicyTypes.Tlsa), Gen.Long[0, 10_000], Gen.Long[0, 5_000], Kind.Array[0, 4], Gen.Long[0, 100],
        (type, sessions, failures, kinds, others) => new TypeCounts(type, sessions, failures, [.. kinds], others));

    private static readonly Gen<Report> Report = Gen.Select(
        Gen.Int[0, 20], OneOf("A", "B", "C"), Gen.Bool, Gen.Bool, Type.Array[1, 2],
        (daysAgo, sender, counts, superseded, types) => Reported.Of(daysAgo, sender) with
        {
            IsCounted = counts && !superseded,
            Superseded = superseded,
            Digest = new ReportDigest([.. types.DistinctBy(type => type.PolicyType)]),
        });

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    internal static Gen<string> OneOf(params string[] texts) => Gen.Int[0, texts.Length - 1].Select(n => texts[n]);

    [Fact]
    [Trait("Conformance", "RPT-2")]
    public async Task Days_and_senders_add_up_to_the_total_of_their_policy_type_and_reasons_and_hosts_to_each_other() => await Report.Array[0, 30].SampleAsync(async reports =>
    {
        var summary = await OfAsync(reports);

        Assert.Equal(reports.Length, summary.Counted.Reports + summary.Apart.Reports + summary.Superseded);
        foreach (var (totals, counts) in (IEnumerable<(ReportTotals, bool)>)[(summary.Counted, true), (summary.Apart, false)])
        {
            var of = reports.Where(report => !report.Superseded && report.IsCounted == counts).ToList();
            Assert.Equal(of.Count, totals.Reports);
            foreach (var type in totals.PolicyTypes)
            {
                var expected = of.SelectMany(report => report.Types).Where(each => each.PolicyType == type.PolicyType).ToList();
                Assert.Equal((expected.Sum(each => each.Sessions), expected.Sum(each => each.Failures)), (type.Sessions, type.Failures));
                Assert.Equal((type.Sessions, type.Failures), (type.Days.Sum(day => day.Sessions), type.Days.Sum(day => day.Failures)));
                Assert.Equal((type.Sessions, type.Failures), (type.Senders.Sum(sender => sender.Sessions), type.Senders.Sum(sender => sender.Failures)));
                Assert.Equal(expected.Sum(each => each.Kinds.Sum(kind => kind.Sessions)), type.ResultTypes.Sum(one => one.Failures));
                Assert.Equal(type.ResultTypes.Sum(one => one.Failures), type.Hosts.Sum(one => one.Failures));
                Assert.Equal(expected.Sum(each => each.OtherFailures + each.UnexplainedFailures), type.OtherFailures);
            }
        }
    });

    [Fact]
    public async Task Lists_are_short_and_the_largest_are_first()
    {
        var summary = await OfAsync([.. Enumerable.Range(1, 50).Select(n => Reported.Of(1, $"Sender {n}", kinds: Reported.Kind($"type-{n}", n, $"mx{n}.example.com")))]);

        var type = Assert.Single(summary.Counted.PolicyTypes);
        Assert.Equal((ReportSummary.ListLength, ReportSummary.ListLength, ReportSummary.ListLength), (type.ResultTypes.Count, type.Senders.Count, type.Hosts.Count));
        Assert.Equal(("type-50", "sender-50.example", "mx50.example.com"), (type.ResultTypes[0].ResultType, type.Senders[0].Signer, type.Hosts[0].MxHost));
    }

    [Fact]
    public async Task Invented_values_do_not_grow_the_digest()
    {
        var reports = Enumerable.Range(0, 3_000).Select(n => Reported.Of(1, $"Forger {n}", counts: false, policyType: $"type-{n % 100}", kinds: Reported.Kind($"type-{n}", long.MaxValue / 4, $"host-{n}")) with
        {
            Digest = new ReportDigest([new TypeCounts($"type-{n % 100}", long.MaxValue, long.MaxValue, [new FailureKind($"type-{n}", $"host-{n}", "", long.MaxValue)], long.MaxValue)]),
        });

        var summary = await OfAsync([.. reports]);

        Assert.Equal(3_000, summary.Apart.Reports);
        Assert.InRange(summary.Apart.PolicyTypes.Count, 8, 40);
        Assert.All(summary.Apart.PolicyTypes, type => Assert.Equal(30 * SigningDomain.MaxDailySessions, type.Failures));
    }

    private static Task<ReportSummary> OfAsync(IReadOnlyList<Report> reports) => ReportSummary.OfAsync(reports.ToAsyncEnumerable(), Cancellation);
}

/// <summary>The failures that a row stores of its report.</summary>
public sealed class ReportDigestTests
{
    [Fact]
    [Trait("Conformance", "RPT-2")]
    public void The_stored_kinds_and_the_rest_add_up_to_all_under_each_policy_type() => Gen.Select(
        ReportSummaryTests.OneOf(PolicyTypes.Sts, PolicyTypes.Tlsa), Gen.String[0, 300], Gen.String[0, 300], Gen.Long[0, 1_000_000],
        (type, result, host, sessions) => new ReportFailure(result, host, "", sessions, "") { PolicyType = type }).Array[0, 200].Sample(failures =>
        {
            var digest = ReportDigest.Of([(PolicyTypes.Sts, 1, 2), (PolicyTypes.Tlsa, 3, 4)], failures);

            Assert.Equal(digest, ReportDigest.FromJson(digest.ToJson()));
            Assert.InRange(digest.ToJson().Length, 0, 16 * 1024);
            Assert.InRange(digest.Types.Sum(type => type.Kinds.Length), 0, ReportDigest.MaxKinds);
            foreach (var type in digest.Types)
            {
                Assert.Equal(failures.Where(failure => failure.PolicyType == type.PolicyType).Sum(failure => failure.Sessions), type.Kinds.Sum(kind => kind.Sessions) + type.OtherFailures);
            }
        });

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("""{"Types":null}""")]
    [InlineData("""{"Types":[{"t":"sts","s":1,"f":1,"o":0}]}""")]
    public void The_digest_of_another_version_is_ignored(string? json) => Assert.Null(ReportDigest.FromJson(json));

    [Fact]
    public void A_row_without_a_digest_has_its_own_counts()
    {
        var report = Reported.Of(1, sessions: 10) with { Failures = 3, Digest = null };

        Assert.Equal(new TypeCounts("sts", 10, 3, ImmutableArray<FailureKind>.Empty, 0), Assert.Single(report.Types));
        Assert.Equal(3, report.Types[0].UnexplainedFailures);
    }
}
