using System.Text;
using StsFunctions.Core.Domains;
using StsFunctions.Tests.Hosting;
using Xunit;

namespace StsFunctions.Tests.Reports;

/// <summary>Mail by POST from a mail provider, over the wire into a real storage.</summary>
public sealed class ReceiveMailTests(AzuriteFixture azurite) : IAsyncLifetime
{
    private const string Secret = "correct-horse-battery-staple";
    private static readonly string Basic = Convert.ToBase64String(Encoding.UTF8.GetBytes($"provider:{Secret}"));

    private TestStorage _storage = null!;
    private RunningApp _handler = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _storage = await TestStorage.CreateAsync(azurite);
        _handler = await RunningApp.StartAsync(_storage.ConnectionString, more: [("Sts__MailSecret", Secret), ("Sts__ReportMaxBytes", "20000")]);
    }

    public ValueTask DisposeAsync() => _handler.DisposeAsync();

    [Theory]
    [InlineData("Bearer " + Secret, "message/rfc822")]
    [InlineData("bearer " + Secret, "multipart/report; boundary=x")]
    [InlineData("Basic", "application/octet-stream")]
    [InlineData("BASIC", null)]
    [Trait("Conformance", "ARR-2")]
    public async Task A_mail_is_answered_201_once_it_is_stored_unchanged(string authorization, string? type)
    {
        var mail = SignedMailFactory.Raw(SignedMailFactory.Mail());

        var answer = await PostAsync(mail, authorization.Contains(' ', StringComparison.Ordinal) ? authorization : $"{authorization} {Basic}", type);

        Assert.Equal((201, ""), (answer.Status, answer.Text));
        var inbox = _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer);
        var blob = Assert.Single(await inbox.GetBlobsAsync(cancellationToken: Cancellation).ToListAsync(Cancellation));
        var stored = (await inbox.GetBlobClient(blob.Name).DownloadContentAsync(Cancellation)).Value;
        Assert.Equal(mail, stored.Content.ToArray());
        Assert.Equal("Mail", stored.Details.Metadata["source"]);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("Bearer correct-horse-battery-stapl")]
    [InlineData("Bearer correct-horse-battery-staplf")]
    [InlineData("Bearer correct-horse-battery-staple-")]
    [InlineData("Digest " + Secret)]
    [InlineData(Secret)]
    [InlineData("Basic " + Secret)]
    [InlineData("Basic !!!!")]
    [InlineData("Basic cHJvdmlkZXI=")]
    [InlineData("Basic cHJvdmlkZXI6")]
    public async Task Nothing_is_accepted_or_read_without_the_secret(string? authorization)
    {
        var answer = await PostAsync(new byte[30_000], authorization, "message/rfc822");

        Assert.Equal(401, answer.Status);
        Assert.StartsWith("Bearer", answer.Headers["WWW-Authenticate"], StringComparison.Ordinal);
        Assert.DoesNotContain(Secret, answer.Text, StringComparison.Ordinal);
        await AssertNothingStoredAsync();
    }

    [Theory]
    [InlineData("multipart/form-data; boundary=x", 10, 415)]
    [InlineData("application/x-www-form-urlencoded", 10, 415)]
    [InlineData("Application/JSON", 10, 415)]
    [InlineData("message/rfc822", 0, 400)]
    [InlineData("message/rfc822", 20_001, 413)]
    [Trait("Conformance", "ARR-5")]
    public async Task A_body_that_is_not_a_mail_or_too_large_is_refused_with_the_reason(string type, int length, int status)
    {
        var answer = await PostAsync(new byte[length], $"Bearer {Secret}", type);

        Assert.Equal((status, "application/problem+json"), (answer.Status, answer.Headers["Content-Type"]));
        await AssertNothingStoredAsync();
    }

    [Fact]
    public async Task The_endpoint_does_not_exist_without_a_configured_secret()
    {
        await using var handler = await RunningApp.StartAsync(_storage.ConnectionString);

        Assert.Equal(404, (await PostAsync([1], $"Bearer {Secret}", "message/rfc822", handler)).Status);
        Assert.Equal(404, (await PostAsync([1], "Bearer ", "message/rfc822", handler)).Status);
    }

    [Fact]
    public async Task An_outage_of_storage_is_503_with_Retry_After()
    {
        const string away = "DefaultEndpointsProtocol=http;AccountName=a;AccountKey=a2V5;BlobEndpoint=http://127.0.0.1:1/a;QueueEndpoint=http://127.0.0.1:1/a;TableEndpoint=http://127.0.0.1:1/a;";
        await using var handler = await RunningApp.StartAsync(away, more: ("Sts__MailSecret", Secret));

        var answer = await PostAsync([1], $"Bearer {Secret}", "message/rfc822", handler);

        Assert.Equal((503, "300"), (answer.Status, answer.Headers["Retry-After"]));
    }

    private Task<RawAnswer> PostAsync(byte[] body, string? authorization, string? type, RunningApp? handler = null) => (handler ?? _handler).SendAsync(
        $"POST /v1/mail HTTP/1.1\nHost: {RunningApp.AppHost}\nContent-Length: {body.Length}\n"
        + (authorization is null ? "" : $"Authorization: {authorization}\n")
        + (type is null ? "" : $"Content-Type: {type}\n"),
        body);

    private async Task AssertNothingStoredAsync() =>
        Assert.Empty(await _storage.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobsAsync(cancellationToken: Cancellation).ToListAsync(Cancellation));
}
