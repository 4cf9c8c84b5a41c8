using CsCheck;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.Protocol;

public class DomainNameTests
{
    public static TheoryData<string, string> Good => new()
    {
        { "mail.example.com", "mail.example.com" },
        { "MAIL.Example.COM", "mail.example.com" },
        { "mail.example.com.", "mail.example.com" },
        { "localhost", "localhost" },
        { "1.2.3.example", "1.2.3.example" },
        { "0x7f.example", "0x7f.example" },
        { "xn--bcher-kva.example", "xn--bcher-kva.example" },
        { "XN--BCHER-KVA.example", "xn--bcher-kva.example" },
        { "bücher.example", "xn--bcher-kva.example" },
        { "BÜCHER.example", "xn--bcher-kva.example" },
        { "faß.example", "xn--fa-hia.example" },
        { "日本語.example", "xn--wgv71a119e.example" },
    };

    public static TheoryData<string, string> Bad => new()
    {
        { "empty", "" },
        { "the root", "." },
        { "an empty label", "a..b" },
        { "an empty first label", ".example.com" },
        { "two trailing dots", "example.com.." },
        { "a space", "mail example.com" },
        { "an underscore", "_mta-sts.example.com" },
        { "a hyphen first", "-a.example.com" },
        { "a hyphen last", "a-.example.com" },
        { "a wildcard", "*.example.com" },
        { "a NUL", "mail\0.example.com" },
        { "a line break", "mail.example.com\r\nmx: evil.example" },
        { "a slash", "example.com/policy" },
        { "a port", "example.com:443" },
        { "an IPv4 address", "127.0.0.1" },
        { "an IPv4 address with a trailing dot", "127.0.0.1." },
        { "an IPv4 address as one number", "2130706433" },
        { "an IPv4 address in hexadecimal", "0x7F000001" },
        { "an IPv4 address ending in hexadecimal", "127.0.0.0x1" },
        { "an IPv6 address", "::1" },
        { "an IPv6 literal", "[2001:db8::1]" },
        { "a label of 64 characters", new string('a', 64) + ".example" },
        { "300 characters", string.Join('.', Enumerable.Repeat("aaaaaaaaa", 30)) },
        { "254 characters", string.Join('.', Enumerable.Repeat("a", 127)) + "a" },
        { "a million characters", new string('a', 1_000_000) },
        { "a U-label that is too long as an A-label", new string('ü', 63) + ".example" },
        { "an ideographic full stop", "mail。example.com" },
        { "a full-width letter, another name after normalization", "ｍail.example.com" },
        { "a combining mark, another name after normalization", "bu\u0308cher.example" },
        { "a zero-width space", "mail\u200B.example.com" },
        { "a right-to-left override", "mail\u202Eexample.com" },
        { "a symbol", "☃.example" },
        { "half a surrogate pair", "\uD800.example" },
    };

    [Theory]
    [MemberData(nameof(Good))]
    public void A_name_is_parsed_to_lower_case_A_labels_without_the_trailing_dot(string text, string expected)
    {
        Assert.Equal(expected, DomainName.Parse(text).Value);
        Assert.True(DomainName.TryParse(text, out var name));
        Assert.Equal(expected, name.ToString());
    }

    [Theory]
    [MemberData(nameof(Bad))]
    public void An_invalid_name_is_refused(string why, string text)
    {
        Assert.False(DomainName.TryParse(text, out var name), why);
        Assert.Null(name);
        var fault = Assert.Throws<ProtocolException>(() => DomainName.Parse(text));
        Assert.Contains("RFC 1123", fault.Rule, StringComparison.Ordinal);
        Assert.True(fault.Message.Length < 1_000 && fault.Message.All(c => c is >= ' ' and <= '~' or '§'), fault.Message);
    }

    [Fact]
    public void Null_is_not_a_name() => Assert.False(DomainName.TryParse(null, out _));

    [Fact]
    public void A_name_of_253_characters_is_the_longest()
    {
        var name = string.Join('.', Enumerable.Repeat("a", 127));
        Assert.Equal(DomainName.MaxLength, name.Length);
        Assert.Equal(name, DomainName.Parse(name + ".").Value);
    }

    [Theory]
    [InlineData("a", "one long label")]
    [InlineData("a.", "many labels")]
    [InlineData("ü", "one long U-label")]
    [InlineData("*", "wildcards")]
    public void Work_grows_linearly_with_the_text(string piece, string why) =>
        Growth.AssertLinear(8_000, n =>
        {
            var text = string.Concat(Enumerable.Repeat(piece, n));
            var wildcard = "*." + text;
            return () => Assert.True(!DomainName.TryParse(text, out _) && !MxPattern.TryParse(wildcard, out _), why);
        });

    [Fact]
    public void Any_text_is_refused_or_parsed_to_a_name_that_parses_to_itself() =>
        Gen.String.Select(Gen.OneOf(".example", "", "ü.com"), (text, end) => text + end).Sample(
            text =>
            {
                if (DomainName.TryParse(text, out var name))
                {
                    Assert.Equal(name, DomainName.Parse(name.Value));
                    Assert.True(name.Value.Length <= DomainName.MaxLength);
                }
            },
            iter: 5_000);
}
