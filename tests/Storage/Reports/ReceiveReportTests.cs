using StsFunctions.Core.Domains;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.Tests.Hosting;
using StsFunctions.Tests.Protocol;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>Reports by POST, over the wire into a real storage.</summary>
public sealed class ReceiveReportTests(AzuriteFixture azurite) : IAsyncLifetime
{
    // Whole days: the reader refuses what is not of this time, and this handler has the system's clock.
    private static readonly DateTimeOffset Today = new(DateTime.UtcNow.Date, TimeSpan.Zero);

    private TestStorage _storage = null!;
    private RunningApp _handler = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        await _storage.Publisher.PublishAsync(DomainName.Parse("example.com"), Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);
        _handler = await RunningApp.StartAsync(_storage.ConnectionString, more: [("Sts__ReportMaxBytes", "20000"), ("Sts__ReportMaxExpandedBytes", "200000")]);
    }

    public ValueTask DisposeAsync() => _handler.DisposeAsync();

    [Theory]
    [InlineData("application/tlsrpt+gzip", true)]
    [InlineData("application/tlsrpt+json", false)]
    [InlineData("application/tlsrpt+json", true)]
    [InlineData("application/tlsrpt+gzip", false)]
    [InlineData("text/html", true)]
    [InlineData(null, false)]
    [Trait("Conformance", "ARR-1")]
    public async Task A_report_is_answered_201_once_it_is_stored_unchanged_whatever_the_header_says(string? type, bool gzip)
    {
        var body = gzip ? Samples.Gzip(Report("example.com")) : Report("example.com");

        var answer = await PostAsync(body, type is null ? [] : [$"Content-Type: {type}"]);

        Assert.Equal((201, ""), (answer.Status, answer.Text));
        var (name, content, source) = Assert.Single(await InboxAsync());
        Assert.Equal(body, content);
        Assert.Equal("Https", source);
        Assert.StartsWith($"{Today:yyyy-MM-dd}/", name, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "RPT-6")]
    public async Task The_same_report_again_replaces_itself()
    {
        await PostAsync(Report("example.com"));

        Assert.Equal(201, (await PostAsync(Report("example.com"))).Status);

        Assert.Single(await InboxAsync());
    }

    [Fact]
    public async Task A_report_on_several_domains_is_accepted_if_one_of_them_is_hosted()
    {
        Assert.Equal(201, (await PostAsync(Report("unhosted.example", "example.com"))).Status);
    }

    [Theory]
    [InlineData("not a report", 415)]
    [InlineData("<html>", 415)]
    [InlineData("From: tlsrpt@company-x.example\r\nSubject: a mail\r\n\r\nBody\r\n", 415)]
    [InlineData("PK\u0003\u0004", 400)]
    [InlineData("", 400)]
    [InlineData("{}", 400)]
    [InlineData("{\"report-id\":", 400)]
    [Trait("Conformance", "ARR-1")]
    public async Task A_body_that_is_not_a_report_is_400_with_the_reason_and_is_not_stored(string body, int status)
    {
        var answer = await PostAsync(Samples.Utf8(body));

        AssertRefused(answer, status);
        Assert.Equal(status == 415, answer.Headers.ContainsKey("Accept"));
        Assert.Empty(await InboxAsync());
    }

    [Fact]
    public async Task A_domain_accepts_its_daily_number_of_posts_from_all_instances_together_and_then_answers_429_until_the_next_day()
    {
        await _storage.Publisher.PublishAsync(DomainName.Parse("other.example"), Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);
        await using var one = await RunningApp.StartAsync(_storage.ConnectionString, more: ("Sts__PostsPerDomainAndDay", "2"));
        await using var another = await RunningApp.StartAsync(_storage.ConnectionString, more: ("Sts__PostsPerDomainAndDay", "2"));

        Assert.Equal(201, (await PostAsync(one, Report("example.com"))).Status);
        Assert.Equal(201, (await PostAsync(another, Samples.Gzip(Report("example.com")))).Status);
        var refused = await PostAsync(one, Report("other.example", "example.com"));

        AssertRefused(refused, 429);
        Assert.InRange(int.Parse(refused.Headers["Retry-After"], System.Globalization.CultureInfo.InvariantCulture), 1, 24 * 60 * 60);
        Assert.Equal(201, (await PostAsync(another, Report("other.example"))).Status);
        Assert.Equal(3, (await InboxAsync()).Count);
    }

    [Fact]
    public async Task An_instance_accepts_its_number_of_posts_a_minute_and_then_answers_429_without_reading_the_body()
    {
        await using var handler = await RunningApp.StartAsync(_storage.ConnectionString, more: ("Sts__PostsPerMinute", "2"));
        Assert.Equal(415, (await PostAsync(handler, Samples.Utf8("x"))).Status);
        Assert.Equal(201, (await PostAsync(handler, Report("example.com"))).Status);

        var refused = await PostAsync(handler, Report("example.com"));

        AssertRefused(refused, 429);
        Assert.Equal("60", refused.Headers["Retry-After"]);
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_post_without_available_memory_is_503_with_Retry_After_and_mail_is_still_accepted()
    {
        const string secret = "correct-horse-battery-staple";
        await using var handler = await RunningApp.StartAsync(_storage.ConnectionString, more: ("Sts__MailSecret", secret));
        var memory = handler.Service<IntakeMemory>();
        using (memory.Posts.TryLease(memory.Posts.Capacity - 1))
        {
            var refused = await PostAsync(handler, Report("example.com"));

            AssertRefused(refused, 503);
            Assert.Equal("30", refused.Headers["Retry-After"]);
            var mail = SignedMailFactory.Raw(SignedMailFactory.Mail());
            Assert.Equal(201, (await handler.SendAsync($"POST /v1/mail HTTP/1.1\nHost: {RunningApp.AppHost}\nAuthorization: Bearer {secret}\nContent-Length: {mail.Length}", mail)).Status);
        }

        Assert.Equal(201, (await PostAsync(handler, Report("example.com"))).Status);
        Assert.Equal((0, 0), (memory.Posts.Used, memory.Reading.Used));
    }

    [Fact]
    public async Task Concurrent_posts_on_one_domain_are_all_accepted()
    {
        var answers = new List<RawAnswer>();
        foreach (var repetition in Enumerable.Range(0, 3))
        {
            answers.AddRange(await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => PostAsync(Report("example.com")))));
        }

        Assert.All(answers, answer => Assert.Equal(201, answer.Status));
        Assert.Equal(0, _handler.Service<IntakeMemory>().Reading.Used);
    }

    [Fact]
    [Trait("Conformance", "RPT-7")]
    public async Task A_report_on_domains_that_are_not_hosted_is_403_and_is_not_stored()
    {
        AssertRefused(await PostAsync(Report("unhosted.example")), 403);
        AssertRefused(await PostAsync(Report()), 403);
        await _storage.Publisher.RemoveAsync(DomainName.Parse("example.com"), force: true, Cancellation);
        AssertRefused(await PostAsync(Report("example.com")), 403);

        Assert.Empty(await InboxAsync());
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_report_that_is_too_large_is_413_with_and_without_a_Content_Length_and_is_not_stored()
    {
        var large = new byte[20_001];

        AssertRefused(await PostAsync(large), 413);
        AssertRefused(await _handler.SendAsync($"POST /v1/tlsrpt HTTP/1.1\nHost: {RunningApp.AppHost}\nTransfer-Encoding: chunked", large), 413);
        Assert.Empty(await InboxAsync());
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_bomb_is_refused_and_is_not_stored()
    {
        var bomb = Samples.Gzip(Samples.Utf8("{\"x\":[" + string.Join(',', Enumerable.Repeat(new string(' ', 1_000) + "1", 1_000)) + "]}"));
        Assert.InRange(bomb.Length, 100, 20_000);

        AssertRefused(await PostAsync(bomb), 400);

        Assert.Empty(await InboxAsync());
    }

    [Fact]
    public async Task An_outage_of_storage_is_503_with_Retry_After_and_never_201()
    {
        const string away = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:1/a;TableEndpoint=http://127.0.0.1:1/a;";
        await using var handler = await RunningApp.StartAsync(away);

        var answer = await PostAsync(handler, Report("example.com"));

        AssertRefused(answer, 503);
        Assert.Equal("300", answer.Headers["Retry-After"]);
    }

    private static byte[] Report(params string[] domains) => TlsReportJson.Write(
        Samples.Report([.. domains.Select(domain => Samples.Policy(domain))]) with { Start = Today.AddDays(-1), End = Today.AddSeconds(-1) });

    private Task<RawAnswer> PostAsync(byte[] body, params string[] headers) => PostAsync(_handler, body, headers);

    private static Task<RawAnswer> PostAsync(RunningApp handler, byte[] body, params string[] headers) => handler.SendAsync(
        $"POST /v1/tlsrpt HTTP/1.1\nHost: {RunningApp.AppHost}\nContent-Length: {body.Length}\n{string.Concat(headers.Select(header => header + "\n"))}", body);

    private async Task<List<(string Name, byte[] Content, string Source)>> InboxAsync()
    {
        var inbox = _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer);
        var found = new List<(string, byte[], string)>();
        await foreach (var blob in inbox.GetBlobsAsync(cancellationToken: Cancellation))
        {
            var content = (await inbox.GetBlobClient(blob.Name).DownloadContentAsync(Cancellation)).Value;
            found.Add((blob.Name, content.Content.ToArray(), content.Details.Metadata["source"]));
        }

        return found;
    }

    private static void AssertRefused(RawAnswer answer, int status)
    {
        Assert.Equal(status, answer.Status);
        Assert.Equal("application/problem+json", answer.Headers["Content-Type"]);
        Assert.Equal("nosniff", answer.Headers["X-Content-Type-Options"]);
        Assert.Contains($"\"status\":{status}", answer.Text, StringComparison.Ordinal);
    }
}
