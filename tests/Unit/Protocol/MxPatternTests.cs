using CsCheck;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.Protocol;

public class MxPatternTests
{
    [Theory]
    [Trait("Conformance", "POL-6")]
    [InlineData("mail.example.com", "mail.example.com", "the name itself")]
    [InlineData("MAIL.example.com", "mail.EXAMPLE.com", "names compare without case")]
    [InlineData("mail.example.com", "mail.example.com.", "the name out of DNS loses its dot")]
    [InlineData("*.example.com", "mail.example.com", "one label")]
    [InlineData("*.example.com", "xn--bcher-kva.example.com", "one label, international")]
    [InlineData("*.com", "example.com", "one label before a top-level domain")]
    public void A_pattern_matches(string pattern, string host, string why) =>
        Assert.True(MxPattern.Parse(pattern).Covers(DomainName.Parse(host)), why);

    [Theory]
    [Trait("Conformance", "POL-6")]
    [InlineData("mail.example.com", "mail.example.com.attacker.net", "more after the name")]
    [InlineData("mail.example.com", "evil.mail.example.com", "more before the name")]
    [InlineData("mail.example.com", "evilmail.example.com", "more in the first label")]
    [InlineData("mail.example.com", "mailxexample.com", "a dot is a dot")]
    [InlineData("*.example.com", "example.com", "no label is not one label")]
    [InlineData("*.example.com", "a.b.example.com", "two labels are not one")]
    [InlineData("*.example.com", "mailexample.com", "the dot belongs to the pattern")]
    [InlineData("*.example.com", "mail.example.com.attacker.net", "more after the name")]
    [InlineData("*.example.com", "mail.example.net", "another name")]
    public void A_pattern_does_not_match(string pattern, string host, string why) =>
        Assert.False(MxPattern.Parse(pattern).Covers(DomainName.Parse(host)), why);

    [Theory]
    [Trait("Conformance", "POL-5")]
    [Trait("Conformance", "POL-6")]
    [InlineData("", "empty")]
    [InlineData("*", "a wildcard alone")]
    [InlineData("*.", "a wildcard before nothing")]
    [InlineData("mx*.example.com", "a partial wildcard")]
    [InlineData("*mx.example.com", "a partial wildcard")]
    [InlineData("mail.*.example.com", "a wildcard inside")]
    [InlineData("*.*.example.com", "two wildcards")]
    [InlineData(".example.com", "the suffix form of an early draft")]
    [InlineData("mail.example.com.", "a trailing dot")]
    [InlineData("*.example.com.", "a trailing dot")]
    [InlineData("bücher.example", "a U-label")]
    [InlineData("192.0.2.1", "an address")]
    [InlineData("*.0.2.1", "an address")]
    [InlineData("[192.0.2.1]", "an address literal")]
    [InlineData("mail.example.com, mx.example.com", "two names")]
    [InlineData("10 mail.example.com", "a preference, as in DNS")]
    public void An_invalid_pattern_is_refused(string text, string why)
    {
        Assert.False(MxPattern.TryParse(text, out _), why);
        Assert.Contains("RFC 8461 §3.2 mx", Assert.Throws<ProtocolException>(() => MxPattern.Parse(text)).Rule, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "POL-6")]
    public void A_wildcard_stands_for_exactly_one_label() =>
        Gen.Select(Gens.DomainName, Gens.DomainName).Sample((name, before) =>
        {
            if (DomainName.TryParse($"{before}.{name}", out var host))
            {
                var oneLabel = !before.Value.Contains('.', StringComparison.Ordinal);
                Assert.Equal(oneLabel, MxPattern.Parse($"*.{name}").Covers(host));
                Assert.False(MxPattern.Parse(name.Value).Covers(host));
                Assert.True(MxPattern.Parse(host.Value).Covers(host));
            }
        });

    [Fact]
    [Trait("Conformance", "MX-1")]
    public void Every_MX_host_is_matched_against_all_patterns()
    {
        var policy = new Policy { Mode = PolicyMode.Enforce, MaxAge = 86_400, Mx = [MxPattern.Parse("mail.example.com"), MxPattern.Parse("*.example.net")] };
        string[] hosts = ["mail.example.com", "MX1.example.net.", "mail.example.com.attacker.net", "example.net", "backup.example.com"];

        Assert.Equal(
            [true, true, false, false, false],
            hosts.Select(host => policy.Covers(DomainName.Parse(host))));
    }

    [Fact]
    [Trait("Conformance", "MX-1")]
    public void A_policy_without_patterns_matches_no_host() =>
        Assert.False(new Policy { Mode = PolicyMode.None, MaxAge = 0 }.Covers(DomainName.Parse("mail.example.com")));
}
