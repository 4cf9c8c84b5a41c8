using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Tests.Hosting;
using Xunit;

namespace StsFunctions.Tests.Policies;

/// <summary>A policy over the wire, out of a real storage.</summary>
public sealed class ServePolicyTests(AzuriteFixture azurite)
{
    private const string Path = "/.well-known/mta-sts.txt";
    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly Policy Enforce = Policy.Parse("version: STSv1\nmode: enforce\nmx: *.example.com\nmax_age: 86400\nnote: grüße\n"u8);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "GET-2")]
    [Trait("Conformance", "GET-4")]
    public async Task The_response_is_the_exact_bytes_as_plain_text_that_every_cache_must_revalidate()
    {
        await using var handler = await StartAsync();

        var answer = await handler.AskAsync("GET", Path, "mta-sts.example.com");

        Assert.Equal(200, answer.Status);
        Assert.Equal(Enforce.ToBytes(), answer.Body);
        Assert.Equal("text/plain; charset=utf-8", answer.Headers["Content-Type"]);
        Assert.Equal("no-cache", answer.Headers["Cache-Control"]);
        Assert.Equal("nosniff", answer.Headers["X-Content-Type-Options"]);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task A_client_with_the_current_copy_gets_304(string method)
    {
        await using var handler = await StartAsync();
        var tag = (await handler.AskAsync("GET", Path, "mta-sts.example.com")).Headers["ETag"];

        var same = await handler.AskAsync(method, Path, "mta-sts.example.com", $"If-None-Match: \"other\", {tag}");
        var other = await handler.AskAsync(method, Path, "mta-sts.example.com", "If-None-Match: \"other\"");

        Assert.StartsWith("\"", tag, StringComparison.Ordinal);
        Assert.Equal((304, 200), (same.Status, other.Status));
        Assert.Empty(same.Body);
        Assert.Equal(tag, same.Headers["ETag"]);
        Assert.Equal("no-cache", same.Headers["Cache-Control"]);
    }

    [Theory]
    [InlineData("Range: bytes=0-3")]
    [InlineData("If-Modified-Since: Sat, 14 Mar 2099 12:00:00 GMT")]
    [InlineData("Accept: application/json")]
    [InlineData("Accept-Encoding: gzip")]
    [InlineData("If-None-Match: nonsense")]
    [InlineData("If-None-Match: ")]
    [Trait("Conformance", "GET-2")]
    public async Task No_header_of_a_client_changes_the_response(string header)
    {
        await using var handler = await StartAsync();

        var answer = await handler.AskAsync("GET", Path, "mta-sts.example.com", header);

        Assert.Equal(200, answer.Status);
        Assert.Equal(Enforce.ToBytes(), answer.Body);
    }

    [Fact]
    public async Task The_same_bytes_have_the_same_ETag_after_a_restart_and_under_another_name()
    {
        var storage = await PublishedAsync();
        await storage.Publisher.PublishAsync(DomainName.Parse("other.example"), Enforce, null, Cancellation);
        await using var one = await RunningApp.StartAsync(storage.ConnectionString);
        await using var other = await RunningApp.StartAsync(storage.ConnectionString);

        Assert.Equal(
            (await one.AskAsync("GET", Path, "mta-sts.example.com")).Headers["ETag"],
            (await other.AskAsync("HEAD", Path, "mta-sts.other.example")).Headers["ETag"]);
    }

    [Fact]
    public async Task An_outage_is_503_with_Retry_After_and_never_404()
    {
        // Nothing listens there.
        const string away = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:1/a;TableEndpoint=http://127.0.0.1:1/a;";
        await using var handler = await RunningApp.StartAsync(away);

        var answer = await handler.AskAsync("GET", Path, "mta-sts.example.com");

        Assert.Equal(503, answer.Status);
        Assert.Equal("10", answer.Headers["Retry-After"]);
        Assert.Empty(answer.Body);
        Assert.Contains(handler.Log.Lines, line => line.Text.Contains("example.com", StringComparison.Ordinal));
    }

    private async Task<RunningApp> StartAsync() => await RunningApp.StartAsync((await PublishedAsync()).ConnectionString);

    private async Task<TestStorage> PublishedAsync()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, Enforce, null, Cancellation);
        return storage;
    }
}
