using System.Net;
using System.Text;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Queues;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>A file that is not a report is refused at once or goes to quarantine with the reason; nothing is retried without end.</summary>
public sealed class BadReportTests(RunningSystem running) : IClassFixture<RunningSystem>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("{}", HttpStatusCode.BadRequest, "RFC 8460")]
    [InlineData("hello", HttpStatusCode.UnsupportedMediaType, "gzip")]
    [InlineData("", HttpStatusCode.BadRequest, "Neither JSON")]
    [Trait("Conformance", "ARR-1")]
    public async Task A_POST_that_is_not_a_report_is_refused_with_the_reason(string body, HttpStatusCode status, string reason)
    {
        var (actual, text) = await PostAsync(Encoding.UTF8.GetBytes(body));
        Assert.Equal(status, actual);
        Assert.Contains(reason, text, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "RPT-7")]
    public async Task A_report_on_a_domain_that_is_not_hosted_is_refused()
    {
        var (status, text) = await PostAsync(new SampleReport("Alpha Mail", "unhosted.example", new DateOnly(2026, 1, 1), 1).ToGzip());
        Assert.Equal(HttpStatusCode.Forbidden, status);
        Assert.Contains("hosted", text, StringComparison.Ordinal);
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task A_POST_of_more_than_the_limit_is_413()
    {
        var (status, _) = await PostAsync(new byte[(10 << 20) + 1]);
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, status);
    }

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task An_uploaded_file_that_is_not_a_report_goes_to_quarantine_with_the_reason_and_is_not_retried()
    {
        await running.System.AddAsync(LabDomains.Get("example.com"), Cancellation);
        var good = new SampleReport("Alpha Mail", "example.com", DateOnly.FromDateTime(DateTime.UtcNow), 1);
        var dropped = new Dictionary<string, byte[]>
        {
            ["bad/text"] = "hello"u8.ToArray(),
            ["bad/json"] = """{"organization-name":"x"}"""u8.ToArray(),
            ["bad/cut.gz"] = good.ToGzip()[..^20],
            ["bad/unhosted"] = new SampleReport("Alpha Mail", "unhosted.example", new DateOnly(2026, 1, 1), 1).ToJson(),
            ["bad/large"] = new byte[(10 << 20) + 1],
            ["bad/ünïcode name"] = [0, 1, 2, 3],
        };
        foreach (var (name, content) in dropped)
        {
            await running.System.DropAsync(name, content, Cancellation);
        }

        await running.System.WhenIdleAsync(Cancellation);
        var quarantine = new BlobContainerClient(running.System.Azurite.ConnectionString, "reports-quarantine");
        var reasons = new Dictionary<string, string>();
        await foreach (var blob in quarantine.GetBlobsAsync(BlobTraits.Metadata, BlobStates.None, prefix: null, Cancellation))
        {
            var name = Uri.UnescapeDataString(blob.Metadata["name"]);
            reasons[name] = blob.Metadata["reason"];
            Assert.Equal(dropped[name].Length, blob.Properties.ContentLength);
        }

        Assert.Equal(dropped.Keys.Order(StringComparer.Ordinal), reasons.Keys.Order(StringComparer.Ordinal));
        Assert.All(reasons.Values, reason => Assert.False(string.IsNullOrWhiteSpace(reason)));
        Assert.Contains("unhosted.example", reasons["bad/unhosted"], StringComparison.Ordinal);
        var poison = new QueueClient(running.System.Azurite.ConnectionString, "report-arrivals-poison");
        Assert.Equal(0, (await poison.GetPropertiesAsync(Cancellation)).Value.ApproximateMessagesCount);
    }

    [Fact]
    public async Task A_message_that_is_not_an_event_ends_on_the_poison_queue()
    {
        var options = new QueueClientOptions { MessageEncoding = QueueMessageEncoding.Base64 };
        var queue = new QueueClient(running.System.Azurite.ConnectionString, "domain-checks", options);
        await queue.CreateIfNotExistsAsync(cancellationToken: Cancellation);
        await queue.SendMessageAsync("no json", Cancellation);
        await running.System.WhenIdleAsync(Cancellation);
        var poison = new QueueClient(running.System.Azurite.ConnectionString, "domain-checks-poison", options);
        var message = (await poison.ReceiveMessageAsync(cancellationToken: Cancellation)).Value;
        Assert.Equal("no json", message.MessageText);
    }

    private async Task<(HttpStatusCode Status, string Text)> PostAsync(byte[] body)
    {
        using var content = new ByteArrayContent(body);
        using var answer = await running.System.Client.PostAsync(running.System.Https(LocalSystem.AppHost, "/v1/tlsrpt"), content, Cancellation);
        return (answer.StatusCode, await answer.Content.ReadAsStringAsync(Cancellation));
    }
}
