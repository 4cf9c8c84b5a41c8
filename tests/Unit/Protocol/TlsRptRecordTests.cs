using CsCheck;
using StsFunctions.Protocol;
using StsFunctions.Protocol.TlsRpt;
using Xunit;

namespace StsFunctions.Tests.Protocol;

public class TlsRptRecordTests
{
    [Theory]
    [Trait("Conformance", "RUA-1")]
    [InlineData("v=TLSRPTv1;rua=mailto:reports@example.com", "mailto:reports@example.com")]
    [InlineData("v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt", "https://reporting.example.com/v1/tlsrpt")]
    [InlineData("v=TLSRPTv1; rua=mailto:a@b.example,https://c.example/", "mailto:a@b.example", "https://c.example/")]
    [InlineData("v=TLSRPTv1; rua=mailto:a@b.example \t, \tmailto:c@d.example;", "mailto:a@b.example", "mailto:c@d.example")]
    [InlineData("v=TLSRPTv1; a=b; rua=mailto:a@b.example; c=d;", "mailto:a@b.example")]
    [InlineData("v=TLSRPTv1; rua=mailto:a%2Cb%21%3B@b.example", "mailto:a%2Cb%21%3B@b.example")]
    [InlineData("v=TLSRPTv1; rua=https://c.example/?a=b&c=d", "https://c.example/?a=b&c=d")]
    [InlineData("v=TLSRPTv1; rua=MAILTO:a@b.example?subject=x", "MAILTO:a@b.example?subject=x")]
    [InlineData("v=TLSRPTv1; rua=mailto:a@b.example; rua=mailto:c@d.example", "mailto:a@b.example")]
    public void A_record_with_mailto_or_https_addresses_is_parsed(string txt, params string[] rua) =>
        Assert.Equal(rua, TlsRptRecord.Parse(txt).Rua);

    [Theory]
    [Trait("Conformance", "RUA-1")]
    [InlineData("v=TLSRPTv1", "no field")]
    [InlineData("v=TLSRPTv1; a=b", "no rua")]
    [InlineData("v=TLSRPTv1; RUA=mailto:a@b.example", "RUA is another name than rua")]
    [InlineData("v=tlsrptv1; rua=mailto:a@b.example", "the version in lower case")]
    [InlineData("v=TLSRPTv1 rua=mailto:a@b.example", "no ; after the version")]
    [InlineData("v=TLSRPTv1; rua=", "no address")]
    [InlineData("v=TLSRPTv1; rua=,mailto:a@b.example", "an empty address")]
    [InlineData("v=TLSRPTv1; rua=mailto:a@b.example,", "an empty address")]
    [InlineData("v=TLSRPTv1; rua=a@b.example", "no scheme")]
    [InlineData("v=TLSRPTv1; rua=mailto:b.example", "no @")]
    [InlineData("v=TLSRPTv1; rua=mailto:@b.example", "no local part")]
    [InlineData("v=TLSRPTv1; rua=mailto:a@", "no domain")]
    [InlineData("v=TLSRPTv1; rua=mailto:a@b@c.example", "two @")]
    [InlineData("v=TLSRPTv1; rua=http://c.example/", "http is not https")]
    [InlineData("v=TLSRPTv1; rua=https:c.example", "no host")]
    [InlineData("v=TLSRPTv1; rua=https:///path", "no host")]
    [InlineData("v=TLSRPTv1; rua=ftp://c.example/", "another scheme")]
    [InlineData("v=TLSRPTv1; rua=mailto:a!10m@b.example", "a size limit, as in DMARC: ! is not encoded")]
    [InlineData("v=TLSRPTv1; rua=mailto:a b@b.example", "a space in the address")]
    [InlineData("v=TLSRPTv1; rua=mailto:a%4@b.example", "a broken percent-encoding")]
    [InlineData("v=TLSRPTv1; rua=mailto:é@b.example", "a character outside ASCII")]
    [InlineData("v=TLSRPTv1; rua=mailto:a@b.example; rua=nonsense", "the second rua is broken")]
    [InlineData("v=TLSRPTv1; rua=mailto:a@b.example; x=a=b", "a broken extension")]
    public void A_record_that_breaks_the_grammar_is_refused(string txt, string why)
    {
        var fault = Record.Exception(() => TlsRptRecord.Parse(txt));
        Assert.True(fault is ProtocolException { Rule: "RFC 8460 §3" }, $"{why}: {fault}");
    }

    [Theory]
    [Trait("Conformance", "RUA-2")]
    [InlineData(TxtRecordStatus.None)]
    [InlineData(TxtRecordStatus.None, "v=STSv1; id=1;")]
    [InlineData(TxtRecordStatus.One, "v=TLSRPTv1; rua=mailto:a@b.example", "something else")]
    [InlineData(TxtRecordStatus.Multiple, "v=TLSRPTv1; rua=mailto:a@b.example", "v=TLSRPTv1; rua=mailto:c@d.example")]
    [InlineData(TxtRecordStatus.Malformed, "v=TLSRPTv1; rua=mailto:")]
    [InlineData(TxtRecordStatus.Malformed, "v=TLSRPTv1; rua=mailto:", "something else")]
    public void Only_one_valid_record_requests_reports(TxtRecordStatus expected, params string[] records)
    {
        var selection = TlsRptRecord.Select(records);

        Assert.Equal(expected, selection.Outcome);
        Assert.Equal(expected == TxtRecordStatus.One, selection.Record is not null);
        Assert.Equal(expected == TxtRecordStatus.Malformed, selection.Fault is not null);
    }

    [Fact]
    [Trait("Conformance", "RUA-2")]
    public void White_space_before_the_first_semicolon_is_reported_as_ambiguous() =>
        Assert.True(TlsRptRecord.Select(["v=TLSRPTv1 ;rua=mailto:a@b.example"]).IsAmbiguous);

    [Fact]
    [Trait("Conformance", "RUA-3")]
    public void The_character_strings_of_a_record_are_joined() =>
        Assert.Equal(["mailto:reports@example.com"], TlsRptRecord.Parse(TxtStrings.Join(["v=TLSRPTv1;rua=mai", "lto:reports@", "example.com"])).Rua);

    [Fact]
    [Trait("Conformance", "RUA-1")]
    public void A_written_record_parses_to_the_same_record() =>
        Gens.TlsRptRecord.Sample(record => Assert.Equal(record, TlsRptRecord.Parse(record.ToString())));

    [Fact]
    [Trait("Conformance", "RUA-1")]
    public void A_record_that_could_not_be_parsed_back_is_never_created()
    {
        Assert.Throws<ProtocolException>(() => new TlsRptRecord { Rua = [] });
        Assert.Throws<ProtocolException>(() => new TlsRptRecord { Rua = default });
        Assert.Throws<ProtocolException>(() => new TlsRptRecord { Rua = ["mailto:a@b.example; x=y"] });
        Assert.Throws<ProtocolException>(() => new TlsRptRecord { Rua = [null!] });
    }

    [Fact]
    public void No_text_throws_anything_but_a_ProtocolException() =>
        Gen.OneOf(
            Gen.String.Select(s => "v=TLSRPTv1;rua=" + s),
            Gen.String[Gen.Char["mailto:https/@[]%.?#;=, é"], 0, 40].Select(s => "v=TLSRPTv1;rua=https://" + s),
            Gens.Damaged("v=TLSRPTv1; rua=mailto:a@b.example , https://user@[2001:db8::1]:443/x?y=z; a=b"u8.ToArray()).Select(System.Text.Encoding.Latin1.GetString))
            .Sample(
                txt =>
                {
                    try
                    {
                        Assert.NotEmpty(TlsRptRecord.Parse(txt).Rua);
                    }
                    catch (ProtocolException fault)
                    {
                        Assert.NotEmpty(fault.Message);
                    }
                },
                iter: 20_000);

    [Theory]
    [InlineData(",", "empty addresses")]
    [InlineData("mailto:a@b.example,", "short addresses")]
    [InlineData(" ", "white space")]
    public void Work_grows_linearly_with_the_record(string piece, string why) =>
        Growth.AssertLinear(1_500, n =>
        {
            var txt = "v=TLSRPTv1;rua=" + string.Concat(Enumerable.Repeat(piece, n)) + "mailto:a@b.example";
            return () => Assert.True(Record.Exception(() => TlsRptRecord.Parse(txt)) is null or ProtocolException, why);
        });
}
