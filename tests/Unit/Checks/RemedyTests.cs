using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Core.Text;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol.MtaSts;
using Xunit;
using DnsAnswer = StsFunctions.Core.Observations.DnsAnswer;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

/// <summary>Remedies are meant to be pasted: no text from DNS or from a server is executed or ends a string there.</summary>
public sealed class RemedyTests
{
    private const string Hostile = "owned";

    private static readonly TlsSession[] Certificates =
    [
        TestObservations.Certificate("other.example"),
        TestObservations.Certificate("other.example", -91, -1, "PartialChain: CN=x"),
        TestObservations.Certificate(CertificateSpec.For("other.example") with { Signer = CertificateSigner.Itself }, "UntrustedRoot: x"),
        TestObservations.Certificate("other.example", -360, 5),
    ];

    // What a zone's owner may put into a name or a text, each with a mark that the test searches for.
    public static TheoryData<string> Names => ["$(owned).example.com", "`owned`.example.com", "owned;x.example.com", "owned|x.example.com", "owned&x.example.com", "\"owned\".example.com", "'owned'.example.com", "owned\nx.example.com", "owned\u001b[2J.example.com", "-owned.example.com", "owned x.example.com", "owned\\000.example.com", "<owned>.example.com", ""];

    [Theory]
    [MemberData(nameof(Names))]
    [Trait("Conformance", "SND-5")]
    public void An_unsafe_name_is_in_no_remedy(string name)
    {
        foreach (var observation in Observations(name))
        {
            foreach (var mode in Enum.GetValues<PolicyMode>())
            {
                foreach (var context in (RuleContext[])[Cases.Of(observation, mode, "*.example.net"), Cases.Of(observation, mode, "*.example.net") with { HostedDomain = null, ExpectedTargets = ExpectedTargets.Unknown }])
                {
                    var evaluated = RuleEngine.Evaluate(context);
                    Assert.Empty(evaluated.Failed);
                    Assert.All(evaluated.Findings, finding => Assert.DoesNotContain(Hostile, finding.Remedy, StringComparison.Ordinal));
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Evidence_is_one_line_of_plain_text(string name) =>
        Assert.All(Observations(name).SelectMany(observation => RuleEngine.Evaluate(Cases.Of(observation, PolicyMode.Enforce, "*.example.net")).Findings), finding =>
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
    public void A_safe_name_consists_of_letters_digits_dots_hyphens_and_underscores(string name, bool isPlain) => Assert.Equal(isPlain, RemedyText.IsPlainName(name));

    [Fact]
    [Trait("Conformance", "SND-5")]
    public void A_safe_name_is_in_its_remedy()
    {
        var observation = TestObservations.With(TestObservations.Host("mx1.example.com", TestObservations.Session("192.0.2.1", TestObservations.Certificate(CertificateSpec.For("mx1.example.com") with { Signer = CertificateSigner.Itself }, "UntrustedRoot: x"))));

        var finding = Assert.Single(RuleEngine.Evaluate(Cases.Of(observation, PolicyMode.Enforce, "mx1.example.com")).Findings);

        Assert.Contains("certbot certonly -d mx1.example.com", finding.Remedy, StringComparison.Ordinal);
    }

    [Fact]
    public void No_remedy_of_an_ordinary_fault_is_the_generic_one()
    {
        // Kinds whose words name a host or a record in angle brackets, and whose findings have the real ones.
        string[] named = ["mx.policy.mismatch", "mx.certificate.name-mismatch", "mx.certificate.expired", "mx.starttls.broken", "mx.connection.failed", "mx.record.alias", "mx.address.missing", "mx.pattern.unused", "txt.sts.missing", "txt.sts.multiple", "txt.sts.id-stale", "txt.tlsrpt.missing", "txt.tlsrpt.foreign", "policy-host.caa.mismatch", "policy-host.connection.failed", "policy-host.connection.timed-out", "policy.response.redirect", "policy.mode.none", "tlsa.record.mismatch", "dmarc.record.missing"];
        foreach (var code in named)
        {
            var fault = Fault.All.First(fault => fault.Code == code);
            var finding = RuleEngine.Evaluate(fault.Given(Cases.Of(fault.What, code == "policy.mode.none" ? PolicyMode.None : PolicyMode.Enforce, "mx1.example.com"))).Findings.First(finding => finding.Code == code);
            Assert.NotEqual(RuleEngine.Kinds.Single(kind => kind.Code == code).Remedy, finding.Remedy);
        }
    }

    // Everything that has a name or a text from outside in its finding.
    private static IEnumerable<Observation> Observations(string name)
    {
        SmtpSession[] sessions =
        [
            .. Certificates.Select(certificate => TestObservations.Session("192.0.2.1", certificate)),
            .. Enum.GetValues<SmtpOutcome>().Select(outcome => TestObservations.Failed("192.0.2.1", outcome, name)),
        ];
        foreach (var session in sessions)
        {
            yield return TestObservations.With(TestObservations.Host(name, session) with { Tlsa = TestObservations.Found($"_25._tcp.{name}", "3 1 1 " + new string('0', 64)) with { Authentic = true } });
        }

        var host = TestObservations.Good.MxHosts[0];
        yield return TestObservations.With(TestObservations.Host(name));
        yield return TestObservations.With(TestObservations.Host(name) with { A = TestObservations.Nothing(name, DnsOutcome.Failed) with { Detail = name } });
        yield return TestObservations.With(host with { A = host.A with { Aliases = [name] }, Tlsa = TestObservations.Found(host.Tlsa.Name, name) });
        yield return TestObservations.Good with { Mx = TestObservations.Found("example.com", $"10 {name}") };
        // A hyphen makes an option of a word, and nothing of a text.
        foreach (var text in name is ['-', ..] ? [] : (string[])[name, $"v=STSv1; id=1; {name}", $"v=STSv1 ; id=1; x={name};", $"v=TLSRPTv1; rua=mailto:{name}@example.com", $"v=TLSRPTv1 ;rua=https://{name}/", $"v=TLSRPTv1; rua=mailto:a@example.com; x={name}", $"v=DMARC1; p={name}"])
        {
            DnsAnswer Texts(DnsAnswer answer) => answer with { Records = [text], Outcome = DnsOutcome.Found };
            yield return TestObservations.Good with { StsRecords = Texts(TestObservations.Good.StsRecords), TlsRptRecords = Texts(TestObservations.Good.TlsRptRecords), Dmarc = Texts(TestObservations.Good.Dmarc) };
            yield return TestObservations.Good with { StsRecords = Texts(TestObservations.Good.StsRecords) with { Records = [text, text] }, TlsRptRecords = Texts(TestObservations.Good.TlsRptRecords) with { Records = [text, text] } };
        }

        yield return TestObservations.Good with { PolicyHost = TestObservations.Good.PolicyHost with { A = TestObservations.Nothing("mta-sts.example.com") with { Aliases = [name] }, Aaaa = TestObservations.Nothing("mta-sts.example.com"), Caa = TestObservations.Found("example.com", $"0 issue {name}") } };
        yield return TestObservations.Fetched(TestObservations.Fetch(PolicyFetchOutcome.OtherStatus) with { Status = 301, Location = name, ContentType = name });
        yield return TestObservations.Fetched(TestObservations.Fetch() with { ContentType = name, Body = System.Text.Encoding.UTF8.GetBytes($"version: STSv1\nmode: testing\nmx: {name}\nmax_age: 1\n") });
        yield return TestObservations.Fetched(TestObservations.Fetch(PolicyFetchOutcome.ConnectionDropped) with { Detail = name });
    }
}
