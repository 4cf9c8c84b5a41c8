using System.Net;
using StsFunctions.Local;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

public sealed class HostSettingsTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Routes_begin_with_api_without_a_prefix_in_host_json_and_the_home_page_can_be_disabled()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.HostJson["extensions"]!.AsObject().Remove("http");
        await using var host = await app.StartAsync(("AzureWebJobsDisableHomepage", "true"), ("AzureWebJobs.Policy.Disabled", "true"));
        using var client = new HttpClient { BaseAddress = host.HttpAddress };
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("echo/x"));
        // The home page is the one path that is never 404.
        Assert.Equal(HttpStatusCode.NoContent, await StatusAsync(""));
        // What is disabled has no route.
        Assert.Equal(HttpStatusCode.NotFound, await StatusAsync("api/.well-known/mta-sts.txt"));
        Assert.Equal(0, app.Waiting);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync("api/echo/x"));
        Assert.Equal("/api/echo/x", (await app.NextAsync()).Target);

        async Task<HttpStatusCode> StatusAsync(string path)
        {
            using var answer = await client.GetAsync(path, Cancellation);
            return answer.StatusCode;
        }
    }

    [Fact]
    public async Task The_host_listens_on_the_requested_port()
    {
        await using var app = await ProbeApp.CreateAsync();
        var port = LoopbackPort.Free();
        await using var host = await app.StartAsync(options => options with { HttpPort = port });
        Assert.Equal(port, host.HttpAddress.Port);
        Assert.Null(host.HttpsAddress);
        Assert.True(host.WorkerAddress!.IsLoopback);
    }
}
