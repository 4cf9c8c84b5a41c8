using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.Hosting;

/// <summary>Which host names reach which endpoints, over the wire: anything else is 404.</summary>
public sealed class HostFilteringTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private const string Path = "/.well-known/mta-sts.txt";
    private const string Hosted = "mta-sts.hosted.example";
    private static readonly byte[] PolicyFile = "version: STSv1\r\nmode: testing\r\nmx: mx.hosted.example\r\nmax_age: 86400\r\n"u8.ToArray();

    private RunningApp _app = null!;

    public async ValueTask InitializeAsync()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        foreach (var domain in (string[])["hosted.example", "xn--bcher-kva.example", "xn--strae-oqa.example"])
        {
            await storage.Publisher.PublishAsync(DomainName.Parse(domain), Policy.Parse(PolicyFile), null, TestContext.Current.CancellationToken);
        }

        _app = await RunningApp.StartAsync(storage.ConnectionString);
    }

    public ValueTask DisposeAsync() => _app.DisposeAsync();

    [Theory]
    [InlineData(Hosted)]
    [InlineData("MTA-STS.Hosted.EXAMPLE")]
    [InlineData("mta-sts.hosted.example.")]
    [InlineData("mta-sts.hosted.example:443")]
    [InlineData("mta-sts.xn--bcher-kva.example")]
    [InlineData("mta-sts.xn--strae-oqa.example")]
    [InlineData("MTA-STS.XN--BCHER-KVA.EXAMPLE")]
    [Trait("Conformance", "GET-1")]
    public async Task A_policy_host_serves_its_policy_for_every_spelling_of_its_name(string host)
    {
        Assert.Equal(PolicyFile, (await _app.AskAsync("GET", Path, host)).Body);
        Assert.Equal(PolicyFile, (await _app.SendAsync($"GET {Path} HTTP/1.1\nHost: {host}")).Body);
    }

    [Theory]
    [InlineData("/.WELL-KNOWN/MTA-STS.TXT")]
    [InlineData(Path + "/")]
    [InlineData(Path + "?a=1&a=2")]
    [Trait("Conformance", "GET-2")]
    public async Task A_path_that_the_Functions_host_accepts_is_answered_and_never_redirected(string path)
    {
        var answer = await _app.AskAsync("GET", path, Hosted);

        Assert.Equal(200, answer.Status);
        Assert.Equal(PolicyFile, answer.Body);
    }

    [Theory]
    [InlineData("mta-sts.unhosted.example")]
    [InlineData("hosted.example")]
    [InlineData("mta-sts.sub.hosted.example")]
    [InlineData("mta-sts.mta-sts.hosted.example")]
    [InlineData("xmta-sts.hosted.example")]
    [InlineData("mta-sts.hosted.example.attacker.example")]
    [InlineData("mta-sts.hosted.example..")]
    [InlineData("mta-sts.")]
    [InlineData("mta-sts")]
    [InlineData("mta-sts..hosted.example")]
    [InlineData("mta-sts.../policies")]
    [InlineData("mta-sts.xn--a")]
    [InlineData("mta-sts.xn--b\u0001.example")]
    [InlineData("mta-sts.xn--999999999.example")]
    [InlineData("mta-sts.%2e%2e")]
    [InlineData("mta-sts.hosted.example, mta-sts.hosted.example")]
    [InlineData("mta-sts.hosted.example@attacker.example")]
    [InlineData("[2001:db8::1]")]
    [InlineData("[::1]")]
    [InlineData("[::1")]
    [InlineData("::1")]
    [InlineData("127.0.0.1")]
    [InlineData("localhost")]
    [InlineData("192.0.2.1:443")]
    [InlineData(":443")]
    [InlineData("*")]
    [InlineData("mta-sts.b\u00fccher")]
    [InlineData("<script>alert(1)</script>")]
    [Trait("Conformance", "GET-7")]
    public async Task A_name_that_is_not_hosted_is_404_and_the_request_is_not_echoed(string host)
    {
        await AssertNothingThereAsync("GET", Path, host);
        await AssertNothingThereAsync("HEAD", Path, host);
    }

    [Fact]
    [Trait("Conformance", "GET-7")]
    public async Task A_name_that_is_too_long_is_404()
    {
        await AssertNothingThereAsync("GET", Path, "mta-sts." + new string('a', 300));
        await AssertNothingThereAsync("GET", Path, "mta-sts." + string.Concat(Enumerable.Repeat("a.", 150)) + "example");
        await AssertNothingThereAsync("GET", Path, "");
    }

    [Theory]
    [InlineData("GET", "/")]
    [InlineData("GET", "/CheckDomain")]
    [InlineData("POST", "/CheckDomain")]
    [InlineData("POST", "/IngestReport")]
    [InlineData("POST", "/SendPendingNotifications")]
    [InlineData("POST", "/ScheduleChecks")]
    [InlineData("POST", "/v1/tlsrpt")]
    [InlineData("GET", "/api")]
    [InlineData("GET", "/api/domains")]
    [InlineData("DELETE", "/api/domains/hosted.example")]
    [InlineData("GET", "/dashboard/")]
    [InlineData("POST", Path)]
    [InlineData("PUT", Path)]
    [InlineData("DELETE", Path)]
    [InlineData("OPTIONS", Path)]
    [InlineData("GET", "/.well-known/mta-sts.txt/more")]
    [InlineData("GET", "//.well-known/mta-sts.txt")]
    [InlineData("GET", "/.well-known/..%2f..%2fsecrets")]
    [InlineData("GET", "/<script>")]
    [Trait("Conformance", "GET-7")]
    public Task A_policy_host_answers_404_for_everything_except_the_policy(string method, string path) => AssertNothingThereAsync(method, path, Hosted);

    [Theory]
    [InlineData("GET", "/")]
    [InlineData("GET", Path)]
    [InlineData("POST", "/CheckDomain")]
    [InlineData("POST", "/IngestReport")]
    [InlineData("POST", "/SendPendingNotifications")]
    [InlineData("GET", "/v1/tlsrpt")]
    [InlineData("GET", "/apis")]
    public Task Nobody_reaches_the_endpoints_of_the_Functions_host_on_the_apps_own_host(string method, string path) =>
        AssertNothingThereAsync(method, path, RunningApp.AppHost);

    [Fact]
    public async Task Reports_are_accepted_only_on_the_apps_own_host()
    {
        Assert.Equal(400, (await _app.AskAsync("POST", "/v1/tlsrpt", RunningApp.AppHost, "Content-Length: 0")).Status);
        Assert.Equal(400, (await _app.AskAsync("POST", "/v1/tlsrpt", RunningApp.AppHost.ToUpperInvariant(), "Content-Length: 0")).Status);
        await AssertNothingThereAsync("POST", "/v1/tlsrpt", "mta-sts.unhosted.example");
        await AssertNothingThereAsync("POST", "/v1/tlsrpt", "app.hosting.example.attacker.example");
    }

    [Fact]
    public async Task The_API_answers_only_on_the_apps_own_host()
    {
        Assert.Equal(401, (await _app.AskAsync("GET", "/api/domains", RunningApp.AppHost)).Status);
        Assert.Equal(401, (await _app.AskAsync("GET", "/api/domains", RunningApp.AppHost.ToUpperInvariant() + ":443")).Status);
        await AssertNothingThereAsync("GET", "/api/domains", "mta-sts.unhosted.example");
        await AssertNothingThereAsync("GET", "/api/domains", $"mta-sts.{RunningApp.AppHost}");
        await AssertNothingThereAsync("GET", "/api/domains", $"{RunningApp.AppHost}.attacker.example");
        await AssertNothingThereAsync("GET", "/api/domains", "127.0.0.1");
        // Nor to a client that reaches the worker's own port.
        Assert.Equal(404, (await _app.SendAsync($"GET /api/domains HTTP/1.1\nHost: 127.0.0.1:{_app.EndPoint.Port}")).Status);
    }

    [Fact]
    public async Task X_Forwarded_Host_counts_only_behind_a_loopback_Host()
    {
        var hosted = await _app.SendAsync($"GET {Path} HTTP/1.1\nHost: {Hosted}\nX-Forwarded-Host: mta-sts.unhosted.example");
        var unhosted = await _app.SendAsync($"GET {Path} HTTP/1.1\nHost: mta-sts.unhosted.example\nX-Forwarded-Host: {Hosted}");

        Assert.Equal((200, 404), (hosted.Status, unhosted.Status));
    }

    [Fact]
    public async Task Two_X_Forwarded_Host_headers_are_refused()
    {
        var answer = await _app.AskAsync("GET", Path, Hosted, $"X-Forwarded-Host: {Hosted}");

        Assert.Equal(404, answer.Status);
    }

    private async Task AssertNothingThereAsync(string method, string path, string host)
    {
        var answer = await _app.AskAsync(method, path, host, "Content-Length: 0", "X-Canary: canary-7f3a");

        Assert.Equal(404, answer.Status);
        Assert.Empty(answer.Body);
        Assert.DoesNotContain(answer.Headers, header => header.Key == "Location" || (host.Length > 3 && header.Value.Contains(host, StringComparison.OrdinalIgnoreCase)) || header.Value.Contains("canary", StringComparison.Ordinal));
        Assert.DoesNotContain("Server", answer.Headers.Keys);
    }
}
