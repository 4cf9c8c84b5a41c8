using System.Collections.Concurrent;
using System.Text.Json;
using Azure.Storage.Queues;
using StsFunctions.Local.FunctionsHost;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

public sealed class QueueFunctionTests(AzuriteFixture azurite)
{
    private readonly string _name = $"q{Guid.NewGuid():N}";
    private readonly ConcurrentQueue<HostLog> _log = [];
    private readonly ConcurrentQueue<Invocation> _invocations = [];

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_is_deleted_once_the_handler_has_answered_with_JSON()
    {
        await using var app = await TestApp.CreateAsync();
        await using var host = await StartAsync(app);
        await SendAsync("""{"a":1}""");
        await app.NextAsync();
        await host.WhenIdleAsync(false, Now);
        Assert.Equal(0, (await (await QueueAsync()).GetPropertiesAsync(Now)).Value.ApproximateMessagesCount);
        Assert.Equal((InvocationStatus.Succeeded, TriggerKind.Queue, "Work"), (_invocations.Single().Status, _invocations.Single().Trigger, _invocations.Single().Function));
    }

    [Theory]
    [InlineData(500, "application/json", "{}")]
    [InlineData(404, "application/json", "{}")]
    [InlineData(200, "text/plain", "{}")]
    [InlineData(200, null, "{}")]
    [InlineData(200, "application/json", "{")]
    [InlineData(200, "application/json", "[]")]
    public async Task A_refused_message_comes_again_and_ends_as_poison(int status, string? type, string body)
    {
        await using var app = await TestApp.CreateAsync();
        app.Respond = _ => Task.FromResult(new Answer(status, type, body));
        await using var host = await StartAsync(app);
        await SendAsync("""{"a":1}""");
        for (var i = 1; i <= 3; i++)
            Assert.Contains($"\"DequeueCount\":\"{i}\"", (await app.NextAsync()).Body, StringComparison.Ordinal);
        await host.WhenIdleAsync(false, Now);
        Assert.Equal(0, app.Waiting);
        Assert.Equal("""{"a":1}""", await PoisonAsync(QueueMessageEncoding.Base64));
        Assert.All(_invocations, invocation => Assert.Equal(InvocationStatus.Failed, invocation.Status));
    }

    [Theory]
    [InlineData(200, "")]
    [InlineData(204, "")]
    [InlineData(200, "null")]
    public async Task An_answer_that_hangs_in_Azure_fails_loudly(int status, string body)
    {
        await using var app = await TestApp.CreateAsync();
        app.Respond = _ => Task.FromResult(new Answer(status, "application/json", body));
        await using var host = await StartAsync(app, options => options with { QueueRetryDelay = TimeSpan.FromHours(1) });
        await SendAsync("{}");
        await app.NextAsync();
        var breach = await Assert.ThrowsAsync<ContractBreachException>(() => host.WhenIdleAsync(true, Now));
        Assert.Contains("answer 200 with application/json and {}", breach.Message, StringComparison.Ordinal);
        Assert.Equal(InvocationStatus.ContractBreach, _invocations.Single().Status);
    }

    [Fact]
    public async Task A_text_that_does_not_decode_is_poison_at_once()
    {
        await using var app = await TestApp.CreateAsync();
        await using var host = await StartAsync(app);
        await (await QueueAsync(QueueMessageEncoding.None)).SendMessageAsync("no base64!", Now);
        string? poison;
        while ((poison = await PoisonAsync(QueueMessageEncoding.None)) is null)
            await Task.Yield();
        Assert.Equal("no base64!", poison);
        await host.WhenIdleAsync(false, Now);
        Assert.Equal(0, app.Waiting);
    }

    [Fact]
    public async Task A_plain_text_is_delivered_where_host_json_asks_for_no_encoding()
    {
        await using var app = await TestApp.CreateAsync();
        app.HostJson["extensions"]!["queues"]!["messageEncoding"] = "none";
        await using var host = await StartAsync(app);
        await (await QueueAsync(QueueMessageEncoding.None)).SendMessageAsync("no base64!", Now);
        Assert.Contains("no base64!", (await app.NextAsync()).Body, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_properties_of_a_message_take_the_place_of_its_metadata()
    {
        await using var app = await TestApp.CreateAsync();
        await using var host = await StartAsync(app);
        await SendAsync("""{"id":7,"DEQUEUECOUNT":99,"yes":true,"nothing":null,"list":[1],"deep":{"x":"y"}}""");
        using var body = JsonDocument.Parse((await app.NextAsync()).Body);
        var metadata = body.RootElement.GetProperty("Metadata");
        Assert.Equal("\"7\"", metadata.GetProperty("Id").GetString());
        Assert.Equal("\"99\"", metadata.GetProperty("DequeueCount").GetString());
        Assert.Equal("\"True\"", metadata.GetProperty("yes").GetString());
        Assert.Equal("y", metadata.GetProperty("deep").GetProperty("x").GetString());
        Assert.False(metadata.TryGetProperty("nothing", out _));
        Assert.False(metadata.TryGetProperty("list", out _));
    }

    [Fact]
    public async Task A_message_whose_handler_was_killed_comes_again()
    {
        await using var app = await TestApp.CreateAsync();
        var calls = 0;
        app.Respond = _ => Interlocked.Increment(ref calls) == 1 ? new TaskCompletionSource<Answer>().Task.WaitAsync(Now) : Task.FromResult(new Answer());
        await using var host = await StartAsync(app);
        await SendAsync("{}");
        await app.NextAsync();
        var killed = host.HandlerProcessId;
        host.KillHandler();
        Assert.Contains("\"DequeueCount\":\"2\"", (await app.NextAsync()).Body, StringComparison.Ordinal);
        await host.WhenIdleAsync(false, Now);
        Assert.NotEqual(killed, host.HandlerProcessId);
    }

    [Fact]
    public async Task The_lock_is_renewed_while_the_handler_works()
    {
        await using var app = await TestApp.CreateAsync();
        var finish = new TaskCompletionSource<Answer>(TaskCreationOptions.RunContinuationsAsynchronously);
        var renewals = new SemaphoreSlim(0);
        app.Respond = _ => finish.Task;
        await using var host = await StartAsync(app, options => options with
        {
            QueueLockRenewal = TimeSpan.FromMilliseconds(50),
            OnLog = line =>
            {
                if (line.Text.Contains("was renewed", StringComparison.Ordinal))
                    renewals.Release();
            },
        });
        await SendAsync("{}");
        await renewals.WaitAsync(Now);
        await renewals.WaitAsync(Now);
        finish.SetResult(new Answer());
        // Deleted: the receipt of the last renewal was the one that counted.
        await host.WhenIdleAsync(false, Now);
        Assert.Single(_invocations);
    }

    [Fact]
    public async Task A_message_that_is_not_due_yet_keeps_the_host_from_being_idle_unless_ignored()
    {
        await using var app = await TestApp.CreateAsync();
        await using var host = await StartAsync(app);
        await (await QueueAsync()).SendMessageAsync("{}", TimeSpan.FromHours(1), cancellationToken: Now);
        await host.WhenIdleAsync(true, Now);
        using var brief = new CancellationTokenSource(TimeSpan.FromMilliseconds(300));
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => host.WhenIdleAsync(false, brief.Token));
    }

    [Fact]
    public async Task A_host_with_running_work_is_not_idle()
    {
        await using var app = await TestApp.CreateAsync();
        var finish = new TaskCompletionSource<Answer>(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Respond = _ => finish.Task;
        await using var host = await StartAsync(app);
        await SendAsync("{}");
        await app.NextAsync();
        var idle = host.WhenIdleAsync(true, Now);
        await host.WaitForHandlerAsync(Now);
        Assert.False(idle.IsCompleted);
        finish.SetResult(new Answer());
        await idle;
        Assert.Single(_invocations);
    }

    [Fact]
    public async Task Log_lines_in_the_answer_are_logged()
    {
        await using var app = await TestApp.CreateAsync();
        app.Respond = _ => Task.FromResult(new Answer(Body: """{"Outputs":{},"Logs":["seen it"],"ReturnValue":null}"""));
        await using var host = await StartAsync(app);
        await SendAsync("{}");
        await app.NextAsync();
        await host.WhenIdleAsync(false, Now);
        Assert.Contains(_log, line => line is { Source: "Work", Text: "seen it" });
    }

    private async Task<StandInHost> StartAsync(TestApp app, Func<StandInHostOptions, StandInHostOptions>? change = null)
    {
        app.Queue("Work", "%QUEUE%");
        return await app.StartAsync(
            options =>
            {
                options = options with { OnLog = _log.Enqueue, OnInvocation = _invocations.Enqueue, QueueRetryDelay = TimeSpan.Zero };
                return change?.Invoke(options) ?? options;
            },
            ("AzureWebJobsStorage", await azurite.ConnectionStringAsync()), ("QUEUE", _name));
    }

    private async Task<QueueClient> QueueAsync(QueueMessageEncoding encoding = QueueMessageEncoding.Base64, string suffix = "") =>
        new(await azurite.ConnectionStringAsync(), _name + suffix, new QueueClientOptions { MessageEncoding = encoding });

    private async Task SendAsync(string text) => await (await QueueAsync()).SendMessageAsync(text, Now);

    private async Task<string?> PoisonAsync(QueueMessageEncoding encoding) =>
        (await (await QueueAsync(encoding, "-poison")).PeekMessageAsync(Now)).Value?.Body.ToString();
}
