using CsCheck;
using StsFunctions.Core.Findings;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class FindingTests
{
    [Theory]
    [InlineData("v=STSv1; id=1\r\nCRITICAL  forged", "v=STSv1; id=1??CRITICAL  forged")]
    [InlineData("\u001b[2J\u0000\u0007", "?[2J??")]
    [InlineData("a\u2028b\u202ec\u200b", "a?b?c?")]
    [InlineData("CN=Müller § 5, O=例", "CN=Müller § 5, O=例")]
    public void Evidence_is_sanitized_to_one_line(string evidence, string sanitized)
    {
        var finding = new Finding("txt.sts.malformed", Severity.Warning, evidence, evidence, "", evidence, "");

        Assert.Equal((sanitized, sanitized, sanitized), (finding.Subject, finding.Evidence, finding.Remedy));
        Assert.Equal(sanitized, (finding with { Evidence = evidence }).Evidence);
    }

    [Fact]
    public void Evidence_that_is_too_long_is_cut_the_same_way_every_time()
    {
        var finding = new Finding("c", Severity.Info, "", new string('x', 100_000), "", "", "");

        Assert.Equal(8 * 1024, finding.Evidence.Length);
        Assert.EndsWith("x…", finding.Evidence, StringComparison.Ordinal);
        Assert.Equal(finding, finding with { Evidence = finding.Evidence });
    }

    [Fact]
    public void Evidence_never_contains_a_control_character() => Gen.String.Sample(
        evidence => Assert.DoesNotContain(new Finding("c", Severity.Info, "", evidence, "", "", "").Evidence, char.IsControl));
}
