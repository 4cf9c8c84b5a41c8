using System.Globalization;
using System.Text.Json;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Tests.Checks;
using StsFunctions.Tests.Egress;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary><c>check</c>: one check of a domain from the command line.</summary>
public sealed class CheckCommandTests(CheckCommandTests.QuickSystem running) : IClassFixture<CheckCommandTests.QuickSystem>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_healthy_domain_is_shown_and_exits_0()
    {
        await running.System.AddAsync(LabDomains.Get("example.com"), Cancellation);

        var check = await CheckAsync("example.com");

        Assert.Equal((0, ""), (check.ExitCode, check.Errors));
        Assert.Contains("evaluated against the policy that is served, mode enforce, mx mx1.example.com mx2.example.com, max_age 604800 s", check.Output, StringComparison.Ordinal);
        Assert.Matches(@"MX +example\.com +10 mx1\.example\.com \| 20 mx2\.example\.com", check.Output);
        Assert.Matches(@"TXT +_mta-sts\.example\.com +v=STSv1; id=\d{14};", check.Output);
        Assert.Matches(@"https://mta-sts\.example\.com/\.well-known/mta-sts\.txt  200  text/plain; charset=utf-8  certificate until \d{4}-\d\d-\d\d", check.Output);
        Assert.Matches(@"mx1\.example\.com +127\.0\.\d+\.\d+ +completed +1\.3 TLS_\w+ +\d{4}-\d\d-\d\d +yes", check.Output);
        Assert.EndsWith("Nothing is wrong.", check.Output.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_finding_is_shown_with_its_remedy_and_exits_1()
    {
        await running.System.AddAsync(LabDomains.Get("plain.example"), Cancellation);

        var check = await CheckAsync("plain.example");

        Assert.Equal((1, ""), (check.ExitCode, check.Errors));
        Assert.Contains("CRITICAL  mx.starttls.missing  mx.plain.example", check.Output, StringComparison.Ordinal);
        Assert.Contains("  remedy   Enable STARTTLS on the server", check.Output, StringComparison.Ordinal);
        Assert.EndsWith("1 critical", check.Output.TrimEnd(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task JSON_output_has_the_whole_observation_and_the_findings()
    {
        await running.System.AddAsync(LabDomains.Get("wrong-name.example"), Cancellation);

        var check = await CheckAsync("WRONG-NAME.example", "--json");

        Assert.Equal((1, ""), (check.ExitCode, check.Errors));
        using var json = JsonDocument.Parse(check.Output);
        var root = json.RootElement;
        Assert.Equal("wrong-name.example", root.GetProperty("domain").GetString());
        Assert.Equal("Fetched", root.GetProperty("policySource").GetString());
        Assert.Equal(JsonValueKind.Null, root.GetProperty("incomplete").ValueKind);
        var finding = Assert.Single(root.GetProperty("findings").EnumerateArray());
        Assert.Equal(("mx.certificate.name-mismatch", "Critical"), (finding.GetProperty("code").GetString(), finding.GetProperty("severity").GetString()));
        var session = root.GetProperty("observation").GetProperty("mxHosts")[0].GetProperty("probes")[0].GetProperty("default");
        Assert.Equal("Completed", session.GetProperty("outcome").GetString());
        Assert.NotEmpty(session.GetProperty("tls").GetProperty("chain")[0].GetBytesFromBase64());
    }

    [Fact]
    public async Task A_policy_is_evaluated_before_it_is_published()
    {
        await running.System.AddAsync(LabDomains.Get("example.com"), Cancellation);
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, "version: STSv1\nmode: testing\nmx: mx1.example.com\nmax_age: 604800\n", Cancellation);

            var check = await CheckAsync("example.com", "--policy", file);

            Assert.Equal((1, ""), (check.ExitCode, check.Errors));
            Assert.Contains("evaluated against the policy file, mode testing", check.Output, StringComparison.Ordinal);
            Assert.Contains("WARNING  mx.policy.mismatch  mx2.example.com", check.Output, StringComparison.Ordinal);

            await File.WriteAllTextAsync(file, "version: STSv1\nmode: enforced\nmx: mx1.example.com\nmax_age: 604800\n", Cancellation);
            var refused = await CheckAsync("example.com", "--policy", file);
            Assert.Equal((2, ""), (refused.ExitCode, refused.Output));
            Assert.Contains("Line 2", refused.Errors, StringComparison.Ordinal);
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Fact]
    public async Task A_domain_without_a_policy_raises_no_alarm()
    {
        await running.System.AddAsync(LabDomains.Get("example.com"), Cancellation);
        running.System.MailLab.Zone.Set("nobody.example", DnsRecord.Mx(10, "mx1.example.com"));

        var check = await CheckAsync("nobody.example");

        Assert.Equal((0, ""), (check.ExitCode, check.Errors));
        Assert.Contains("evaluated against mode none, since senders get no policy", check.Output, StringComparison.Ordinal);
        Assert.Contains("INFO  policy.mx.opportunistic  nobody.example", check.Output, StringComparison.Ordinal);
        Assert.Contains("INFO  txt.sts.missing  _mta-sts.nobody.example", check.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_policy_that_is_announced_but_cannot_be_fetched_is_a_warning()
    {
        await running.System.AddAsync(LabDomains.Get("policy-missing.example"), Cancellation);

        var check = await CheckAsync("policy-missing.example");

        Assert.Equal(1, check.ExitCode);
        Assert.Contains("WARNING  policy.response.status  mta-sts.policy-missing.example", check.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_port_is_an_option()
    {
        await running.System.AddAsync(LabDomains.Get("example.com"), Cancellation);

        // Nothing listens on the port of policy hosts at an MX host's address.
        var check = await CheckAsync("example.com", "--smtp-port", running.System.MailLab.HttpsPort.ToString(CultureInfo.InvariantCulture));

        Assert.Equal(1, check.ExitCode);
        Assert.Contains("CRITICAL  mx.connection.failed  mx1.example.com", check.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_domain_whose_DNS_does_not_answer_has_no_findings_and_exits_2()
    {
        var check = await CheckAsync("example.com", "--dns-server", $"127.0.0.1:{LoopbackPort.Free()}", "--json");

        Assert.Equal(2, check.ExitCode);
        Assert.StartsWith("DNS does not answer", check.Errors, StringComparison.Ordinal);
        using var json = JsonDocument.Parse(check.Output);
        Assert.NotEqual("", json.RootElement.GetProperty("incomplete").GetString());
    }

    [Fact]
    public async Task A_domain_whose_DNS_answers_do_not_parse_is_reported_in_one_line_and_exits_2()
    {
        await using var dns = StubDnsServer.Of(255);

        var check = await CheckAsync("example.com", "--dns-server", $"{dns.Settings.DnsServer}");

        Assert.Equal((2, "DNS does not answer (Failed): nothing can be said of example.com. Name a resolver with --dns-server."), (check.ExitCode, check.Errors.TrimEnd()));
        Assert.Contains("Failed: the answer does not parse", check.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", check.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_single_record_that_does_not_parse_is_a_finding_and_the_rest_is_shown()
    {
        const ushort txt = 16;
        await using var dns = StubDnsServer.Start(query => StubDnsServer.TypeOf(query) == txt && StubDnsServer.NameOf(query) == "_mta-sts.example.com"
            ? StubDnsServer.Response(query, (txt, [255]))
            : StubDnsServer.Response(query));

        var check = await CheckAsync("example.com", "--dns-server", $"{dns.Settings.DnsServer}");

        Assert.Equal("", check.Errors);
        Assert.Contains("txt.sts.lookup-failed  _mta-sts.example.com", check.Output, StringComparison.Ordinal);
        Assert.Contains("mx.address.missing  example.com", check.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", check.Output, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "MX-7")]
    public async Task A_blocked_port_25_blames_no_mail_server_and_exits_2()
    {
        await running.System.AddAsync(LabDomains.Get("tls12.example"), Cancellation);
        using var silence = new SilentHost(running.System.MailLab);
        silence.Take("mx.tls12.example");

        var check = await CheckAsync("tls12.example");

        Assert.Equal(2, check.ExitCode);
        Assert.StartsWith("This network blocks outbound connections on port 25", check.Errors, StringComparison.Ordinal);
        Assert.DoesNotContain("mx.connection.failed", check.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("check")]
    [InlineData("check", "not a domain")]
    [InlineData("check", "192.0.2.1")]
    [InlineData("check", "example.com", "--policy", "there-is-none.txt")]
    [InlineData("check", "example.com", "--dns-server", "dns.example")]
    [InlineData("check", "example.com", "--smtp-port", "70000")]
    public async Task Wrong_usage_is_explained_and_exits_2(params string[] arguments)
    {
        var result = await running.System.RunAppAsync(Cancellation, arguments);
        Assert.Equal(2, result.ExitCode);
        Assert.NotEqual("", result.Errors);
    }

    private Task<CommandResult> CheckAsync(params string[] arguments) => running.System.RunAppAsync(Cancellation, ["check", .. arguments]);

    /// <summary>A system with short timeouts, whose only reference MX host is its own.</summary>
    public sealed class QuickSystem(AppUnderTest app) : RunningSystem(app)
    {
        protected override LocalSystemOptions Options => new()
        {
            Settings = new Dictionary<string, string> { ["Sts__SessionTimeout"] = "00:00:05", ["Sts__RetryDelay"] = "00:00:00", ["Sts__ReferenceMxHosts"] = "mx.tls12.example" },
        };
    }
}
