using CsCheck;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.Protocol;

public class StsRecordTests
{
    [Theory]
    [Trait("Conformance", "TXT-1")]
    [InlineData("v=STSv1; id=20160831085700Z;", "20160831085700Z", "the RFC's example")]
    [InlineData("v=STSv1;id=1", "1", "no space, no last ;")]
    [InlineData("v=STSv1;\t id=1 \t;\t", "1", "white space around ;")]
    [InlineData("v=STSv1 ; id=1", "1", "white space before the first ;")]
    [InlineData("v=STSv1; a=b; id=1; c=d", "1", "fields in any order")]
    public void A_record_that_follows_the_grammar_is_parsed(string txt, string id, string why) =>
        Assert.True(StsRecord.Parse(txt).Id == id, why);

    [Theory]
    [Trait("Conformance", "TXT-1")]
    [InlineData("", "empty")]
    [InlineData("v=STSv1", "no field")]
    [InlineData("v=STSv1;", "no field")]
    [InlineData("v=STSv1; ;", "no field")]
    [InlineData("v=STSv1 id=1", "no ; after the version")]
    [InlineData("v=STSv10; id=1", "another version")]
    [InlineData("v=STSv2; id=1", "another version")]
    [InlineData("v=stsv1; id=1", "the version in lower case")]
    [InlineData("V=STSv1; id=1", "the name v in upper case")]
    [InlineData(" v=STSv1; id=1", "white space before the version")]
    [InlineData("v = STSv1; id=1", "white space around =")]
    [InlineData("\"v=STSv1; id=1\"", "the quotes of a zone file")]
    [InlineData("id=1; v=STSv1", "the version last")]
    [InlineData("v=STSv1; id=1;;", "an empty field at the end")]
    [InlineData("v=STSv1;; id=1", "an empty field")]
    [InlineData("v=STSv1; id=1 a=b", "no ; between fields")]
    [InlineData("v=STSv1; id=1 ", "white space at the end, after no ;")]
    [InlineData("v=STSv1; id =1", "white space before =")]
    [InlineData("v=STSv1; id= 1", "white space after =")]
    [InlineData("v=STSv1; id=1;\r\n", "a line break is no white space here")]
    [InlineData("v=STSv1; id", "no =")]
    [InlineData("v=STSv1; =1", "no name")]
    public void A_record_that_breaks_the_grammar_is_refused(string txt, string why) => AssertInvalid(txt, why);

    [Theory]
    [Trait("Conformance", "TXT-2")]
    [InlineData("v=STSv1; id=;", "an empty id")]
    [InlineData("v=STSv1; id=2026-01-31;", "a hyphen")]
    [InlineData("v=STSv1; id=é;", "a letter outside ASCII")]
    [InlineData("v=STSv1; id=٣;", "a digit outside ASCII")]
    [InlineData("v=STSv1; id=a\0;", "a NUL")]
    [InlineData("v=STSv1; id=123456789012345678901234567890123;", "33 characters")]
    [InlineData("v=STSv1; a=b;", "no id")]
    [InlineData("v=STSv1; ID=1;", "ID is another name than id")]
    public void An_id_that_is_not_1_to_32_letters_and_digits_is_refused(string txt, string why) => AssertInvalid(txt, why);

    [Fact]
    [Trait("Conformance", "TXT-2")]
    public void An_id_of_32_letters_and_digits_is_parsed_and_one_of_33_is_never_created()
    {
        var longest = new string('Z', StsRecord.MaxIdLength);
        Assert.Equal(longest, StsRecord.Parse($"v=STSv1; id={longest};").Id);
        Assert.Throws<ProtocolException>(() => new StsRecord { Id = longest + "Z" });
        Assert.Throws<ProtocolException>(() => new StsRecord { Id = null! });
    }

    [Theory]
    [Trait("Conformance", "TXT-3")]
    [InlineData("v=STSv1; id=1; x=!~<>:,", "visible ASCII")]
    [InlineData("v=STSv1; id=1; 9_-.=a", "every kind of character in the name")]
    [InlineData("v=STSv1; id=1; abcdefghijklmnopqrstuvwxyz012345=a", "a name of 32 characters")]
    public void A_well_formed_unknown_field_is_ignored(string txt, string why) => Assert.True(StsRecord.Parse(txt).Id == "1", why);

    [Theory]
    [Trait("Conformance", "TXT-3")]
    [InlineData("v=STSv1; id=1; x=", "an empty value")]
    [InlineData("v=STSv1; id=1; x=a=b", "= in the value")]
    [InlineData("v=STSv1; id=1; x=a b", "a space in the value")]
    [InlineData("v=STSv1; id=1; x=é", "a value outside ASCII")]
    [InlineData("v=STSv1; id=1; x=\u007F", "a control character")]
    [InlineData("v=STSv1; id=1; _x=a", "a name that begins with _")]
    [InlineData("v=STSv1; id=1; x!=a", "a name with !")]
    [InlineData("v=STSv1; id=1; abcdefghijklmnopqrstuvwxyz0123456=a", "a name of 33 characters")]
    public void A_malformed_unknown_field_invalidates_the_record(string txt, string why) => AssertInvalid(txt, why);

    [Theory]
    [Trait("Conformance", "TXT-4")]
    [InlineData("v=STSv1; id=1; id=2;", "the second is another")]
    [InlineData("v=STSv1; id=1; id=2-3;", "the second would be no id")]
    [InlineData("v=STSv1; x=a; x=b; id=1", "an unknown one, twice")]
    public void The_first_of_a_repeated_field_counts(string txt, string why) => Assert.True(StsRecord.Parse(txt).Id == "1", why);

    [Fact]
    [Trait("Conformance", "TXT-5")]
    public void The_character_strings_of_a_record_are_joined_without_a_separator() =>
        Assert.Equal("20160831085700Z", StsRecord.Parse(TxtStrings.Join(["v=ST", "Sv1; id=201608", "31085700Z;"])).Id);

    [Fact]
    [Trait("Conformance", "TXT-6")]
    public void Only_one_valid_TXT_record_announces_a_policy()
    {
        var selection = StsRecord.Select(["v=spf1 -all", "v=STSv1; id=1;", "google-site-verification=x"]);

        Assert.Equal(TxtRecordStatus.One, selection.Outcome);
        Assert.Equal("1", selection.Record?.Id);
        Assert.Equal(["v=STSv1; id=1;"], selection.Candidates);
        Assert.Equal(["v=spf1 -all", "google-site-verification=x"], selection.Dropped);
        Assert.False(selection.IsAmbiguous);
    }

    [Theory]
    [Trait("Conformance", "TXT-6")]
    [InlineData(TxtRecordStatus.None)]
    [InlineData(TxtRecordStatus.None, "v=spf1 -all")]
    [InlineData(TxtRecordStatus.None, "v=STSv2; id=1;", "v=stsv1; id=1;")]
    [InlineData(TxtRecordStatus.Multiple, "v=STSv1; id=1;", "v=STSv1; id=2;")]
    [InlineData(TxtRecordStatus.Multiple, "v=STSv1; id=1;", "v=STSv1; id=1;")]
    [InlineData(TxtRecordStatus.Multiple, "v=STSv1; id=1;", "v=STSv1; broken")]
    [InlineData(TxtRecordStatus.Malformed, "v=STSv1; id=not-an-id;")]
    [InlineData(TxtRecordStatus.Malformed, "v=STSv1", "v=STSv1;")]
    [InlineData(TxtRecordStatus.Malformed, "v=STSv1 id=1")]
    public void Any_other_number_of_valid_TXT_records_announces_nothing(TxtRecordStatus expected, params string[] records)
    {
        var selection = StsRecord.Select(records);

        Assert.Equal(expected, selection.Outcome);
        Assert.Null(selection.Record);
        Assert.Equal(expected == TxtRecordStatus.Malformed, selection.Fault is not null);
        Assert.Equal(records.Length, selection.Candidates.Length + selection.Dropped.Length);
    }

    [Theory]
    [Trait("Conformance", "TXT-6")]
    [InlineData(TxtRecordStatus.One, "v=STSv1 ; id=1;")]
    [InlineData(TxtRecordStatus.One, "v=STSv1\t; id=1;", "v=STSv1; id=2;")]
    [InlineData(TxtRecordStatus.None, "v=STSv1 ; id=1;", "v=spf1 -all")]
    public void White_space_before_the_first_semicolon_is_reported_as_ambiguous(TxtRecordStatus expected, params string[] records)
    {
        var selection = StsRecord.Select(records);

        Assert.Equal(expected, selection.Outcome);
        Assert.True(selection.IsAmbiguous);
    }

    [Fact]
    [Trait("Conformance", "TXT-6")]
    public void A_written_record_begins_as_every_sender_expects_and_parses_to_the_same_record() =>
        Gens.StsRecord.Sample(record =>
        {
            var selection = StsRecord.Select([record.ToString()]);
            Assert.StartsWith("v=STSv1; id=", record.ToString(), StringComparison.Ordinal);
            Assert.Equal(record, selection.Record);
            Assert.False(selection.IsAmbiguous);
        });

    [Fact]
    public void An_error_names_the_rule_and_the_position()
    {
        var fault = Assert.Throws<ProtocolException>(() => StsRecord.Parse("v=STSv1; id=a-b;"));

        Assert.Equal("RFC 8461 §3.1", fault.Rule);
        Assert.Equal(9, fault.Offset);
        Assert.Equal("At 9: The id \"a-b\" is not allowed: use 1 to 32 ASCII letters and digits, nothing else. (RFC 8461 §3.1)", fault.Message);
    }

    [Fact]
    public void No_text_throws_anything_but_a_ProtocolException() =>
        Gen.OneOf(
            Gen.String,
            Gen.String.Select(s => "v=STSv1;" + s),
            Gen.String[Gen.Char["v=STSv1; id\t\0é"], 0, 40].Select(s => "v=STSv1" + s),
            Gens.Damaged("v=STSv1; id=20160831085700Z; a=b"u8.ToArray()).Select(System.Text.Encoding.Latin1.GetString))
            .Sample(
                txt =>
                {
                    try
                    {
                        Assert.InRange(StsRecord.Parse(txt).Id.Length, 1, 32);
                    }
                    catch (ProtocolException fault)
                    {
                        Assert.NotEmpty(fault.Message);
                    }
                },
                iter: 20_000);

    [Theory]
    [InlineData(";", "empty fields")]
    [InlineData("a=b;", "short fields")]
    [InlineData(" ", "white space")]
    [InlineData("=", "one long value")]
    public void Work_grows_linearly_with_the_record(string piece, string why) =>
        Growth.AssertLinear(8_000, n =>
        {
            var txt = "v=STSv1;id=1;" + string.Concat(Enumerable.Repeat(piece, n));
            return () => Assert.True(Record.Exception(() => StsRecord.Parse(txt)) is null or ProtocolException, why);
        });

    [Theory]
    [InlineData("v=STSv1; id=1;", "records that announce a policy")]
    [InlineData("v=spf1 -all", "records of another kind")]
    public void Work_grows_linearly_with_the_number_of_records(string record, string why) =>
        Growth.AssertLinear(8_000, n =>
        {
            var records = Enumerable.Repeat(record, n).ToArray();
            return () => Assert.True(StsRecord.Select(records).Record is null, why);
        });

    [Fact]
    public void A_record_longer_than_DNS_can_carry_is_refused() =>
        AssertInvalid("v=STSv1; id=1; a=" + new string('b', 70_000), "70,000 characters");

    private static void AssertInvalid(string txt, string why)
    {
        var fault = Record.Exception(() => StsRecord.Parse(txt));
        Assert.True(fault is ProtocolException { Rule: "RFC 8461 §3.1" }, $"{why}: {fault}");
    }
}
