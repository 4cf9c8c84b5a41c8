using StsFunctions.CheckDomain;
using StsFunctions.Domains;
using StsFunctions.Local.MailInternet;
using StsFunctions.Protocol.MtaSts;
using Xunit;
using DnsAnswer = StsFunctions.CheckDomain.DnsAnswer;
using SmtpSession = StsFunctions.CheckDomain.SmtpSession;

namespace StsFunctions.Tests.CheckDomain;

/// <summary>Remedies are meant to be pasted: nothing out of DNS, or out of a server's mouth, runs or ends a string there.</summary>
public sealed class RemedyTests
{
    private const string Hostile = "owned";

    // What a zone's owner may put into a name or a text, each with a mark that is looked for.
    public static TheoryData<string> Names => ["$(owned).example.com", "`owned`.example.com", "owned;x.example.com", "owned|x.example.com", "owned&x.example.com", "\"owned\".example.com", "'owned'.example.com", "owned\nx.example.com", "owned\u001b[2J.example.com", "-owned.example.com", "owned x.example.com", "owned\\000.example.com", "<owned>.example.com", ""];

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("Conformance", "SND-5")]
    public void A_name_that_is_not_plain_stands_in_no_remedy(string name)
    {
        foreach (var seen in Observations(name))
        {
            foreach (var mode in Enum.GetValues<PolicyMode>())
            {
                foreach (var given in (Case[])[Cases.Of(seen, mode, "*.example.net"), Cases.Of(seen, mode, "*.example.net") with { Hosted = null, Places = OurPlaces.Unknown }])
                {
                    var judged = Judge.Of(given);
                    Assert.Empty(judged.Failed);
                    Assert.All(judged.Findings, finding => Assert.DoesNotContain(Hostile, finding.Remedy, StringComparison.Ordinal));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_is_shown_of_it_as_evidence_is_one_line_of_plain_text(string name) =>
        Assert.All(Observations(name).SelectMany(seen => Judge.Of(Cases.Of(seen, PolicyMode.Enforce, "*.example.net")).Findings), finding =>
            Assert.DoesNotContain($"{finding.Subject}{finding.Evidence}{finding.Remedy}", char.IsControl));

    [Theory]
    [InlineData("mx1.example.com", true)]
    [InlineData("MX_1.example-mail.com", true)]
    [InlineData("_25._tcp.mx1.example.com", true)]
    [InlineData("*.example.com", true)]
    [InlineData("192.0.2.1", true)]
    [InlineData("*", false)]
    [InlineData("a.*.example.com", false)]
    [InlineData("-f.example.com", false)]
    [InlineData("a/b", false)]
    [InlineData("a@b", false)]
    [InlineData("b\u00fccher.example", false)]
    [InlineData("", false)]
    public void A_plain_name_is_made_of_letters_digits_dots_hyphens_and_underscores(string name, bool isPlain) => Assert.Equal(isPlain, RemedyText.IsPlainName(name));

    [Fact]
    [Trait("Conformance", "SND-5")]
    public void A_good_name_stands_in_its_remedy()
    {
        var seen = Seen.With(Seen.Host("mx1.example.com", Seen.Session("192.0.2.1", Seen.Certificate(CertificateSpec.For("mx1.example.com") with { Signer = CertificateSigner.Itself }, "UntrustedRoot: x"))));

        var finding = Assert.Single(Judge.Of(Cases.Of(seen, PolicyMode.Enforce, "mx1.example.com")).Findings);

        Assert.Contains("certbot certonly -d mx1.example.com", finding.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void Where_what_is_wrong_is_ordinary_no_remedy_falls_back_to_the_kinds_own_words()
    {
        // Kinds whose words name a host or a record in angle brackets, and whose findings have the real ones.
        string[] named = ["mx.uncovered", "mx.certificate.name", "mx.certificate.expired", "mx.starttls.broken", "mx.unreachable", "mx.cname", "mx.no-address", "mx.pattern.unused", "txt.sts.missing", "txt.sts.several", "txt.sts.id-lags", "txt.tlsrpt.missing", "txt.tlsrpt.elsewhere", "policy-host.caa", "policy-host.unreachable", "policy-host.timed-out", "policy.redirect", "policy.none.published", "tlsa.mismatch", "dmarc.missing"];
        foreach (var code in named)
        {
            var fault = Fault.All.First(fault => fault.Code == code);
            var finding = Judge.Of(fault.Given(Cases.Of(fault.What, code == "policy.none.published" ? PolicyMode.None : PolicyMode.Enforce, "mx1.example.com"))).Findings.First(finding => finding.Code == code);
            Assert.NotEqual(Judge.Kinds.Single(kind => kind.Code == code).Remedy, finding.Remedy);
        }
    }

    // Everything that has a name or a text from outside in its finding.
    private static IEnumerable<Observation> Observations(string name)
    {
        SmtpSession[] sessions =
        [
            Seen.Session("192.0.2.1", Seen.Certificate("other.example")),
            Seen.Session("192.0.2.1", Seen.Certificate("other.example", -91, -1, "PartialChain: CN=x")),
            Seen.Session("192.0.2.1", Seen.Certificate(CertificateSpec.For("other.example") with { Signer = CertificateSigner.Itself }, "UntrustedRoot: x")),
            Seen.Session("192.0.2.1", Seen.Certificate("other.example", -360, 5)),
            .. Enum.GetValues<SmtpOutcome>().Select(outcome => Seen.Failed("192.0.2.1", outcome, name)),
        ];
        foreach (var session in sessions)
        {
            yield return Seen.With(Seen.Host(name, session) with { Tlsa = Seen.Found($"_25._tcp.{name}", "3 1 1 " + new string('0', 64)) with { Authentic = true } });
        }

        var host = Seen.Good.MxHosts[0];
        yield return Seen.With(Seen.Host(name));
        yield return Seen.With(Seen.Host(name) with { A = Seen.Nothing(name, DnsOutcome.Failed) with { Detail = name } });
        yield return Seen.With(host with { A = host.A with { Aliases = [name] }, Tlsa = Seen.Found(host.Tlsa.Name, name) });
        yield return Seen.Good with { Mx = Seen.Found("example.com", $"10 {name}") };
        // A hyphen makes an option of a word, and nothing of a text.
        foreach (var text in name is ['-', ..] ? [] : (string[])[name, $"v=STSv1; id=1; {name}", $"v=STSv1 ; id=1; x={name};", $"v=TLSRPTv1; rua=mailto:{name}@example.com", $"v=TLSRPTv1 ;rua=https://{name}/", $"v=TLSRPTv1; rua=mailto:a@example.com; x={name}", $"v=DMARC1; p={name}"])
        {
            DnsAnswer Texts(DnsAnswer answer) => answer with { Records = [text], Outcome = DnsOutcome.Found };
            yield return Seen.Good with { StsRecords = Texts(Seen.Good.StsRecords), TlsRptRecords = Texts(Seen.Good.TlsRptRecords), Dmarc = Texts(Seen.Good.Dmarc) };
            yield return Seen.Good with { StsRecords = Texts(Seen.Good.StsRecords) with { Records = [text, text] }, TlsRptRecords = Texts(Seen.Good.TlsRptRecords) with { Records = [text, text] } };
        }

        yield return Seen.Good with { PolicyHost = Seen.Good.PolicyHost with { A = Seen.Nothing("mta-sts.example.com") with { Aliases = [name] }, Aaaa = Seen.Nothing("mta-sts.example.com"), Caa = Seen.Found("example.com", $"0 issue {name}") } };
        yield return Seen.Fetched(Seen.Fetch(PolicyFetchOutcome.OtherStatus) with { Status = 301, Location = name, ContentType = name });
        yield return Seen.Fetched(Seen.Fetch() with { ContentType = name, Body = System.Text.Encoding.UTF8.GetBytes($"version: STSv1\nmode: testing\nmx: {name}\nmax_age: 1\n") });
        yield return Seen.Fetched(Seen.Fetch(PolicyFetchOutcome.BrokenOff) with { Detail = name });
    }
}
