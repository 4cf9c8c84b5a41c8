using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>The command line for people, against real storage.</summary>
public sealed class CommandTests(RunningSystem running, AzuriteFixture azurite) : IClassFixture<RunningSystem>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "OPS-5")]
    public async Task Adding_a_domain_prints_the_records_to_publish_and_the_list_shows_it()
    {
        var added = await AddAsync("added.example", Enforce("added.example"), "--group", "blue");
        Assert.Equal((0, ""), (added.ExitCode, added.Errors));
        Assert.Contains("mta-sts.added.example.", added.Output, StringComparison.Ordinal);
        Assert.Matches("""_mta-sts\.added\.example\.\s+TXT\s+"v=STSv1; id=\d{14};""", added.Output);
        Assert.Contains("v=TLSRPTv1; rua=https://localhost/v1/tlsrpt", added.Output, StringComparison.Ordinal);

        var list = await running.System.RunAppAsync(Cancellation, "domain", "list");
        Assert.Matches(@"added\.example\s+blue\s+enforce", list.Output);
    }

    [Fact]
    public async Task A_command_without_the_storage_layout_says_what_to_do_and_setup_can_be_repeated()
    {
        var (bare, file) = (new TestStorage(await azurite.OwnAccountAsync()), Path.GetTempFileName());
        try
        {
            await File.WriteAllTextAsync(file, Enforce("bare.example"), Cancellation);
            foreach (string[] refused in (string[][])[["domain", "add", "bare.example", "--policy", file], ["domain", "list"]])
            {
                var answer = await running.System.RunAppOnAsync(bare.ConnectionString, Cancellation, refused);
                Assert.Equal((1, "The storage account has no table that this needs: azd provision makes them in Azure, sts setup elsewhere."), (answer.ExitCode, answer.Errors.Trim()));
            }

            Assert.Empty(await bare.Tables.QueryAsync(cancellationToken: Cancellation).ToListAsync(Cancellation));
            foreach (string[] done in (string[][])[["setup"], ["setup"], ["domain", "add", "bare.example", "--policy", file], ["domain", "list"]])
            {
                var answer = await running.System.RunAppOnAsync(bare.ConnectionString, Cancellation, done);
                Assert.Equal((0, ""), (answer.ExitCode, answer.Errors));
            }
        }
        finally
        {
            File.Delete(file);
        }
    }

    [Theory]
    [InlineData("version: STSv1\nmode: enforce\nmax_age: 604800\n", "mx")]
    [InlineData("mode: enforce\nmx: mx.example\nmax_age: 604800\n", "version")]
    [InlineData("version: STSv1\nmode: enforced\nmx: mx.example\nmax_age: 604800\n", "mode")]
    [InlineData("version: STSv1\nmode: enforce\nmx: mx*.example.com\nmax_age: 604800\n", "mx")]
    [InlineData("version: STSv1\nmode: enforce\nmx: mx.example\nmax_age: 99999999\n", "max_age")]
    [Trait("Conformance", "POL-2")]
    [Trait("Conformance", "POL-3")]
    [Trait("Conformance", "POL-4")]
    [Trait("Conformance", "POL-5")]
    public async Task An_invalid_policy_is_refused_and_nothing_is_stored(string policy, string field)
    {
        var added = await AddAsync("refused.example", policy);
        Assert.Equal(1, added.ExitCode);
        Assert.Contains(field, added.Errors, StringComparison.Ordinal);
        Assert.Single(added.Errors.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        var list = await running.System.RunAppAsync(Cancellation, "domain", "list", "--json");
        Assert.DoesNotContain("refused.example", list.Output, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("not a domain")]
    [InlineData("192.0.2.1")]
    [InlineData("")]
    public async Task A_string_that_is_not_a_domain_name_is_refused(string name)
    {
        var added = await AddAsync(name, Enforce("example.com"));
        Assert.Equal(1, added.ExitCode);
        Assert.NotEqual("", added.Errors);
    }

    [Fact]
    [Trait("Conformance", "OPS-3")]
    public async Task A_domain_in_enforce_mode_is_removed_only_by_force_and_is_then_no_longer_served()
    {
        await AddAsync("leaving.example", Enforce("leaving.example"));
        var refused = await running.System.RunAppAsync(Cancellation, "domain", "remove", "leaving.example");
        Assert.Equal(1, refused.ExitCode);
        Assert.Contains("mode: none", refused.Errors, StringComparison.Ordinal);

        var forced = await running.System.RunAppAsync(Cancellation, "domain", "remove", "leaving.example", "--force");
        Assert.Equal((0, ""), (forced.ExitCode, forced.Errors));
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(running.System.Host.HttpAddress, "/.well-known/mta-sts.txt"));
        request.Headers.Host = "mta-sts.leaving.example";
        using var answer = await running.System.Client.SendAsync(request, Cancellation);
        Assert.Equal(404, (int)answer.StatusCode);
        Assert.Equal(1, (await running.System.RunAppAsync(Cancellation, "domain", "remove", "leaving.example")).ExitCode);
    }

    [Fact]
    public async Task Text_from_a_sender_does_not_move_the_cursor_of_the_terminal()
    {
        const string report = """
            {"organization-name":"Evil\u001b[2J \u202eMail","date-range":{"start-datetime":"DAYT00:00:00Z","end-datetime":"DAYT23:59:59Z"},"report-id":"r","policies":[{
             "policy":{"policy-type":"sts","policy-domain":"words.example"},"summary":{"total-successful-session-count":0,"total-failure-session-count":1},
             "failure-details":[{"result-type":"x\u0007y","receiving-mx-hostname":"mx\u009b31m.example","receiving-ip":"192.0.2.1\r\n","failed-session-count":1,"additional-information":"a\nb\u001b]0;c"}]}]}
            """;
        await AddAsync("words.example", Enforce("words.example"));
        var day = $"{DateTime.UtcNow.AddDays(-1):yyyy-MM-dd}";
        await running.System.DropAsync("files/words.json", System.Text.Encoding.UTF8.GetBytes(report.Replace("DAY", day, StringComparison.Ordinal)), Cancellation);
        await running.System.WhenIdleAsync(Cancellation);

        var shown = await running.System.RunAppAsync(Cancellation, "domain", "show", "words.example");

        Assert.Equal((0, ""), (shown.ExitCode, shown.Errors));
        Assert.DoesNotContain(shown.Output.ReplaceLineEndings(""), c => char.IsControl(c) || c == '\u202e');
        foreach (var words in new[] { "Evil?[2J ?Mail", "x?y", "mx?31m.example", "192.0.2.1??", "a?b?]0;c" })
        {
            Assert.Contains(words, shown.Output, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("domain")]
    [InlineData("domain", "add", "example.com")]
    [InlineData("nonsense")]
    public async Task Wrong_usage_is_explained_and_exits_2(params string[] arguments)
    {
        var result = await running.System.RunAppAsync(Cancellation, arguments);
        Assert.Equal(2, result.ExitCode);
        Assert.NotEqual("", result.Errors + result.Output);
    }

    [Fact]
    public async Task A_missing_policy_file_is_named_in_the_error()
    {
        var result = await running.System.RunAppAsync(Cancellation, "domain", "add", "example.com", "--policy", "there-is-none.txt");
        Assert.Equal(1, result.ExitCode);
        Assert.Contains("there-is-none.txt", result.Errors, StringComparison.Ordinal);
    }

    private static string Enforce(string domain) => $"version: STSv1\nmode: enforce\nmx: mx.{domain}\nmax_age: 604800\n";

    private async Task<CommandResult> AddAsync(string domain, string policy, params string[] more)
    {
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, policy, Cancellation);
            return await running.System.RunAppAsync(Cancellation, ["domain", "add", domain, "--policy", file, .. more]);
        }
        finally
        {
            File.Delete(file);
        }
    }
}
