using System.Text;
using CsCheck;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.Protocol;

public class PolicyTests
{
    private const string Example = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\nmax_age: 604800\n";

    private static readonly Policy Expected = new()
    {
        Mode = PolicyMode.Enforce,
        MaxAge = 604_800,
        Mx = [MxPattern.Parse("mail.example.com"), MxPattern.Parse("*.example.net"), MxPattern.Parse("backupmx.example.com")],
    };

    public static TheoryData<string, string> SameAsTheExample => new()
    {
        { "the RFC's example", Example },
        { "CRLF", Example.ReplaceLineEndings("\r\n") },
        { "CRLF and LF mixed", Example.Replace("enforce\n", "enforce\r\n", StringComparison.Ordinal) },
        { "no end of the last line", Example.TrimEnd() },
        { "no space after the colon", Example.Replace(": ", ":", StringComparison.Ordinal) },
        { "tabs and spaces after the colon", Example.Replace(": ", ": \t ", StringComparison.Ordinal) },
        { "spaces at the line's end", Example.Replace("\n", " \t\n", StringComparison.Ordinal) },
        { "spaces before CRLF", Example.Replace("\n", " \r\n", StringComparison.Ordinal) },
    };

    [Theory]
    [Trait("Conformance", "POL-1")]
    [MemberData(nameof(SameAsTheExample))]
    public void Lines_end_with_LF_or_CRLF_and_white_space_is_optional_after_the_colon_and_at_the_end(string why, string text) =>
        Assert.True(Expected == Read(text), why);

    [Theory]
    [Trait("Conformance", "POL-1")]
    [InlineData("version: STSv1\nmode : none\nmax_age: 1\n", 2, "a space before the colon")]
    [InlineData("version: STSv1\n mode: none\nmax_age: 1\n", 2, "a space before the key")]
    [InlineData("version: STSv1\nmode none\nmax_age: 1\n", 2, "no colon")]
    [InlineData("version: STSv1\n: none\nmax_age: 1\n", 2, "no key")]
    [InlineData("version: STSv1\nmode:\nmax_age: 1\n", 2, "no value")]
    [InlineData("version: STSv1\n\nmode: none\nmax_age: 1\n", 2, "an empty line")]
    [InlineData("version: STSv1\nmode: none\nmax_age: 1\n\n", 4, "an empty last line")]
    [InlineData("version: STSv1\rmode: none\rmax_age: 1\r", 1, "a bare CR")]
    [InlineData("version: STSv1\nmode: none\nmax_age: 1\r", 3, "a bare CR at the very end")]
    [InlineData("version: STSv1\r\r\nmode: none\nmax_age: 1\n", 1, "CR CR LF")]
    [InlineData("version: STSv1\nmode: none\u2028max_age: 1\n", 2, "a Unicode line separator is no line end")]
    [InlineData("# a comment\nversion: STSv1\nmode: none\nmax_age: 1\n", 1, "there are no comments")]
    [InlineData("<html>\n<body>Not found</body>\n</html>", 1, "a page of HTML")]
    public void A_line_that_is_not_a_field_is_refused_with_its_number(string text, int line, string why) => AssertInvalid(text, line, why);

    [Theory]
    [Trait("Conformance", "POL-1")]
    [InlineData("version: STSv1\rmode: none\rmax_age: 1\r")]
    [InlineData("version: STSv1\nmode: none\nmax_age: 1\r")]
    public void A_bare_CR_is_named_in_the_error(string text) =>
        Assert.Contains("carriage return has no line feed", Assert.Throws<ProtocolException>(() => Read(text)).Message, StringComparison.Ordinal);

    [Fact]
    [Trait("Conformance", "POL-1")]
    public void A_policy_is_written_with_CRLF_and_the_version_first()
    {
        var policy = Expected with { Extensions = [new PolicyField("x-note", "ein Grüß Gott")] };

        Assert.Equal(
            "version: STSv1\r\nmode: enforce\r\nmx: mail.example.com\r\nmx: *.example.net\r\nmx: backupmx.example.com\r\nmax_age: 604800\r\nx-note: ein Grüß Gott\r\n",
            Encoding.UTF8.GetString(policy.ToBytes()));
    }

    [Theory]
    [Trait("Conformance", "POL-2")]
    [InlineData("mode: none\nmax_age: 1\n", 3, "no version")]
    [InlineData("", 1, "an empty file")]
    [InlineData("version: STSv2\nmode: none\nmax_age: 1\n", 1, "another version")]
    [InlineData("version: stsv1\nmode: none\nmax_age: 1\n", 1, "the version in lower case")]
    [InlineData("Version: STSv1\nmode: none\nmax_age: 1\n", 1, "the key with a capital")]
    [InlineData("\uFEFFversion: STSv1\nmode: none\nmax_age: 1\n", 1, "a byte order mark")]
    public void The_version_is_required(string text, int line, string why) => AssertInvalid(text, line, why);

    [Fact]
    [Trait("Conformance", "POL-2")]
    public void The_version_may_be_on_any_line() =>
        Assert.Equal(PolicyMode.None, Read("mode: none\nmax_age: 1\nversion: STSv1\n").Mode);

    [Theory]
    [Trait("Conformance", "POL-3")]
    [InlineData("enforce", PolicyMode.Enforce)]
    [InlineData("testing", PolicyMode.Testing)]
    [InlineData("none", PolicyMode.None)]
    public void The_mode_is_one_of_three(string text, PolicyMode mode) =>
        Assert.Equal(mode, Read($"version: STSv1\nmode: {text}\nmx: a.example\nmax_age: 1\n").Mode);

    [Theory]
    [Trait("Conformance", "POL-3")]
    [InlineData("version: STSv1\nmx: a.example\nmax_age: 1\n", 4, "no mode")]
    [InlineData("version: STSv1\nMode: none\nmax_age: 1\n", 2, "the key with a capital")]
    [InlineData("version: STSv1\nmode: Enforce\nmx: a.example\nmax_age: 1\n", 2, "a capital")]
    [InlineData("version: STSv1\nmode: report\nmx: a.example\nmax_age: 1\n", 2, "the name of an early draft")]
    [InlineData("version: STSv1\nmode: enforce;\nmx: a.example\nmax_age: 1\n", 2, "a ;")]
    public void An_unknown_mode_is_refused(string text, int line, string why) => AssertInvalid(text, line, why);

    [Theory]
    [Trait("Conformance", "POL-4")]
    [InlineData("0", 0)]
    [InlineData("1", 1)]
    [InlineData("86400", 86_400)]
    [InlineData("31557600", Policy.MaxMaxAge)]
    [InlineData("0031557600", Policy.MaxMaxAge)]
    public void The_max_age_has_up_to_ten_digits_and_is_a_year_at_most(string text, int seconds) =>
        Assert.Equal(seconds, Read($"version: STSv1\nmode: none\nmax_age: {text}\n").MaxAge);

    [Theory]
    [Trait("Conformance", "POL-4")]
    [InlineData("31557601", "a second too long")]
    [InlineData("9999999999", "ten digits, more than an int")]
    [InlineData("00000000001", "eleven digits")]
    [InlineData("18446744073709551617", "more than a long")]
    [InlineData("99999999999999999999999999999999999999", "very many digits")]
    [InlineData("-1", "a sign")]
    [InlineData("+1", "a sign")]
    [InlineData("1.5", "a fraction")]
    [InlineData("1e3", "an exponent")]
    [InlineData("1 000", "a space")]
    [InlineData("1w", "a unit")]
    [InlineData("٣", "a digit outside ASCII")]
    public void An_invalid_max_age_is_refused(string text, string why) =>
        AssertInvalid($"version: STSv1\nmode: none\nmax_age: {text}\n", 3, why);

    [Theory]
    [Trait("Conformance", "POL-4")]
    [InlineData("version: STSv1\nmode: none\n")]
    [InlineData("version: STSv1\nmode: none\nmax-age: 1\n")]
    [InlineData("version: STSv1\nmode: none\nMAX_AGE: 1\n")]
    public void The_max_age_is_required(string text) => AssertInvalid(text, 3, "no max_age");

    [Theory]
    [Trait("Conformance", "POL-4")]
    [InlineData(-1)]
    [InlineData(Policy.MaxMaxAge + 1)]
    [InlineData(int.MaxValue)]
    public void A_policy_with_a_max_age_out_of_range_is_never_created(int seconds) =>
        Assert.Throws<ProtocolException>(() => Expected with { MaxAge = seconds });

    [Theory]
    [Trait("Conformance", "POL-5")]
    [InlineData("enforce")]
    [InlineData("testing")]
    public void At_least_one_mx_is_required_unless_the_mode_is_none(string mode)
    {
        AssertInvalid($"version: STSv1\nmode: {mode}\nmax_age: 1\n", 4, "no mx");
        AssertInvalid($"version: STSv1\nmode: {mode}\nMX: a.example\nmax_age: 1\n", 3, "the key in capitals");
        Assert.Empty(Read("version: STSv1\nmode: none\nmax_age: 1\n").Mx);
        Assert.Throws<ProtocolException>(() => (Expected with { Mx = [] }).ToBytes());
        Assert.Throws<ProtocolException>(() => (Expected with { Mx = default }).ToBytes());
        Assert.NotEmpty((Expected with { Mode = PolicyMode.None, Mx = [] }).ToBytes());
    }

    [Theory]
    [Trait("Conformance", "POL-5")]
    [InlineData("mx*.example.com", "a partial wildcard")]
    [InlineData("mail.example.com.", "a trailing dot")]
    [InlineData("bücher.example", "a U-label")]
    [InlineData("a.example b.example", "two names on one line")]
    [InlineData("a.example, b.example", "a list")]
    [InlineData("192.0.2.1", "an address")]
    public void An_mx_is_a_name_in_A_labels_or_a_wildcard_before_one(string mx, string why) =>
        AssertInvalid($"version: STSv1\nmode: none\nmx: good.example\nmx: {mx}\nmax_age: 1\n", 4, why);

    [Fact]
    [Trait("Conformance", "POL-7")]
    public void Unknown_keys_are_ignored_but_retained() =>
        Assert.Equal(
            [new PolicyField("x", "1"), new PolicyField("a.b-c_9", "d: e")],
            Read(Example + "x: 1\na.b-c_9: d: e\n").Extensions);

    [Fact]
    [Trait("Conformance", "POL-7")]
    public void The_first_of_a_repeated_key_counts_except_for_mx()
    {
        var policy = Read(Example + "mode: none\nmax_age: 99999999999\nversion: STSv9\nx: 1\nx: 2\nmx: mail.example.com\n");

        Assert.Equal(PolicyMode.Enforce, policy.Mode);
        Assert.Equal(604_800, policy.MaxAge);
        Assert.Equal([new PolicyField("x", "1")], policy.Extensions);
        Assert.Equal([.. Expected.Mx, MxPattern.Parse("mail.example.com")], policy.Mx);
    }

    [Theory]
    [Trait("Conformance", "POL-7")]
    [InlineData("_x: 1", "a key that begins with _")]
    [InlineData("x y: 1", "a space in the key")]
    [InlineData("schlüssel: 1", "a key outside ASCII")]
    [InlineData("abcdefghijklmnopqrstuvwxyz0123456: 1", "a key of 33 characters")]
    public void A_malformed_key_is_refused(string line, string why) => AssertInvalid(Example + line, 7, why);

    [Theory]
    [Trait("Conformance", "POL-8")]
    [InlineData("a b  c", "spaces inside")]
    [InlineData("Grüße 🦉 日本", "two, three and four bytes of UTF-8")]
    [InlineData("!", "one character")]
    public void An_extension_may_contain_UTF_8_and_spaces(string value, string why) =>
        Assert.True(Read($"{Example}x: {value} \r\n").Extensions.Single().Value == value, why);

    [Theory]
    [Trait("Conformance", "POL-8")]
    [InlineData("a\0b", "a NUL")]
    [InlineData("a\tb", "a tab inside")]
    [InlineData("a\u001Bb", "an escape")]
    [InlineData("a\u007Fb", "DEL")]
    public void An_extension_may_not_contain_control_characters(string value, string why)
    {
        AssertInvalid($"{Example}x: {value}\n", 7, why);
        Assert.Throws<ProtocolException>(() => new PolicyField("x", value));
    }

    [Fact]
    [Trait("Conformance", "POL-8")]
    public void Bytes_that_are_not_UTF_8_are_refused()
    {
        byte[][] bad = [[0xFF], [0xC0, 0xAF], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80]];
        foreach (var bytes in bad)
        {
            var fault = Assert.Throws<ProtocolException>(() => Policy.Parse([.. Encoding.UTF8.GetBytes(Example + "x: "), .. bytes]));
            Assert.Equal(7, fault.Line);
        }
    }

    [Theory]
    [Trait("Conformance", "POL-8")]
    [InlineData("mode", "none", "the policy's own key")]
    [InlineData("mx", "a.example", "the policy's own key")]
    [InlineData("x", "", "no value")]
    [InlineData("x", " a", "a leading space")]
    [InlineData("x", "a\r\nmode: none", "a line of its own")]
    [InlineData("x\r\ny", "a", "a line break in the key")]
    public void An_extension_that_could_not_be_parsed_back_is_never_created(string key, string value, string why) =>
        Assert.True(Record.Exception(() => new PolicyField(key, value)) is ProtocolException, why);

    [Fact]
    [Trait("Conformance", "POL-8")]
    public void An_extension_with_half_a_surrogate_pair_is_never_created() =>
        Assert.Throws<ProtocolException>(() => new PolicyField("x", "\uD800"));

    [Fact]
    [Trait("Conformance", "POL-9")]
    public void More_than_64_KiB_is_neither_read_nor_written()
    {
        var padding = new string('x', Policy.MaxBytes - Expected.ToBytes().Length - "x: \r\n".Length);
        var largest = Expected with { Extensions = [new PolicyField("x", padding)] };
        var larger = Expected with { Extensions = [new PolicyField("x", padding + "x")] };

        Assert.Equal(Policy.MaxBytes, largest.ToBytes().Length);
        Assert.Equal(largest, Policy.Parse(largest.ToBytes()));
        Assert.Contains("§3.3", Assert.Throws<ProtocolException>(larger.ToBytes).Rule, StringComparison.Ordinal);
        Assert.Contains("§3.3", Assert.Throws<ProtocolException>(() => Policy.Parse([.. largest.ToBytes(), (byte)'x'])).Rule, StringComparison.Ordinal);
    }

    [Fact]
    public void A_repeated_key_is_never_written() =>
        Assert.Throws<ProtocolException>(() => (Expected with { Extensions = [new("x", "1"), new("x", "2")] }).ToBytes());

    [Fact]
    public void A_key_in_the_wrong_case_is_named_in_the_error()
    {
        var fault = Assert.Throws<ProtocolException>(() => Read("version: STSv1\nmode: none\nmax-age: 1\n"));

        Assert.Equal("RFC 8461 §3.2 max_age", fault.Rule);
        Assert.Equal("Line 3: The policy has no max_age, but a max-age, which senders ignore: write max_age, in exactly this spelling. (RFC 8461 §3.2 max_age)", fault.Message);
    }

    [Fact]
    public void A_written_policy_parses_to_the_same_policy() =>
        Gens.Policy.Sample(policy =>
        {
            var read = Policy.Parse(policy.ToBytes());
            Assert.Equal(policy, read);
            Assert.Equal(policy.GetHashCode(), read.GetHashCode());
        });

    [Fact]
    public void No_bytes_throw_anything_but_a_ProtocolException() =>
        Gen.OneOf(
            Gen.Byte.Array[0, 200],
            Gen.OneOf("version: STSv1\r\n", "mode: none\n", "mx: ", "*.", "a.example", "\n", "max_age: ", "12345", "\r", ": ", "é").Array[0, 20]
                .Select(parts => Encoding.UTF8.GetBytes(string.Concat(parts))),
            Gens.Damaged(Encoding.UTF8.GetBytes(Example), Encoding.UTF8.GetBytes("version: STSv1\r\nmode: none\r\nmax_age: 0\r\nx: Grüße\r\n")))
            .Sample(
                bytes =>
                {
                    try
                    {
                        // What is read can be written, and means the same.
                        var policy = Policy.Parse(bytes);
                        Assert.Equal(policy, Policy.Parse(policy.ToBytes()));
                    }
                    catch (ProtocolException fault)
                    {
                        Assert.NotEmpty(fault.Message);
                    }
                },
                iter: 20_000);

    [Theory]
    [InlineData("mx: a.example\n", "many mx")]
    [InlineData("x: 1\n", "one key again and again")]
    [InlineData("\n", "empty lines")]
    [InlineData("x", "one long key")]
    [InlineData("x: ", "one long value")]
    [InlineData(".", "one long name")]
    public void Work_grows_linearly_with_the_file(string piece, string why) =>
        Growth.AssertLinear(2_000, n =>
        {
            var bytes = Encoding.UTF8.GetBytes("version: STSv1\nmode: none\nmax_age: 1\nmx: " + string.Concat(Enumerable.Repeat(piece, n)));
            return () => Assert.True(Record.Exception(() => Policy.Parse(bytes)) is null or ProtocolException, why);
        });

    [Fact]
    public void Work_grows_linearly_with_the_number_of_different_keys() =>
        Growth.AssertLinear(2_000, n =>
        {
            var bytes = Encoding.UTF8.GetBytes(Example + string.Concat(Enumerable.Range(0, n).Select(i => $"k{i:00000}: 1\n")));
            return () => Assert.Equal(n, Policy.Parse(bytes).Extensions.Length);
        });

    private static Policy Read(string text) => Policy.Parse(Encoding.UTF8.GetBytes(text));

    private static void AssertInvalid(string text, int line, string why)
    {
        var fault = Record.Exception(() => Read(text)) as ProtocolException;
        Assert.True(fault is not null && fault.Line == line, $"{why}: {fault}");
        Assert.StartsWith("RFC 8461 §3", fault.Rule, StringComparison.Ordinal);
    }
}
