using System.Text.Json;
using Microsoft.Azure.Functions.Worker;
using Microsoft.Extensions.DependencyInjection;
using StsFunctions.App.Authentication;
using StsFunctions.App.Middleware;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Local.Tokens;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Tests.Hosting;
using StsFunctions.UseCases.Access;
using Xunit;

namespace StsFunctions.Tests.Api;

/// <summary>The API over the wire: which caller gets what.</summary>
public sealed class ApiTests(ApiTests.HostedDomain hosted, AzuriteFixture azurite) : IClassFixture<ApiTests.HostedDomain>
{
    private static readonly string[] Blue = ["a.example", "b.example", "c.example", "d.example", "e.example"];
    private static readonly string[] Green = ["f.example", "g.example"];
    private const string Gone = "gone.example";
    private static readonly Policy Policy = Policy.Parse("version: STSv1\nmode: testing\nmx: mx.example\nmax_age: 86400\n"u8);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_caller_gets_the_domains_of_its_groups_and_no_others()
    {
        Assert.Equal([.. Blue, .. Green], (await ListAsync(TokenOf("Sts.Reader", "Sts.AllGroups"))).Domains.Order());
        Assert.Equal(Blue, (await ListAsync(TokenFor("blue"))).Domains.Order());
        Assert.Equal([.. Blue, .. Green], (await ListAsync(TokenFor("blue", "green", "red"))).Domains.Order());
        Assert.Empty((await ListAsync(TokenFor("red"))).Domains);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(500)]
    public async Task The_pages_of_the_list_have_every_domain_once(int pageSize)
    {
        foreach (var (token, expected) in ((string, string[])[])[(TokenOf("Sts.Admin", "Sts.AllGroups"), [.. Blue, .. Green]), (TokenFor("blue"), Blue)])
        {
            var all = new List<string>();
            for (string? continuation = ""; continuation is not null;)
            {
                var (domains, next) = await ListAsync(token, $"?pageSize={pageSize}{(continuation.Length > 0 ? $"&continuation={continuation}" : "")}");
                Assert.InRange(domains.Count, 1, pageSize);
                all.AddRange(domains);
                continuation = next;
            }

            Assert.Equal(expected, all.Order());
        }
    }

    [Fact]
    public async Task A_page_can_begin_after_a_removed_domain_and_after_one_of_another_group()
    {
        var all = (await ListAsync(TokenOf("Sts.Reader", "Sts.AllGroups"))).Domains;
        foreach (var domain in all)
        {
            var continuation = System.Buffers.Text.Base64Url.EncodeToString(System.Text.Encoding.UTF8.GetBytes(domain));

            var (rest, _) = await ListAsync(TokenFor("blue"), $"?continuation={continuation}");

            Assert.Equal(all.SkipWhile(d => d != domain).Skip(1).Where(Blue.Contains), rest);
        }
    }

    [Theory]
    [InlineData("pageSize=0")]
    [InlineData("pageSize=501")]
    [InlineData("pageSize=-1")]
    [InlineData("pageSize=ten")]
    [InlineData("pageSize=")]
    [InlineData("pageSize=1&pageSize=2")]
    [InlineData("continuation=")]
    [InlineData("continuation=a.example")]
    [InlineData("continuation=%F0%9F%A6%86")]
    [InlineData("continuation=____")]
    [InlineData("continuation=YS5leGFtcGxl&continuation=YS5leGFtcGxl")]
    public async Task A_wrong_query_is_400_and_says_what_is_allowed(string query)
    {
        var answer = await GetAsync($"/api/domains?{query}", TokenFor("blue"));

        Assert.Equal(400, answer.Status);
        Assert.Contains(query.Split('=')[0], ProblemOf(answer).GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_domain_of_another_group_looks_exactly_like_one_that_is_not_hosted()
    {
        var token = TokenFor("blue");

        var unhosted = await GetAsync("/api/domains/unhosted.example", token);

        Assert.Equal(404, unhosted.Status);
        Assert.Equal("a.example", JsonOf(await GetAsync("/api/domains/a.example", token)).GetProperty("domain").GetString());
        foreach (var name in (string[])["f.example", "G.EXAMPLE", Gone, "no%20domain", "-", "@operator", "a.example%2Ff.example"])
        {
            var answer = await GetAsync($"/api/domains/{name}", token);
            Assert.Equal(unhosted.Status, answer.Status);
            Assert.Equal(unhosted.Text, answer.Text);
            Assert.Equal(unhosted.Headers.Where(h => h.Key != "Date"), answer.Headers.Where(h => h.Key != "Date"));
        }
    }

    [Fact]
    public async Task A_domain_is_shown_with_its_policies_findings_pending_notifications_and_thirty_days()
    {
        var domain = DomainName.Parse("a.example");
        var opened = new DateTimeOffset(2026, 3, 14, 9, 0, 0, TimeSpan.Zero);
        var partition = await hosted.Storage.Domains.ReadAsync(Keys.Domain(domain), Cancellation);
        var finding = new Finding("mx.policy.mismatch", Severity.Critical, "mx2.example", "it is <not> there", "It matters.", "Cover it.", "RFC 8461 §4.1");
        await hosted.Storage.Recorder.RecordAsync(
            partition, FindingSource.Checks, "1", opened, [finding with { Code = "mx.note", Severity = Severity.Info }, finding], new HashSet<string>(), partition.Record! with { LastCheckAt = opened, CheckRun = new CheckRunState("1", 1) { MxObserved = true } }, Cancellation);
        hosted.Storage.Time.Advance(TimeSpan.FromDays(1));
        await hosted.Storage.Publisher.PublishAsync(domain, Policy with { MaxAge = 90000 }, "blue", Cancellation);
        foreach (var days in (int[])[-30, -29, 0, 2])
        {
            var start = new DateTimeOffset(DateTime.UtcNow.Date.AddDays(days), TimeSpan.Zero);
            await hosted.Storage.Reports.StoreAsync(
                new Report(domain.Value, "Sender", $"{days}", start, start.AddDays(1), "sts", 10, 1, ReportSource.Mail, AuthenticationResult.Aligned, start, $"{days}", "blob"), [], Cancellation);
        }

        var answer = await GetAsync("/api/domains/A.example", TokenFor("blue"));

        Assert.Equal((200, "application/json", "no-store", "nosniff"), (answer.Status, answer.Headers["Content-Type"], answer.Headers["Cache-Control"], answer.Headers["X-Content-Type-Options"]));
        var shown = JsonOf(answer);
        Assert.Equal(("a.example", "blue", "testing"), (Text(shown, "domain"), Text(shown, "group"), Text(shown, "mode")));
        Assert.Equal(opened, shown.GetProperty("lastCheckAt").GetDateTimeOffset());
        var policies = shown.GetProperty("policies").EnumerateArray().ToList();
        Assert.Equal(["version: STSv1\r\nmode: testing\r\nmx: mx.example\r\nmax_age: 90000\r\n", "version: STSv1\r\nmode: testing\r\nmx: mx.example\r\nmax_age: 86400\r\n"], policies.Select(policy => Text(policy, "text")));
        Assert.Equal([Text(shown, "policyId"), partition.Record!.PolicyId], policies.Select(policy => Text(policy, "id")));
        Assert.Equal([JsonValueKind.Null, JsonValueKind.String], policies.Select(policy => policy.GetProperty("replacedAt").ValueKind));
        var findings = shown.GetProperty("findings").EnumerateArray().ToList();
        Assert.Equal(["mx.policy.mismatch", "mx.note"], findings.Select(f => Text(f, "code")));
        Assert.Equal(("critical", "mx2.example", "it is <not> there", "Cover it."), (Text(findings[0], "severity"), Text(findings[0], "subject"), Text(findings[0], "evidence"), Text(findings[0], "remedy")));
        Assert.All(shown.GetProperty("pendingNotifications").EnumerateArray(), warning => Assert.Equal("opened", Text(warning, "change")));
        Assert.Equal(2, shown.GetProperty("pendingNotifications").GetArrayLength());
        Assert.Equal(
            [DateTime.UtcNow.AddDays(-29).ToString("yyyy-MM-dd", null), DateTime.UtcNow.ToString("yyyy-MM-dd", null)],
            shown.GetProperty("days").EnumerateArray().Select(day => Text(day, "day")));
    }

    [Theory]
    [MemberData(nameof(Operations))]
    public async Task A_caller_without_a_token_is_401_at_every_operation(string method, string path)
    {
        var answer = await hosted.Handler.AskAsync(method, path, RunningApp.AppHost, "Content-Length: 0");

        Assert.Equal((401, "Bearer realm=\"api\""), (answer.Status, answer.Headers["WWW-Authenticate"]));
        if (method != "HEAD")
        {
            Assert.Equal("Unauthorized", Text(ProblemOf(answer), "title"));
        }
    }

    public static TheoryData<string, string> Operations()
    {
        var operations = new TheoryData<string, string>();
        foreach (var trigger in RunningApp.Functions.Select(function => function.Trigger).OfType<HttpTriggerAttribute>().Where(trigger => trigger.Route!.StartsWith("api/", StringComparison.Ordinal)))
        {
            foreach (var method in trigger.Methods!)
            {
                operations.Add(method.ToUpperInvariant(), "/" + trigger.Route!.Replace("{domain}", "a.example", StringComparison.Ordinal).Replace("{id}", "1", StringComparison.Ordinal));
            }
        }

        return operations;
    }

    [Theory]
    [InlineData("GET", "/api", 404)]
    [InlineData("GET", "/api/nothing", 404)]
    [InlineData("POST", "/api/domains/a.example/more", 404)]
    [InlineData("DELETE", "/api/domains", 404)]
    [InlineData("PATCH", "/api/domains/unhosted.example", 404)]
    [InlineData("GET", "/api/domains/", 200)]
    [InlineData("GET", "/API/domains", 200)]
    public async Task An_unknown_operation_is_404(string method, string path, int status)
    {
        var answer = await hosted.Handler.AskAsync(method, path, RunningApp.AppHost, "Content-Length: 0", $"Authorization: Bearer {TokenFor("blue")}");

        Assert.Equal(status, answer.Status);
    }

    [Fact]
    public async Task HEAD_is_GET_without_the_body()
    {
        var get = await GetAsync("/api/domains", TokenFor("blue"));
        var head = await hosted.Handler.AskAsync("HEAD", "/api/domains", RunningApp.AppHost, $"Authorization: Bearer {TokenFor("blue")}");

        Assert.Equal(get.Headers.Where(h => h.Key != "Date"), head.Headers.Where(h => h.Key != "Date"));
        Assert.Empty(head.Body);
    }

    [Theory]
    [InlineData("/api/domains")]
    [InlineData("/api/domains/a.example")]
    public async Task An_agent_reads_no_domains(string path)
    {
        var answer = await GetAsync(path, TokenOf("Sts.Agent", "Sts.AllGroups"));

        Assert.Equal(403, answer.Status);
        Assert.Contains("error=\"insufficient_scope\"", answer.Headers["WWW-Authenticate"], StringComparison.Ordinal);
        Assert.DoesNotContain("example", answer.Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/api/domains")]
    [InlineData("/api/domains/a.example")]
    public async Task A_token_that_names_no_group_is_403_and_says_so(string path)
    {
        var answer = await GetAsync(path, TokenOf("Sts.Admin"));

        Assert.Equal(403, answer.Status);
        Assert.Contains("group", Text(ProblemOf(answer), "detail"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("access_token")]
    [InlineData("token")]
    public async Task A_token_in_the_query_is_ignored(string name)
    {
        var answer = await hosted.Handler.AskAsync("GET", $"/api/domains?{name}={TokenFor("blue")}", RunningApp.AppHost);

        Assert.Equal((401, "Bearer realm=\"api\""), (answer.Status, answer.Headers["WWW-Authenticate"]));
    }

    [Fact]
    public async Task The_list_is_empty_and_no_domain_is_hosted_before_one_was_added()
    {
        await using var handler = await hosted.StartAsync(await azurite.OwnAccountAsync());

        var list = await handler.AskAsync("GET", "/api/domains", RunningApp.AppHost, $"Authorization: Bearer {TokenFor("blue")}");
        var one = await handler.AskAsync("GET", "/api/domains/a.example", RunningApp.AppHost, $"Authorization: Bearer {TokenFor("blue")}");

        Assert.Equal((200, "{\"domains\":[],\"continuation\":null}", 404), (list.Status, list.Text, one.Status));
    }

    [Fact]
    public async Task The_answer_is_503_without_details_while_storage_is_down()
    {
        const string away = "DefaultEndpointsProtocol=http;AccountName=away;AccountKey=YXdheQ==;TableEndpoint=http://127.0.0.1:9/away;BlobEndpoint=http://127.0.0.1:9/away;QueueEndpoint=http://127.0.0.1:9/away";
        await using var handler = await hosted.StartAsync(away);

        var answer = await handler.AskAsync("GET", "/api/domains", RunningApp.AppHost, $"Authorization: Bearer {TokenFor("blue")}");

        Assert.Equal((503, "10"), (answer.Status, answer.Headers["Retry-After"]));
        Assert.DoesNotContain("127.0.0.1", answer.Text, StringComparison.Ordinal);
        Assert.Contains(handler.Log.Lines, line => line.Category == typeof(ProblemDetailsMiddleware).FullName);
    }

    [Fact]
    public async Task An_internal_error_is_problem_JSON_and_not_a_page()
    {
        await using var handler = await hosted.StartAsync(hosted.Storage.ConnectionString, services => services.AddSingleton(new AuthorizedDomains(null!, null!, null!, null!)));

        var answer = await handler.AskAsync("GET", "/api/domains/a.example", RunningApp.AppHost, $"Authorization: Bearer {TokenFor("blue")}");

        Assert.Equal((500, "application/problem+json"), (answer.Status, answer.Headers["Content-Type"]));
        Assert.DoesNotContain("NullReference", answer.Text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Policies_and_reports_need_no_authentication()
    {
        var (made, requests) = (0, hosted.Issuer.DiscoveryRequests);
        await using var handler = await hosted.StartAsync(hosted.Storage.ConnectionString, services => services.AddSingleton<BearerTokens>(_ =>
        {
            made++;
            throw new InvalidOperationException("The tripwire.");
        }));
        const string report = """{"organization-name":"x","date-range":{"start-datetime":"2026-01-01T00:00:00Z","end-datetime":"2026-01-01T23:59:59Z"},"report-id":"1","policies":[]}""";

        var policy = await handler.AskAsync("GET", "/.well-known/mta-sts.txt", "mta-sts.a.example", "Authorization: Bearer garbage");
        var posted = await handler.SendAsync(
            $"POST /v1/tlsrpt HTTP/1.1\nHost: 127.0.0.1\nX-Forwarded-Host: {RunningApp.AppHost}\nAuthorization: Bearer garbage\nContent-Length: {report.Length}", System.Text.Encoding.ASCII.GetBytes(report));
        await handler.RunTimerAsync("SendPendingNotifications");

        Assert.Equal(200, policy.Status);
        Assert.Contains(posted.Status, (int[])[201, 400, 403]);
        Assert.Equal((0, requests), (made, hosted.Issuer.DiscoveryRequests));

        // And the trap works: the API runs into it.
        Assert.Equal(500, (await handler.AskAsync("GET", "/api/domains", RunningApp.AppHost)).Status);
        Assert.Equal(1, made);
    }

    private string TokenFor(params string[] groups) => hosted.Issuer.Issue(new TokenSpec { Roles = ["Sts.Reader"], Groups = groups });

    private string TokenOf(params string[] roles) => hosted.Issuer.Issue(new TokenSpec { Roles = roles });

    private Task<RawAnswer> GetAsync(string path, string token) => hosted.Handler.AskAsync("GET", path, RunningApp.AppHost, $"Authorization: Bearer {token}");

    private async Task<(IReadOnlyList<string> Domains, string? Continuation)> ListAsync(string token, string query = "")
    {
        var answer = await GetAsync($"/api/domains{query}", token);
        Assert.Equal(200, answer.Status);
        var list = JsonOf(answer);
        return ([.. list.GetProperty("domains").EnumerateArray().Select(line => Text(line, "domain")!)], list.GetProperty("continuation").GetString());
    }

    private static JsonElement ProblemOf(RawAnswer answer)
    {
        Assert.Equal(("application/problem+json", "no-store", "nosniff"), (answer.Headers["Content-Type"], answer.Headers["Cache-Control"], answer.Headers["X-Content-Type-Options"]));
        var problem = JsonOf(answer);
        Assert.Equal(answer.Status, problem.GetProperty("status").GetInt32());
        Assert.Equal("about:blank", Text(problem, "type"));
        return problem;
    }

    private static JsonElement JsonOf(RawAnswer answer) => JsonDocument.Parse(answer.Body).RootElement;

    private static string? Text(JsonElement json, string name) => json.GetProperty(name).GetString();

    /// <summary>Domains of two groups, and one of the first that was removed.</summary>
    public sealed class HostedDomain(AzuriteFixture azurite) : IAsyncLifetime
    {
        internal TestStorage Storage { get; private set; } = null!;

        internal TokenIssuer Issuer { get; private set; } = null!;

        internal RunningApp Handler { get; private set; } = null!;

        public async ValueTask InitializeAsync()
        {
            Issuer = await TokenIssuer.StartAsync(TimeProvider.System, Cancellation);
            Storage = await TestStorage.CreateAsync(azurite);
            foreach (var (domain, group) in Blue.Append(Gone).Select(d => (d, "blue")).Concat(Green.Select(d => (d, "green"))))
            {
                await Storage.Publisher.PublishAsync(DomainName.Parse(domain), Policy, group, Cancellation);
            }

            await Storage.Publisher.RemoveAsync(DomainName.Parse(Gone), force: true, Cancellation);
            Handler = await StartAsync(Storage.ConnectionString);
        }

        public async ValueTask DisposeAsync()
        {
            await Handler.DisposeAsync();
            await Issuer.DisposeAsync();
        }

        internal Task<RunningApp> StartAsync(string connectionString, Action<IServiceCollection>? services = null) =>
            RunningApp.StartAsync(connectionString, services: services, more: [.. Issuer.Settings.Select(setting => (setting.Key, setting.Value))]);
    }
}
