using System.Net;
using System.Net.Http.Headers;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>Policies through the whole of the published app.</summary>
public sealed class ServingTests(ServingTests.HostedDomain running) : IClassFixture<ServingTests.HostedDomain>
{
    private const string Path = "/.well-known/mta-sts.txt";
    private const string Policy = "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.com\r\nmx: mx2.example.com\r\nmax_age: 604800\r\n";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "GET-1")]
    [Trait("Conformance", "GET-2")]
    [Trait("Conformance", "GET-4")]
    public async Task A_policy_is_plain_text_that_every_cache_must_revalidate()
    {
        using var answer = await running.System.Client.GetAsync(running.System.Https("mta-sts.example.com", Path), Cancellation);
        Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        Assert.Equal("text/plain; charset=utf-8", answer.Content.Headers.ContentType!.ToString());
        Assert.Equal("no-cache", answer.Headers.CacheControl!.ToString());
        Assert.False(answer.Headers.ETag!.IsWeak);
        Assert.Equal(Policy, await answer.Content.ReadAsStringAsync(Cancellation));
    }

    [Fact]
    [Trait("Conformance", "GET-1")]
    public async Task HEAD_gives_the_same_headers_and_an_unchanged_policy_is_304()
    {
        using var head = await SendAsync(HttpMethod.Head, "mta-sts.example.com");
        Assert.Equal(HttpStatusCode.OK, head.StatusCode);
        Assert.Equal(Policy.Length, head.Content.Headers.ContentLength);
        using var again = await SendAsync(HttpMethod.Get, "mta-sts.example.com", ifNoneMatch: head.Headers.ETag);
        Assert.Equal(HttpStatusCode.NotModified, again.StatusCode);
        Assert.Equal(head.Headers.ETag, again.Headers.ETag);
    }

    [Theory]
    [InlineData("mta-sts.example.com", Path, 200)]
    [InlineData("MTA-STS.Example.COM", Path, 200)]
    [InlineData("mta-sts.example.com.", Path, 200)]
    [InlineData("mta-sts.xn--bcher-kva.example", Path, 200)]
    [InlineData("mta-sts.example.com:8443", Path, 200)]
    [InlineData("mta-sts.unhosted.example", Path, 404)]
    [InlineData("mta-sts.", Path, 404)]
    [InlineData("mta-sts", Path, 404)]
    [InlineData("example.com", Path, 404)]
    [InlineData("[2001:db8::1]", Path, 404)]
    [InlineData("192.0.2.1", Path, 404)]
    [InlineData("mta-sts.192.0.2.1", Path, 404)]
    [InlineData("mta-sts.example.com", "/", 204)]
    [InlineData("mta-sts.example.com", "/v1/tlsrpt", 404)]
    [InlineData("mta-sts.example.com", "/CheckDomain", 404)]
    [InlineData("mta-sts.example.com", "/.well-known/mta-sts.txt.bak", 404)]
    [Trait("Conformance", "GET-7")]
    public async Task A_host_gets_its_own_policy_or_404(string host, string path, int status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"{running.System.Host.HttpAddress.GetLeftPart(UriPartial.Authority)}{path}");
        request.Headers.TryAddWithoutValidation("Host", host);
        using var answer = await running.System.Client.SendAsync(request, Cancellation);
        Assert.Equal(status, (int)answer.StatusCode);
        var body = await answer.Content.ReadAsStringAsync(Cancellation);
        Assert.Equal(status == 200 ? Policy : "", body);
    }

    [Theory]
    [InlineData("")]
    [InlineData("mta-sts.xn--0.example")]
    [InlineData("mta-sts..example.com")]
    [Trait("Conformance", "GET-7")]
    public async Task An_invalid_Host_is_refused_by_the_host_or_the_app_and_is_not_echoed(string host)
    {
        using var answer = await SendAsync(HttpMethod.Get, host);
        Assert.InRange((int)answer.StatusCode, 400, 599);
        Assert.Equal("", await answer.Content.ReadAsStringAsync(Cancellation));
    }

    [Theory]
    [InlineData("mta-sts.example.com", HttpStatusCode.OK)]
    [InlineData("mta-sts.xn--bcher-kva.example", HttpStatusCode.OK)]
    [InlineData("mta-sts.unhosted.example", HttpStatusCode.NotFound)]
    public async Task The_app_receives_the_host_name_as_the_client_sent_it(string host, HttpStatusCode status)
    {
        using var answer = await SendAsync(HttpMethod.Get, host);
        Assert.Equal(status, answer.StatusCode);
    }

    [Theory]
    [InlineData("mta-sts.example.com", "mta-sts.unhosted.example", HttpStatusCode.OK)]
    [InlineData("mta-sts.unhosted.example", "mta-sts.example.com", HttpStatusCode.NotFound)]
    public async Task An_X_Forwarded_Host_of_the_client_changes_nothing(string host, string forwardedHost, HttpStatusCode status)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, new Uri(running.System.Host.HttpAddress, Path));
        request.Headers.Host = host;
        request.Headers.Add("X-Forwarded-Host", forwardedHost);
        using var answer = await running.System.Client.SendAsync(request, Cancellation);
        Assert.Equal(status, answer.StatusCode);
    }

    [Theory]
    [InlineData("/.WELL-KNOWN/MTA-STS.TXT")]
    [InlineData("/.well-known/mta-sts.txt/")]
    [Trait("Conformance", "GET-2")]
    public async Task An_unusual_form_of_the_path_is_never_redirected(string path)
    {
        using var answer = await SendAsync(HttpMethod.Get, "mta-sts.example.com", path);
        Assert.Contains((int)answer.StatusCode, (int[])[200, 404]);
    }

    [Fact]
    [Trait("Conformance", "GET-7")]
    public async Task A_host_name_of_300_characters_is_404()
    {
        using var answer = await SendAsync(HttpMethod.Get, "mta-sts." + string.Join('.', Enumerable.Repeat(new string('a', 50), 6)));
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
    }

    [Fact]
    [Trait("Conformance", "GET-6")]
    public async Task A_published_change_is_served_within_a_minute_under_a_new_id()
    {
        var domain = new LabDomain("changing.example", "All is well.") { Mx = [new LabMx("mx.changing.example")] };
        await running.System.AddAsync(domain, Cancellation);
        var url = running.System.Https("mta-sts.changing.example", Path);
        Assert.Contains("mode: enforce", await running.System.Client.GetStringAsync(url, Cancellation), StringComparison.Ordinal);
        var before = (await running.ShowAsync(domain.Name)).GetProperty("record").GetProperty("policyId").GetString();

        var id = await running.System.PublishAsync(domain.Name, domain.Policy.Replace("enforce", "testing", StringComparison.Ordinal), Cancellation);
        Assert.True(string.CompareOrdinal(id, before) > 0);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        limit.CancelAfter(TimeSpan.FromMinutes(1));
        while (!(await running.System.Client.GetStringAsync(url, limit.Token)).Contains("mode: testing", StringComparison.Ordinal))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(100), limit.Token);
        }

        // The same policy again is no change, and gets no new id.
        Assert.Equal(id, await running.System.PublishAsync(domain.Name, domain.Policy.Replace("enforce", "testing", StringComparison.Ordinal), Cancellation));
    }

    private async Task<HttpResponseMessage> SendAsync(HttpMethod method, string host, string path = Path, EntityTagHeaderValue? ifNoneMatch = null)
    {
        using var request = new HttpRequestMessage(method, new Uri(running.System.Host.HttpAddress, path));
        request.Headers.TryAddWithoutValidation("Host", host);
        if (ifNoneMatch is not null)
        {
            request.Headers.IfNoneMatch.Add(ifNoneMatch);
        }

        return await running.System.Client.SendAsync(request, Cancellation);
    }

    /// <summary>With two domains hosted, and a cache of a second so that a change need not be waited for.</summary>
    public sealed class HostedDomain(AppUnderTest app) : RunningSystem(app), IAsyncLifetime
    {
        protected override LocalSystemOptions Options => new() { Settings = new Dictionary<string, string> { ["Sts__CacheTime"] = "00:00:01" } };

        public new async ValueTask InitializeAsync()
        {
            await base.InitializeAsync();
            await System.AddAsync(LabDomains.Get("example.com"), Cancellation);
            await System.PublishAsync("bücher.example", LabDomains.Get("example.com").Policy, Cancellation);
        }
    }
}
