using System.Text;
using System.Text.RegularExpressions;
using StsFunctions.Local;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Protocol.TlsRpt;
using Xunit;

namespace StsFunctions.Tests.Protocol;

/// <summary>Every fault that the library can name: what is wrong, where, and by which rule.</summary>
public sealed partial class FaultTests
{
    private const string Good = "version: STSv1\nmode: enforce\nmx: a.example\nmax_age: 1\n";

    private const string Range = "\"date-range\":{\"start-datetime\":\"2026-01-31T00:00:00Z\",\"end-datetime\":\"2026-01-31T23:59:59Z\"}";

    private const string Entry = """
        {"policy":{"policy-type":"sts","policy-domain":"a.example"},"summary":{"total-successful-session-count":1,"total-failure-session-count":2}}
        """;

    private const string Report = "{" + Range + ",\"report-id\":\"r\",\"policies\":[" + Entry + "]}";

    private const string Mark = "¦";

    private static readonly Policy Made = Policy.Parse(Encoding.UTF8.GetBytes(Good));

    /// <summary>What was read, as it is broken: the text, with <c>¦</c> where the fault is or else the fault's line, and the rule.</summary>
    private static readonly (string Reader, string Marked, int? Line, string Rule)[] Read =
    [
        ("policy", new string('x', Policy.MaxBytes) + "¦x", null, "RFC 8461 §3.3"),
        ("policy", "\uFEFF" + Good, 1, "RFC 8461 §3.2"),
        ("policy", "version: STSv1\nmode: \rnone\n", 2, "RFC 8461 §3.2"),
        ("policy", "version: STSv1\nx: \u00FF\n", 2, "RFC 8461 §3.2"),
        ("policy", "version: STSv1\n \n", 2, "RFC 8461 §3.2"),
        ("policy", Good + "x", 5, "RFC 8461 §3.2"),
        ("policy", Good + "x y: z", 5, "RFC 8461 §3.2"),
        ("policy", Good + "x:\n", 5, "RFC 8461 §3.2"),
        ("policy", Good + "x: a\0\n", 5, "RFC 8461 §3.2"),
        ("policy", "version: STSv2\n", 1, "RFC 8461 §3.2 version"),
        ("policy", "version: STSv1\nmode: on\n", 2, "RFC 8461 §3.2 mode"),
        ("policy", "version: STSv1\nmode: none\nmax_age: 1d\n", 3, "RFC 8461 §3.2 max_age"),
        ("policy", "version: STSv1\nmode: none\nmx: mx*.example\n", 3, "RFC 8461 §3.2 mx"),
        ("policy", "version: STSv1\nmode: none\nmx: a..example\n", 3, "RFC 8461 §3.2 mx"),
        ("policy", "", 1, "RFC 8461 §3.2 version"),
        ("policy", "mode: none\nmax_age: 1\n", 3, "RFC 8461 §3.2 version"),
        ("policy", "version: STSv1\nmax_age: 1", 3, "RFC 8461 §3.2 mode"),
        ("policy", "version: STSv1\nmode: none\n", 3, "RFC 8461 §3.2 max_age"),
        ("policy", "version: STSv1\nmax-age: 1\nmode: none\n", 2, "RFC 8461 §3.2 max_age"),
        ("policy", "version: STSv1\nmode: testing\nmax_age: 1\n", 4, "RFC 8461 §3.2 mx"),
        ("policy", "version: STSv1\nMX: a.example\nmode: testing\nmax_age: 1\n", 2, "RFC 8461 §3.2 mx"),

        ("sts record", "v=STSv1; id=1; a=" + new string('b', 65_518) + "¦bbb", null, "RFC 8461 §3.1"),
        ("sts record", "¦v=STSv2; id=1", null, "RFC 8461 §3.1"),
        ("sts record", "v=STSv1 ¦id=1", null, "RFC 8461 §3.1"),
        ("sts record", "v=STSv1; id=1¦ ", null, "RFC 8461 §3.1"),
        ("sts record", "v=STSv1;¦", null, "RFC 8461 §3.1"),
        ("sts record", "v=STSv1; id=1; ¦x", null, "RFC 8461 §3.1"),
        ("sts record", "v=STSv1; id=1; ¦_x=y", null, "RFC 8461 §3.1"),
        ("sts record", "v=STSv1; id=1; ¦x=y=z", null, "RFC 8461 §3.1"),
        ("sts record", "v=STSv1; ¦id=a-b", null, "RFC 8461 §3.1"),
        ("sts record", "v=STSv1; x=y¦", null, "RFC 8461 §3.1"),

        ("tlsrpt record", "v=TLSRPTv1; x=y;¦", null, "RFC 8460 §3"),
        ("tlsrpt record", "v=TLSRPTv1; rua=¦", null, "RFC 8460 §3"),
        ("tlsrpt record", "v=TLSRPTv1; rua=mailto:a@b.example,¦", null, "RFC 8460 §3"),
        ("tlsrpt record", "v=TLSRPTv1; rua=mailto:a@b.example, ¦mailto:a!b@b.example", null, "RFC 8460 §3"),
        ("tlsrpt record", "v=TLSRPTv1; rua=¦mailto:a@", null, "RFC 8460 §3"),
        ("tlsrpt record", "v=TLSRPTv1; rua=https://a.example/ ,\t¦https:///", null, "RFC 8460 §3"),
        ("tlsrpt record", "v=TLSRPTv1; a=b; rua=¦http://a.example/", null, "RFC 8460 §3"),
        ("tlsrpt record", "v=TLSRPTv1; rua=mailto:a@b.example; rua=¦c", null, "RFC 8460 §3"),

        ("domain name", "¦", null, "RFC 1123 §2.1, RFC 5890 §2.3"),
        ("domain name", new string('a', 253) + "¦" + new string('a', 1_000), null, "RFC 1123 §2.1, RFC 5890 §2.3"),
        ("domain name", string.Concat(Enumerable.Repeat("ü.", 60)) + "example¦", null, "RFC 1123 §2.1, RFC 5890 §2.3"),
        ("domain name", "mail.¦☃.example", null, "RFC 1123 §2.1, RFC 5890 §2.3"),
        ("domain name", "bücher.¦-a.example", null, "RFC 1123 §2.1, RFC 5890 §2.3"),
        ("domain name", "¦192.0.2.1", null, "RFC 1123 §2.1, RFC 5890 §2.3"),

        ("mx pattern", "*.¦*.example", null, "RFC 8461 §3.2 mx"),
        ("mx pattern", "mx¦*.example", null, "RFC 8461 §3.2 mx"),
        ("mx pattern", "a.example¦.", null, "RFC 8461 §3.2 mx"),
        ("mx pattern", "*.b¦ücher.example", null, "RFC 8461 §3.2 mx"),
        ("mx pattern", "*.a.¦.example", null, "RFC 8461 §3.2 mx"),

        ("report", "{\"x\":1,¦}", null, "RFC 8460 §4.4"),
        ("report", "¦[]", null, "RFC 8460 §4.4"),
        ("report", "¦7", null, "RFC 8460 §4.4"),
        ("report", Report + " ¦{}", null, "RFC 8460 §4.4"),
        ("report", With("[" + Entry + "]", "¦7"), null, "RFC 8460 §4.4"),
        ("report", With("\"date-range\":{", "\"date-range\":¦[],\"x\":{"), null, "RFC 8460 §4.4"),
        ("report", With("\"r\"", "¦\"\\ud800\""), null, "RFC 8460 §4.4"),
        ("report", "{" + Range + ",\"report-id\":\"a\"¦}", null, TlsReportReader.NoReportRule),
        ("report", With("2026-01-31T00:00:00Z", "2027-01-31T00:00:00Z")[..^1] + "¦}", null, "RFC 8460 §4.4"),
        ("report", With("\"2026-01-31T00:00:00Z\"", "¦\"yesterday\""), null, "RFC 8460 §4.4"),
        ("report", With(Entry, Entry.Replace("a.example", "a..example", StringComparison.Ordinal)[..^1] + "¦}"), null, "RFC 8460 §4.4"),
        ("report", With(Entry, Entry.Replace("policy-domain", "x", StringComparison.Ordinal)[..^1] + "¦}"), null, TlsReportReader.UnattributedRule),
        ("report", With("count\":1", "count\":¦-1"), null, "RFC 8460 §4.4"),
        ("report", With("\"summary\"", "\"failure-details\":[¦7],\"summary\""), null, "RFC 8460 §4.4"),
        ("report", With("\"summary\"", "\"failure-details\":[¦[]],\"summary\""), null, "RFC 8460 §4.4"),
        ("bounded report", With("\"r\"", "¦\"" + new string('r', 60) + "\""), null, "RFC 8460 §4.4"),
        ("bounded report", With("\"r\"", "¦\"" + new string('r', 40_000) + "\""), null, "RFC 8460 §4.4"),
        ("bounded report", With(Entry, Entry + ",¦" + Entry), null, "RFC 8460 §4.4"),
        ("bounded report", Report + new string(' ', 50_000 - Report.Length) + "¦ ", null, "RFC 8460 §4.4"),
    ];

    /// <summary>What was never read: a value that could not be written so that it reads back. It has no position.</summary>
    private static readonly (string Rule, Action Make)[] NeverMade =
    [
        ("RFC 8461 §3.2 max_age", () => _ = Made with { MaxAge = -1 }),
        ("RFC 8461 §3.2 mx", () => (Made with { Mx = [] }).ToBytes()),
        ("RFC 8461 §3.2 mode", () => (Made with { Mode = (PolicyMode)7 }).ToBytes()),
        ("RFC 8461 §3.2", () => (Made with { Extensions = [new("x", "1"), new("x", "2")] }).ToBytes()),
        ("RFC 8461 §3.3", () => (Made with { Extensions = [new("x", new string('x', Policy.MaxBytes))] }).ToBytes()),
        ("RFC 8461 §3.2 sts-policy-extension", () => _ = new PolicyField("mode", "none")),
        ("RFC 8461 §3.2 sts-policy-extension", () => _ = new PolicyField("x", " a")),
        ("RFC 8461 §3.2 sts-policy-extension", () => _ = new PolicyField("x", "\uD800")),
        ("RFC 8461 §3.1", () => _ = new StsRecord { Id = "a-b" }),
        ("RFC 8460 §3", () => _ = new TlsRptRecord { Rua = [] }),
        ("RFC 8460 §3", () => _ = new TlsRptRecord { Rua = ["mailto:a@b.example", "c"] }),
    ];

    public static TheoryData<int> Rows => [.. Enumerable.Range(0, Read.Length)];

    [Theory]
    [MemberData(nameof(Rows))]
    public async Task Every_input_error_is_named_with_its_position_and_its_rule(int row)
    {
        var (reader, marked, line, rule) = Read[row];
        var offset = line is null ? marked.IndexOf(Mark, StringComparison.Ordinal) : (long?)null;

        var fault = await Assert.ThrowsAsync<ProtocolException>(() => ReadAsync(reader, marked));

        Assert.True((fault.Line, fault.Offset, fault.Rule) == (line, offset, rule), $"{reader} {marked[..Math.Min(marked.Length, 300)]}: line {fault.Line}, offset {fault.Offset}: {fault.Message}");
        AssertReadable(fault, line is null ? $"At {offset}: " : $"Line {line}: ");
    }

    [Fact]
    public void A_value_that_could_not_be_parsed_back_is_never_created()
    {
        foreach (var (rule, make) in NeverMade)
        {
            var fault = Assert.Throws<ProtocolException>(make);
            Assert.Equal((null, null, rule), (fault.Line, fault.Offset, fault.Rule));
            AssertReadable(fault, "");
        }
    }

    [Fact]
    public async Task Every_error_message_is_in_these_tables()
    {
        var messages = NeverMade.Select(made => Assert.Throws<ProtocolException>(made.Make).Message).ToList();
        foreach (var (reader, marked, _, _) in Read)
        {
            messages.Add((await Assert.ThrowsAsync<ProtocolException>(() => ReadAsync(reader, marked))).Message);
        }

        var untested = Sentences().Where(sentence => !messages.Exists(message => Pattern(sentence).IsMatch(message))).ToList();

        Assert.Empty(untested);
        Assert.NotEmpty(Sentences());
    }

    private static void AssertReadable(ProtocolException fault, string begin)
    {
        Assert.StartsWith(begin, fault.Message, StringComparison.Ordinal);
        Assert.EndsWith($" ({fault.Rule})", fault.Message, StringComparison.Ordinal);
        Assert.True(fault.Message.Length < 600 && fault.Message.All(c => c is >= ' ' and <= '~' or '§'), fault.Message);
    }

    // Whatever is a sentence in the library's code, comments apart, is the message of a fault.
    private static IEnumerable<string> Sentences() =>
        Directory.GetFiles(Path.Combine(Repository.Root, "protocol"), "*.cs", SearchOption.AllDirectories)
            .Where(file => !file.Contains($"{Path.DirectorySeparatorChar}obj{Path.DirectorySeparatorChar}", StringComparison.Ordinal))
            .SelectMany(File.ReadAllLines)
            .Where(line => !line.TrimStart().StartsWith("//", StringComparison.Ordinal))
            .SelectMany(line => Literal().Matches(line))
            .Select(match => match.Groups[1].Value)
            .Where(text => text.Contains(' ', StringComparison.Ordinal) && (text.EndsWith('.') || text.Contains(". ", StringComparison.Ordinal)));

    private static Regex Pattern(string sentence) =>
        new(string.Join(".*", Hole().Split(sentence).Select(part => Regex.Escape(Regex.Unescape(part)))), RegexOptions.Singleline);

    private static string With(string part, string instead) => Report.Replace(part, instead, StringComparison.Ordinal);

    private static async Task ReadAsync(string reader, string marked)
    {
        var text = marked.Replace(Mark, "", StringComparison.Ordinal);
        switch (reader)
        {
            case "policy":
                // Bytes by bytes, so that a row can hold what is not UTF-8.
                Policy.Parse(text.StartsWith('\uFEFF') ? Encoding.UTF8.GetBytes(text) : Encoding.Latin1.GetBytes(text));
                break;
            case "sts record":
                StsRecord.Parse(text);
                break;
            case "tlsrpt record":
                TlsRptRecord.Parse(text);
                break;
            case "domain name":
                DomainName.Parse(text);
                break;
            case "mx pattern":
                MxPattern.Parse(text);
                break;
            default:
                var bounded = new TlsReportLimits { MaxBytes = 50_000, MaxPolicies = 1, MaxStringLength = 50 };
                using (var stream = new MemoryStream(Encoding.UTF8.GetBytes(text)))
                {
                    await TlsReportReader.ReadAsync(stream, reader == "report" ? TlsReportLimits.Default : bounded, TestContext.Current.CancellationToken);
                }

                break;
        }
    }

    [GeneratedRegex("""
        \$?"((?:[^"\\]|\\.)*)"
        """)]
    private static partial Regex Literal();

    [GeneratedRegex(@"\{[^{}]*\}")]
    private static partial Regex Hole();
}
