using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Local.Tokens;
using StsFunctions.Tests.Api;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>The API through the whole of the published app: who is authorized, and for which domains.</summary>
public sealed class ApiTests(ApiTests.HostedDomain running) : IClassFixture<ApiTests.HostedDomain>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static TheoryData<string> Wrong => [.. TestTokens.Wrong.Keys];

    public static TheoryData<string> Garbage => [.. TestTokens.Garbage.Keys];

    public static TheoryData<string> Nothing => [.. TestTokens.Nothing.Keys];

    public static TheoryData<string> Right => [.. TestTokens.Right.Keys];

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_token_with_one_thing_wrong_is_401(string name)
    {
        using var answer = await AskAsync("/api/domains", $"Bearer {running.System.Issuer.Issue(TestTokens.Wrong[name])}");

        Assert.StartsWith("Bearer realm=\"api\", error=\"invalid_token\", error_description=\"", await ChallengeAsync(answer, 401), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Garbage))]
    public async Task Garbage_is_401(string name)
    {
        using var answer = await AskAsync("/api/domains", TestTokens.Garbage[name]);

        Assert.Contains("error=\"invalid_token\"", await ChallengeAsync(answer, 401), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Nothing))]
    public async Task No_token_is_401_without_an_error(string name)
    {
        using var answer = await AskAsync("/api/domains", TestTokens.Nothing[name]);

        Assert.Equal("Bearer realm=\"api\"", await ChallengeAsync(answer, 401));
    }

    [Fact]
    public async Task A_token_in_the_query_is_ignored()
    {
        using var answer = await AskAsync($"/api/domains?access_token={running.System.Token("Sts.Admin")}", null);

        Assert.Equal("Bearer realm=\"api\"", await ChallengeAsync(answer, 401));
    }

    [Theory]
    [InlineData("Sts.AllGroups")]
    [InlineData("Sts.Agent", "Sts.AllGroups")]
    public async Task A_caller_without_a_reader_role_reads_no_domain(params string[] roles)
    {
        var token = running.System.Issuer.Issue(new TokenSpec { Roles = roles });
        foreach (var path in (string[])["/api/domains", "/api/domains/example.com", "/api/domains/unhosted.example"])
        {
            using var answer = await AskAsync(path, $"Bearer {token}");

            Assert.StartsWith("Bearer realm=\"api\", error=\"insufficient_scope\"", await ChallengeAsync(answer, 403), StringComparison.Ordinal);
        }
    }

    [Theory]
    [MemberData(nameof(Right))]
    public async Task A_good_token_of_either_version_is_accepted(string name)
    {
        using var answer = await AskAsync("/api/domains", $"Bearer {running.System.Issuer.Issue(TestTokens.Right[name])}");

        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
    }

    [Theory]
    [InlineData("Sts.Admin")]
    [InlineData("Sts.Reader")]
    public async Task A_reader_sees_the_domains_of_its_groups_and_no_others(string role)
    {
        Assert.Equal(["example.com", "plain.example"], await ListAsync(running.System.Token(role)));
        Assert.Equal(["example.com"], await ListAsync(running.System.Token(role, "blue")));
        Assert.Equal(["plain.example"], await ListAsync(running.System.Token(role, "green", "red")));
        Assert.Empty(await ListAsync(running.System.Token(role, "red")));
    }

    [Fact]
    public async Task A_domain_is_read_in_full_and_one_of_another_group_looks_like_one_that_is_not_hosted()
    {
        var token = running.System.Token("Sts.Reader", "blue");
        using var own = await running.System.AskApiAsync("/api/domains/example.com", token, Cancellation);
        using var other = await running.System.AskApiAsync("/api/domains/plain.example", token, Cancellation);
        using var unhosted = await running.System.AskApiAsync("/api/domains/unhosted.example", token, Cancellation);

        using var shown = JsonDocument.Parse(await own.Content.ReadAsStringAsync(Cancellation));
        Assert.Equal("no-store", own.Headers.CacheControl!.ToString());
        Assert.Equal("enforce", shown.RootElement.GetProperty("mode").GetString());
        Assert.Equal(LabDomains.Get("example.com").Policy.ReplaceLineEndings("\r\n"), shown.RootElement.GetProperty("policies")[0].GetProperty("text").GetString());
        Assert.Equal(HttpStatusCode.NotFound, unhosted.StatusCode);
        Assert.Equal(await TextAsync(unhosted), await TextAsync(other));
    }

    [Theory]
    [InlineData("GET", "/api/nothing", 404, 404)]
    [InlineData("GET", "/api", 404, 404)]
    [InlineData("DELETE", "/api/domains", 404, 404)]
    [InlineData("PUT", "/api/domains/example.com", 404, 404)]
    [InlineData("HEAD", "/api/domains", 200, 401)]
    public async Task An_unknown_operation_is_404_for_every_caller(string method, string path, int toReaders, int toAnonymous)
    {
        using var reader = await AskAsync(path, $"Bearer {running.System.Token("Sts.Reader")}", method);
        using var anonymous = await AskAsync(path, null, method);

        Assert.Equal((toReaders, toAnonymous), ((int)reader.StatusCode, (int)anonymous.StatusCode));
    }

    [Fact]
    public async Task The_API_is_not_served_on_a_policy_host_even_with_a_token()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, running.System.Https("mta-sts.example.com", "/api/domains"));
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", running.System.Token("Sts.Admin"));
        using var answer = await running.System.Client.SendAsync(request, Cancellation);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Empty(answer.Headers.WwwAuthenticate);
        Assert.Empty(await answer.Content.ReadAsByteArrayAsync(Cancellation));
    }

    [Theory]
    [InlineData(new string[0], "example.com", "plain.example")]
    [InlineData(new[] { "READER", "blue" }, "example.com")]
    [InlineData(new[] { "admin", "green" }, "plain.example")]
    public async Task The_token_of_the_local_runner_opens_the_API_by_the_command_that_it_prints(string[] words, params string[] domains)
    {
        var curl = InteractiveCommands.TokenFor(running.System, words).Text.Split('\n')[^1];
        var match = System.Text.RegularExpressions.Regex.Match(curl, "^curl --cacert (.+) -H '(?:Authorization): (.+)' (https://localhost:[0-9]+(/.+))$");

        Assert.True(match.Success && File.Exists(match.Groups[1].Value), curl);
        Assert.Equal(running.System.Https(LocalSystem.AppHost, "/api/domains").ToString(), match.Groups[3].Value);
        using var answer = await AskAsync(match.Groups[4].Value, match.Groups[2].Value);
        Assert.Equal(domains, await NamesAsync(answer));
    }

    [Fact]
    public void The_local_runner_knows_the_roles_of_the_API() => Assert.Contains("admin, reader or agent", InteractiveCommands.TokenFor(running.System, ["owner"]).Text, StringComparison.Ordinal);

    private Task<HttpResponseMessage> AskAsync(string path, string? authorization, string method = "GET")
    {
        var request = new HttpRequestMessage(new HttpMethod(method), running.System.Https(LocalSystem.AppHost, path));
        if (authorization is not null)
        {
            request.Headers.TryAddWithoutValidation("Authorization", authorization);
        }

        return running.System.Client.SendAsync(request, Cancellation);
    }

    private async Task<IEnumerable<string>> ListAsync(string token)
    {
        using var answer = await running.System.AskApiAsync("/api/domains", token, Cancellation);
        return await NamesAsync(answer);
    }

    private static async Task<IEnumerable<string>> NamesAsync(HttpResponseMessage answer)
    {
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        using var list = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(Cancellation));
        return [.. list.RootElement.GetProperty("domains").EnumerateArray().Select(line => line.GetProperty("domain").GetString()!).Order(StringComparer.Ordinal)];
    }

    // The body says what to do, and contains nothing of the system or of the request.
    private static async Task<string> ChallengeAsync(HttpResponseMessage answer, int status)
    {
        Assert.Equal(status, (int)answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal("no-store", answer.Headers.CacheControl!.ToString());
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        var body = await answer.Content.ReadAsStringAsync(Cancellation);
        using var problem = JsonDocument.Parse(body);
        Assert.Equal(["type", "title", "status", "detail"], problem.RootElement.EnumerateObject().Select(member => member.Name));
        Assert.DoesNotContain("example", body, StringComparison.Ordinal);
        Assert.DoesNotContain("IDX", body, StringComparison.Ordinal);
        return Assert.Single(answer.Headers.GetValues("WWW-Authenticate"));
    }

    private static async Task<string> TextAsync(HttpResponseMessage answer) => string.Join(
        '\n',
        answer.Headers.Concat(answer.Content.Headers).Where(header => header.Key != "Date").Select(header => $"{header.Key}: {string.Join(',', header.Value)}").Order(StringComparer.Ordinal)
            .Append(await answer.Content.ReadAsStringAsync(Cancellation)));

    /// <summary>With one domain each of two groups.</summary>
    public sealed class HostedDomain(AppUnderTest app) : RunningSystem(app), IAsyncLifetime
    {
        public new async ValueTask InitializeAsync()
        {
            await base.InitializeAsync();
            await System.PublishAsync("example.com", LabDomains.Get("example.com").Policy, Cancellation, group: "blue");
            await System.PublishAsync("plain.example", LabDomains.Get("plain.example").Policy, Cancellation, group: "green");
            // The certificate of a policy host is made for the domains of the lab.
            System.MailLab.Add(LabDomains.Get("example.com"));
        }
    }
}
