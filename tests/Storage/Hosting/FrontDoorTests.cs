using StsFunctions.App.Options;
using StsFunctions.Cli;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using Xunit;

namespace StsFunctions.Tests.Hosting;

/// <summary>Behind Azure Front Door the policy host's name comes in a header, which counts only from the configured profiles.</summary>
public sealed class FrontDoorTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private const string Path = "/.well-known/mta-sts.txt";
    private const string Ours = "8b2bc1a4-54a1-4e0b-9d2f-3a7a7a5c1f00";
    private const string OursToo = "0f3c5b7e-9d9b-4c61-8f0a-6c1d1c0e2b11";
    private const string Anothers = "d3b07384-d9a0-4c9b-8f1d-2f5e6a7b8c9d";
    private static readonly byte[] PolicyFile = "version: STSv1\r\nmode: testing\r\nmx: mx.hosted.example\r\nmax_age: 86400\r\n"u8.ToArray();

    private TestStorage _storage = null!;
    private RunningApp _handler = null!;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        foreach (var domain in (string[])["hosted.example", "xn--bcher-kva.example", "example.com"])
        {
            await _storage.Publisher.PublishAsync(DomainName.Parse(domain), Policy.Parse(PolicyFile), null, TestContext.Current.CancellationToken);
        }

        _handler = await RunningApp.StartAsync(_storage.ConnectionString, null, ("Sts__FrontDoorIds", $"{Ours}, {OursToo}"));
    }

    public ValueTask DisposeAsync() => _handler.DisposeAsync();

    [Theory]
    [InlineData(Ours, "mta-sts.hosted.example")]
    [InlineData(OursToo, "mta-sts.hosted.example")]
    [InlineData("8B2BC1A4-54A1-4E0B-9D2F-3A7A7A5C1F00", "MTA-STS.Hosted.Example")]
    [InlineData(Ours, "mta-sts.hosted.example:443")]
    [InlineData(Ours, "mta-sts.xn--bcher-kva.example")]
    [Trait("Conformance", "GET-1")]
    public async Task The_own_profile_names_the_policy_host_of_the_request(string id, string policyHost)
    {
        var answer = await ByFrontDoorAsync("GET", Path, id, policyHost);

        Assert.Equal(200, answer.Status);
        Assert.Equal(PolicyFile, answer.Body);
    }

    [Fact]
    [Trait("Conformance", "GET-1")]
    public async Task HEAD_through_the_own_profile_has_the_same_headers()
    {
        var answer = await ByFrontDoorAsync("HEAD", Path, Ours, "mta-sts.hosted.example");

        Assert.Equal(200, answer.Status);
        Assert.Equal($"{PolicyFile.Length}", answer.Headers["Content-Length"]);
        Assert.Equal("no-cache", answer.Headers["Cache-Control"]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData(Anothers)]
    [InlineData("8b2bc1a454a14e0b9d2f3a7a7a5c1f00")]
    [InlineData("{8b2bc1a4-54a1-4e0b-9d2f-3a7a7a5c1f00}")]
    [InlineData(Ours + ", " + Anothers)]
    [InlineData(Ours + "," + OursToo)]
    [InlineData("*")]
    [InlineData("00000000-0000-0000-0000-000000000000")]
    [Trait("Conformance", "GET-7")]
    public async Task A_forged_policy_host_changes_nothing_without_the_id_of_the_own_profile(string? id)
    {
        // The app's own name is open to everybody. With the header and without it, the answers are the same.
        foreach (var (method, path) in ((string, string)[])[("GET", Path), ("HEAD", Path), ("POST", "/v1/tlsrpt"), ("GET", "/"), ("POST", "/SendPendingNotifications")])
        {
            var forged = await ByFrontDoorAsync(method, path, id, "mta-sts.hosted.example");
            var plain = await _handler.AskAsync(method, path, RunningApp.AppHost, "Content-Length: 0");

            Assert.Equal((plain.Status, plain.Text), (forged.Status, forged.Text));
        }
    }

    [Fact]
    public async Task A_duplicate_header_is_no_id_and_no_host()
    {
        var twoIds = await _handler.AskAsync("GET", Path, RunningApp.AppHost, $"X-Azure-FDID: {Ours}", $"X-Azure-FDID: {Ours}", "X-Sts-Policy-Host: mta-sts.hosted.example");
        var twoHosts = await _handler.AskAsync("GET", Path, RunningApp.AppHost, $"X-Azure-FDID: {Ours}", "X-Sts-Policy-Host: mta-sts.hosted.example", "X-Sts-Policy-Host: mta-sts.hosted.example");

        Assert.Equal((404, 404), (twoIds.Status, twoHosts.Status));
    }

    [Theory]
    [InlineData("mta-sts.unhosted.example")]
    [InlineData("hosted.example")]
    [InlineData(RunningApp.AppHost)]
    [InlineData("localhost")]
    [InlineData("127.0.0.1")]
    [InlineData("[::1]")]
    [InlineData("mta-sts.")]
    [InlineData("<script>alert(1)</script>")]
    [Trait("Conformance", "GET-7")]
    public async Task The_header_of_the_own_profile_names_a_policy_host_or_is_refused(string policyHost)
    {
        foreach (var (method, path) in ((string, string)[])[("GET", Path), ("GET", "/"), ("POST", "/SendPendingNotifications"), ("POST", "/CheckDomain"), ("POST", "/v1/tlsrpt")])
        {
            var answer = await ByFrontDoorAsync(method, path, Ours, policyHost);

            Assert.Equal(404, answer.Status);
            Assert.Empty(answer.Body);
        }
    }

    [Fact]
    public async Task A_client_that_learns_the_id_gets_public_policies_only()
    {
        var policy = await ByFrontDoorAsync("GET", Path, Ours, "mta-sts.hosted.example");
        var report = await ByFrontDoorAsync("POST", "/v1/tlsrpt", Ours, "mta-sts.hosted.example");
        var timer = await ByFrontDoorAsync("POST", "/SendPendingNotifications", Ours, "mta-sts.hosted.example");

        Assert.Equal((200, 404, 404), (policy.Status, report.Status, timer.Status));
    }

    [Fact]
    public async Task The_header_is_not_read_on_the_name_of_a_policy_host()
    {
        var own = await _handler.AskAsync("GET", Path, "mta-sts.hosted.example", $"X-Azure-FDID: {Ours}", "X-Sts-Policy-Host: mta-sts.unhosted.example");
        var unhosted = await _handler.AskAsync("GET", Path, "mta-sts.unhosted.example", $"X-Azure-FDID: {Ours}", "X-Sts-Policy-Host: mta-sts.hosted.example");

        Assert.Equal((200, 404), (own.Status, unhosted.Status));
    }

    [Fact]
    public async Task The_header_is_never_read_without_a_configured_profile()
    {
        await using var handler = await RunningApp.StartAsync(_storage.ConnectionString);

        foreach (var id in (string[])[Ours, "00000000-0000-0000-0000-000000000000", ""])
        {
            var answer = await handler.AskAsync("GET", Path, RunningApp.AppHost, $"X-Azure-FDID: {id}", "X-Sts-Policy-Host: mta-sts.hosted.example");

            Assert.Equal(404, answer.Status);
        }
    }

    [Fact]
    [Trait("Conformance", "GET-1")]
    public async Task A_request_of_the_real_host_with_Front_Door_headers_gets_the_policy()
    {
        // Front Door calls the app's own name, and the host passes its headers on.
        var asked = $"""
            GET /.well-known/mta-sts.txt HTTP/1.1
            Host: 127.0.0.1:{_handler.EndPoint.Port}
            Accept: */*
            User-Agent: curl/7.88.1
            x-ms-invocation-id: 44181273-8cf2-4552-94fc-3358048b8fe9
            X-Forwarded-For: 127.0.0.1
            X-Forwarded-Host: {RunningApp.AppHost}
            X-Forwarded-Proto: http
            """.ReplaceLineEndings("\n");

        var bare = await _handler.SendAsync(asked);
        var forged = await _handler.SendAsync($"{asked}\nX-Azure-FDID: {Anothers}\nX-Sts-Policy-Host: mta-sts.example.com");
        var ours = await _handler.SendAsync($"{asked}\nX-Azure-FDID: {Ours}\nX-Sts-Policy-Host: mta-sts.example.com\nX-Azure-ClientIP: 192.0.2.7\nVia: 2.0 Azure");

        Assert.Equal((404, 404, 200), (bare.Status, forged.Status, ours.Status));
        Assert.Equal(PolicyFile, ours.Body);
    }

    [Theory]
    [InlineData(Ours, true)]
    [InlineData("8B2BC1A4-54A1-4E0B-9D2F-3A7A7A5C1F00", true)]
    [InlineData(Anothers, false)]
    [InlineData("", false)]
    [InlineData("not an id", false)]
    public void Only_the_profiles_of_the_operator_count(string id, bool isOwn)
    {
        Assert.Equal(isOwn, new FrontDoorOptions { Ids = [Ours] }.IsOwnProfile(id));
        Assert.False(new FrontDoorOptions().IsOwnProfile(id));
    }

    [Fact]
    public void The_CNAME_to_publish_leads_to_the_edge_and_reports_go_to_the_app()
    {
        var domain = DomainName.Parse("example.com");

        var direct = DnsRecords.For(domain, "1", "app.example", []);
        var behind = DnsRecords.For(domain, "1", "app.example", ["ep.azurefd.net"]);
        var several = DnsRecords.For(domain, "1", "app.example", ["one.azurefd.net", "two.azurefd.net"]);

        Assert.EndsWith(" CNAME  app.example.", direct[0], StringComparison.Ordinal);
        Assert.EndsWith(" CNAME  ep.azurefd.net.", behind[0], StringComparison.Ordinal);
        Assert.EndsWith(" CNAME  <its own of one.azurefd.net, two.azurefd.net>", several[0], StringComparison.Ordinal);
        Assert.All((IReadOnlyList<string>[])[direct, behind, several], records => Assert.Contains("rua=https://app.example/v1/tlsrpt", records[1], StringComparison.Ordinal));
    }

    [Fact]
    [Trait("Conformance", "RUA-1")]
    public void A_configured_mailbox_precedes_the_app_in_the_record_to_publish() => Assert.Contains(
        "rua=mailto:tlsrpt@example.com,https://app.example/v1/tlsrpt",
        DnsRecords.For(DomainName.Parse("example.com"), "1", "app.example", [], "tlsrpt@example.com")[1],
        StringComparison.Ordinal);

    private Task<RawAnswer> ByFrontDoorAsync(string method, string path, string? id, string policyHost) => _handler.AskAsync(
        method, path, RunningApp.AppHost, [.. id is null ? (string[])[] : [$"X-Azure-FDID: {id}"], $"X-Sts-Policy-Host: {policyHost}", "Content-Length: 0"]);
}
