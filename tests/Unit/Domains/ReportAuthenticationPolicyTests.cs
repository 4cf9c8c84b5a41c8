using StsFunctions.Core.Reports;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class ReportAuthenticationPolicyTests
{
    // Which results count at each level; a POST at none.
    [Theory]
    [InlineData("Aligned", "PassByReceiver Aligned")]
    [InlineData("Signed", "Signed PassByReceiver Aligned")]
    [InlineData("Any", "Fail TemporaryError Unverified Signed PassByReceiver Aligned")]
    [Trait("Conformance", "ARR-3")]
    public void A_report_counts_if_it_is_authenticated_well_enough_and_a_POST_never(string level, string counted)
    {
        var trust = new ReportAuthenticationPolicy(Enum.Parse<RequiredAuthentication>(level));
        foreach (var source in Enum.GetValues<ReportSource>())
        {
            var counts = Enum.GetValues<AuthenticationResult>().Where(verdict => trust.Counts(Of(source, verdict)));
            Assert.Equal(source == ReportSource.Https ? "" : counted, string.Join(' ', counts));
        }
    }

    [Fact]
    [Trait("Conformance", "ARR-3")]
    public void A_sender_must_sign_for_itself_by_default() => Assert.Equal(RequiredAuthentication.Aligned, ReportAuthenticationPolicy.Default.Level);

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public void A_body_that_does_not_count_displaces_none_that_does_at_any_level()
    {
        var all = Enum.GetValues<ReportSource>().SelectMany(source => Enum.GetValues<AuthenticationResult>().Select(verdict => Of(source, verdict))).ToList();
        foreach (var trust in Enum.GetValues<RequiredAuthentication>().Select(level => new ReportAuthenticationPolicy(level)))
        {
            Assert.DoesNotContain(
                all.SelectMany(one => all.Select(other => (One: one, Other: other))),
                pair => trust.Counts(pair.One) && !trust.Counts(pair.Other) && ReportAuthenticationPolicy.Rank(pair.Other) >= ReportAuthenticationPolicy.Rank(pair.One));
        }
    }

    private static Report Of(ReportSource source, AuthenticationResult verdict) => new(
        "example.com", "Company-X", "id", TestStorage.Noon, TestStorage.Noon, "sts", 1, 1, source, verdict, TestStorage.Noon, "body", "blob");
}
