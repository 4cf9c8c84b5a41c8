using System.Net;
using System.Net.Http.Headers;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Local.Tokens;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>The token issuer goes down, hangs or changes its key: only the API is affected, and it says so.</summary>
public sealed class IssuerTests(AppUnderTest app, RunningSystem running) : IClassFixture<RunningSystem>
{
    // Far more than the app waits for an issuer, and far less than forever.
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_issuer_that_hangs_stops_neither_policies_nor_reports_and_the_API_is_503_until_a_new_key_is_fetched()
    {
        running.System.Issuer.Behaviour = IssuerBehaviour.Hangs;
        await AssertServesAsync(running.System);
        Assert.Equal(0, running.System.Issuer.DiscoveryRequests);

        using (var hanging = await AskAsync(running.System.Token("Sts.Reader")))
        {
            Assert.Equal(HttpStatusCode.ServiceUnavailable, hanging.StatusCode);
            Assert.Equal(TimeSpan.FromSeconds(10), hanging.Headers.RetryAfter!.Delta);
            Assert.Equal("application/problem+json", hanging.Content.Headers.ContentType!.ToString());
        }

        await AssertServesAsync(running.System);
        running.System.Issuer.Behaviour = IssuerBehaviour.Answers;
        var before = running.System.Token("Sts.Reader");
        await UntilAsync(before, HttpStatusCode.OK);

        running.System.Issuer.Rotate();
        await UntilAsync(running.System.Token("Sts.Reader"), HttpStatusCode.OK);
        await UntilAsync(before, HttpStatusCode.Unauthorized);

        // Invented key ids do not make the app send requests without end.
        var requests = running.System.Issuer.DiscoveryRequests;
        for (var i = 0; i < 50; i++)
        {
            using var answer = await AskAsync(running.System.Issuer.Issue(new TokenSpec { Roles = ["Sts.Admin"], Signature = TokenSignature.UnknownKey }));
            Assert.Equal(HttpStatusCode.Unauthorized, answer.StatusCode);
        }

        Assert.InRange(running.System.Issuer.DiscoveryRequests - requests, 0, 10);
    }

    [Theory]
    [InlineData("Sts__Lab__Authority", "http://127.0.0.1:9/", HttpStatusCode.ServiceUnavailable)]
    [InlineData("Sts__Auth__Tenant", "00000000-0000-4000-8000-000000000000", HttpStatusCode.ServiceUnavailable)]
    [InlineData("Sts__Auth__Audience", "api://somebody-else", HttpStatusCode.Unauthorized)]
    [InlineData("Sts__Auth__", "", HttpStatusCode.Unauthorized)]
    public async Task Missing_or_wrong_issuer_settings_stop_neither_policies_nor_reports_and_nobody_is_authorized(string name, string value, HttpStatusCode status)
    {
        string[] settings = name.EndsWith('_') ? ["Sts__Auth__Tenant", "Sts__Auth__Audience", "Sts__Auth__GroupClaim"] : [name];
        await using var system = await LocalSystem.StartAsync(
            new LocalSystemOptions { AppRoot = app.Folder, CommandRoot = app.CommandFolder, Settings = settings.ToDictionary(setting => setting, _ => value) }, Cancellation);

        await AssertServesAsync(system);
        using var answer = await system.AskApiAsync("/api/domains", system.Token("Sts.Admin"), Cancellation);

        Assert.Equal(status, answer.StatusCode);
        Assert.Equal("application/problem+json", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal(status == HttpStatusCode.Unauthorized, answer.Headers.WwwAuthenticate.Count == 1);
        await AssertServesAsync(system);
    }

    private async Task UntilAsync(string token, HttpStatusCode status)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(Limit);
        while (true)
        {
            using var answer = await running.System.AskApiAsync("/api/domains", token, limit.Token);
            if (answer.StatusCode == status)
            {
                return;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(200), limit.Token);
        }
    }

    private async Task<HttpResponseMessage> AskAsync(string token)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(Limit);
        return await running.System.AskApiAsync("/api/domains", token, limit.Token);
    }

    // With a token whose validation would have to wait for the issuer.
    private static async Task AssertServesAsync(LocalSystem system)
    {
        if (!system.MailLab.Domains.Any(domain => domain.Name == "example.com"))
        {
            await system.AddAsync(LabDomains.Get("example.com"), Cancellation);
        }

        using var get = new HttpRequestMessage(HttpMethod.Get, system.Https("mta-sts.example.com", "/.well-known/mta-sts.txt"));
        get.Headers.Authorization = new AuthenticationHeaderValue("Bearer", system.Token("Sts.Admin"));
        using var policy = await system.Client.SendAsync(get, Cancellation);
        Assert.Equal(HttpStatusCode.OK, policy.StatusCode);

        using var post = new HttpRequestMessage(HttpMethod.Post, system.Https(LocalSystem.AppHost, "/v1/tlsrpt"))
        {
            Content = new ByteArrayContent(new SampleReport("Delta Mail", "example.com", DateOnly.FromDateTime(DateTime.UtcNow).AddDays(-1), 41).ToGzip()),
        };
        post.Content.Headers.ContentType = new MediaTypeHeaderValue("application/tlsrpt+gzip");
        post.Headers.Authorization = new AuthenticationHeaderValue("Bearer", system.Token("Sts.Admin"));
        using var report = await system.Client.SendAsync(post, Cancellation);
        Assert.Equal(HttpStatusCode.Created, report.StatusCode);
    }
}
