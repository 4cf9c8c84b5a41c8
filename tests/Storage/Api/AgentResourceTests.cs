using System.Net;
using System.Text;
using System.Text.Json;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Probes;
using StsFunctions.Local.Tokens;
using StsFunctions.Storage.Probes;
using StsFunctions.Tests.Hosting;
using StsFunctions.Tests.Probes;
using StsFunctions.UseCases.Probes;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Api;

/// <summary><c>api/agent</c> over the wire: who is authorized, and what is accepted.</summary>
public sealed class AgentResourceTests(ApiTests.HostedDomain hosted, AzuriteFixture azurite) : IClassFixture<ApiTests.HostedDomain>
{
    private const string Application = "04b07795-8ddb-461a-bbee-02f9e1bf7b46";
    private static readonly IPAddress Address = IPAddress.Parse("192.0.2.25");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/api/agent/work", "Sts.Reader")]
    [InlineData("/api/agent/work", "Sts.Admin")]
    [InlineData("/api/agent/results", "Sts.Reader")]
    [InlineData("/api/agent/results", "Sts.Admin")]
    public async Task Only_an_agent_gets_probe_tasks_and_submits_results(string path, string role)
    {
        var answer = await PostAsync(path, Token(role, "Sts.AllGroups"));

        Assert.Equal(403, answer.Status);
        Assert.Contains("error=\"insufficient_scope\"", answer.Headers["WWW-Authenticate"], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "/api/agent/work", 404)]
    [InlineData("PUT", "/api/agent/results", 404)]
    [InlineData("POST", "/api/agent", 404)]
    [InlineData("POST", "/api/agent/results/more", 404)]
    public async Task Both_paths_accept_POST_only_and_there_is_no_other(string method, string path, int status)
    {
        var answer = await hosted.Handler.AskAsync(method, path, RunningApp.AppHost, "Content-Length: 0", $"Authorization: Bearer {Token("Sts.Agent")}");

        Assert.Equal(status, answer.Status);
    }

    [Fact]
    public async Task A_probe_task_is_dispatched_with_a_nonce_and_its_result_is_stored_once_under_the_application_id()
    {
        var host = await AskAsync();

        var (status, work) = await WorkAsync("tokyo");
        var task = Assert.Single(work, task => task.Host == host);
        Assert.Equal((200, Address.ToString(), 32, 120), (status, task.Address, task.Nonce.Length, task.Seconds));
        var result = ResultOf(task);

        Assert.Equal(409, (await PostAsync("/api/agent/results?name=other", Token("Sts.Agent"), result)).Status);
        Assert.Equal(409, (await PostAsync("/api/agent/results", Token("Sts.Agent"), result)).Status);
        var taken = await PostAsync("/api/agent/results?name=tokyo", Token("Sts.Agent"), result);
        Assert.Equal((204, ""), (taken.Status, taken.Text));
        var again = await PostAsync("/api/agent/results?name=tokyo", Token("Sts.Agent"), result);

        Assert.Equal((409, "application/problem+json"), (again.Status, again.Headers["Content-Type"]));
        var stored = Assert.IsType<MxClaim.Probed>(await hosted.Handler.Service<MxHostStore>().ClaimAsync(host, Address, "1", TimeSpan.FromMinutes(1), null, Cancellation));
        Assert.Equal($"tokyo ({Application})", MxProbeResult.FromJson(stored.Content)!.Agent);
    }

    [Fact]
    public async Task Another_app_registration_is_another_agent_whatever_its_name()
    {
        var host = await AskAsync();
        var task = Assert.Single((await WorkAsync("tokyo")).Tasks, task => task.Host == host);
        var otherToken = hosted.Issuer.Issue(new TokenSpec { Roles = ["Sts.Agent"] }.With("azp", "5f0c4b7e-0000-4000-8000-00000000000f"));

        Assert.Equal(409, (await PostAsync("/api/agent/results?name=tokyo", otherToken, ResultOf(task))).Status);
        Assert.Equal(204, (await PostAsync("/api/agent/results?name=tokyo", Token("Sts.Agent"), ResultOf(task))).Status);
    }

    [Fact]
    public async Task A_result_that_is_too_large_is_413_with_and_without_a_Content_Length()
    {
        var large = new byte[ProbeResultReader.MaxBytes + 1];
        large.AsSpan().Fill((byte)' ');

        var said = await PostAsync("/api/agent/results", Token("Sts.Agent"), large);
        var chunked = await hosted.Handler.SendAsync(
            $"POST /api/agent/results HTTP/1.1\nHost: 127.0.0.1\nX-Forwarded-Host: {RunningApp.AppHost}\nAuthorization: Bearer {Token("Sts.Agent")}\nTransfer-Encoding: chunked", large);

        Assert.Equal((413, 413), (said.Status, chunked.Status));
        Assert.Equal(400, (await PostAsync("/api/agent/results", Token("Sts.Agent"), large.AsMemory(0, ProbeResultReader.MaxBytes))).Status);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("{\"host\":1}")]
    [InlineData("{\"host\":\"mx\",\"address\":\"mx\",\"nonce\":\"x\",\"attempt\":{\"session\":{\"address\":\"mx\",\"outcome\":\"Turned\"},\"narrow\":[]}}")]
    public async Task A_body_that_is_not_a_result_is_400(string json) =>
        Assert.Equal(400, (await PostAsync("/api/agent/results", Token("Sts.Agent"), Encoding.UTF8.GetBytes(json))).Status);

    [Theory]
    [InlineData("")]
    [InlineData("a%20b")]
    [InlineData("-a")]
    [InlineData("a%0Ab")]
    [InlineData("a&name=b")]
    [InlineData("%3Cscript%3E")]
    [InlineData("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa")]
    public async Task An_invalid_name_is_400(string name) =>
        Assert.Equal(400, (await PostAsync($"/api/agent/work?name={name}", Token("Sts.Agent"))).Status);

    [Fact]
    public async Task There_are_no_tasks_before_a_domain_was_added()
    {
        await using var handler = await hosted.StartAsync(await azurite.OwnAccountAsync());

        var answer = await handler.AskAsync("POST", "/api/agent/work", RunningApp.AppHost, "Content-Length: 0", $"Authorization: Bearer {Token("Sts.Agent")}");

        Assert.Equal((200, "{\"tasks\":[]}"), (answer.Status, answer.Text));
    }

    private async Task<string> AskAsync()
    {
        var host = $"mx.{Guid.NewGuid():n}.example";
        await hosted.Handler.Service<ProbeTaskStore>().RequestAsync(host, Address, "1", "a.example", Cancellation);
        return host;
    }

    private async Task<(int Status, IReadOnlyList<ProbeTaskJson> Tasks)> WorkAsync(string name)
    {
        var answer = await PostAsync($"/api/agent/work?name={name}", Token("Sts.Agent"));
        return (answer.Status, JsonSerializer.Deserialize(answer.Body, AgentJson.Default.ProbeTasksJson)!.Tasks);
    }

    private static byte[] ResultOf(ProbeTaskJson task) => AgentFixture.Json(task, new MxProbeResult(new SmtpSession(task.Address, SmtpOutcome.Rejected, Banner: "554 no"), []));

    private string Token(params string[] roles) => hosted.Issuer.Issue(new TokenSpec { Roles = roles });

    private Task<RawAnswer> PostAsync(string path, string token, ReadOnlyMemory<byte> body = default) => hosted.Handler.SendAsync(
        $"POST {path} HTTP/1.1\nHost: 127.0.0.1\nX-Forwarded-Host: {RunningApp.AppHost}\nAuthorization: Bearer {token}\nContent-Length: {body.Length}", body);
}
