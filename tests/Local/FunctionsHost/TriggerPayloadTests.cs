using System.Text.Json;
using System.Text.RegularExpressions;
using Azure.Storage.Queues;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

/// <summary>What the stand-in sends is held against what the real host sent.</summary>
public sealed partial class TriggerPayloadTests(AzuriteFixture azurite)
{
    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("queue-json-object.http", """{"id":1,"domain":"example.com","n":1.5,"nested":{"a":[1,2]}}""")]
    [InlineData("queue-json-array.http", "[1,2,3]")]
    [InlineData("queue-number.http", "42")]
    [InlineData("queue-text.http", "plain text \"quoted\" üñï")]
    public async Task A_queue_message_arrives_as_the_real_host_sends_it(string file, string text)
    {
        var capture = RecordedRequest.Capture(file);
        if (file == "queue-text.http")
            text = InnerText(capture);
        Assert.Equal(text, InnerText(capture));

        await using var app = await TestApp.CreateAsync();
        var queue = $"q{Guid.NewGuid():N}";
        await using var host = await app.Queue("QueueFn", queue).StartAsync(null, ("AzureWebJobsStorage", await azurite.ConnectionStringAsync()));
        await new QueueClient(await azurite.ConnectionStringAsync(), queue, new QueueClientOptions { MessageEncoding = QueueMessageEncoding.Base64 }).SendMessageAsync(text, Now);

        AssertSame(capture, await app.NextAsync());
        await host.WhenIdleAsync(false, Now);
    }

    [Fact]
    public async Task A_timer_started_by_an_administrator_arrives_as_the_real_host_sends_it()
    {
        await using var app = await TestApp.CreateAsync();
        await using var host = await app.Timer("Timer", "0 */5 * * * *").StartAsync();
        await host.InvokeTimerAsync("timer", Now);
        AssertSame(RecordedRequest.Capture("timer-started-by-admin.http"), await app.NextAsync());
    }

    [Fact]
    public async Task A_timer_that_never_ran_says_so_with_the_year_one()
    {
        await using var app = await TestApp.CreateAsync();
        await using var host = await app.Timer("Timer", "0 */5 * * * *").StartAsync();
        await host.InvokeTimerAsync("Timer", Now);
        var capture = RecordedRequest.Capture("timer-first-run-past-due.http");
        var sent = await app.NextAsync();
        Assert.Equal(Last(capture), Last(sent));
    }

    [Fact]
    public async Task A_timer_due_more_than_once_a_minute_has_no_status()
    {
        await using var app = await TestApp.CreateAsync();
        await using var host = await app.Timer("Timer", "*/30 * * * * *").StartAsync();
        await host.InvokeTimerAsync("Timer", Now);
        AssertSame(RecordedRequest.Capture("timer-sub-minute-no-status.http"), await app.NextAsync());
    }

    private static string? Last(RecordedRequest request)
    {
        using var body = JsonDocument.Parse(request.Body);
        return body.RootElement.GetProperty("Data").GetProperty("timer").GetProperty("ScheduleStatus").GetProperty("Last").GetString();
    }

    private static string InnerText(RecordedRequest request)
    {
        using var body = JsonDocument.Parse(request.Body);
        return JsonSerializer.Deserialize<string>(body.RootElement.GetProperty("Data").GetProperty("msg").GetString()!)!;
    }

    private static void AssertSame(RecordedRequest expected, RecordedRequest actual)
    {
        Assert.Equal((expected.Method, expected.Target), (actual.Method, actual.Target));
        Assert.Equal(expected.Headers.Select(Masked), actual.Headers.Select(Masked).Where(h => !h.StartsWith("Connection", StringComparison.OrdinalIgnoreCase)));
        Assert.Equal(Masked(expected.Body), Masked(actual.Body));
    }

    private static string Masked(KeyValuePair<string, string> header) => $"{header.Key}: {Masked(header.Value)}";

    // Ids, times, ports and versions vary; their form does not.
    private static string Masked(string text)
    {
        text = Ids().Replace(text, "<guid>");
        text = Receipts().Replace(text, "$1<receipt>\\\"\"");
        text = Times().Replace(text, match => match.Value.EndsWith('Z') ? "<time>Z" : "<time>+00:00");
        return Varying().Replace(text, "<varies>");
    }

    [GeneratedRegex("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")]
    private static partial Regex Ids();

    [GeneratedRegex("""("PopReceipt":"\\")[A-Za-z0-9+/=-]+\\""" + "\"\"")]
    private static partial Regex Receipts();

    [GeneratedRegex(@"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")]
    private static partial Regex Times();

    [GeneratedRegex(@"127\.0\.0\.1:\d+|4\.10\d\d\.0\.0")]
    private static partial Regex Varying();
}
