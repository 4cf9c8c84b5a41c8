using System.Collections.Concurrent;
using System.Text.Json;
using Azure.Storage.Queues;
using StsFunctions.Local.Azurite;
using StsFunctions.Local.FunctionsHost;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

public sealed class QueueFunctionTests(AzuriteFixture azurite)
{
    private readonly string _name = $"q{Guid.NewGuid():N}";
    private readonly ConcurrentQueue<HostLog> _log = [];
    private readonly ConcurrentQueue<Invocation> _invocations = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_message_is_delivered_with_its_queue_metadata_and_deleted_after_success()
    {
        await using var app = await ProbeApp.CreateAsync();
        await using var host = await StartAsync(app);
        await SendAsync("""{"a":"plain \"quoted\" üñï"}""");

        var call = await app.NextAsync();
        Assert.Equal(("Work", """{"a":"plain \"quoted\" üñï"}"""), (call.Function, call.Text));
        Assert.Equal(("1", call.Text), (call.Data["DequeueCount"], call.Data["QueueTrigger"]));
        Assert.True(Guid.TryParse(call.Data["Id"], out _));
        Assert.NotEmpty(call.Data["PopReceipt"]!);
        foreach (var time in (string[])["InsertionTime", "ExpirationTime", "NextVisibleTime"])
        {
            Assert.NotEqual(default, JsonSerializer.Deserialize<DateTimeOffset>(call.Data[time]!));
        }

        await host.WhenIdleAsync(false, Cancellation);
        Assert.Equal(0, await CountAsync());
        var invocation = Assert.Single(_invocations);
        Assert.Equal((call.InvocationId, "Work", true, null), (invocation.Id, invocation.Function, invocation.Succeeded, invocation.HttpStatus));
    }

    [Fact]
    public async Task A_message_that_fails_is_retried_as_host_json_says_and_ends_as_poison()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.HostJson["extensions"]!["queues"]!.AsObject().Remove("maxDequeueCount");
        app.Respond = _ => Task.FromResult(new Instruction { Throw = "on demand" });
        await using var host = await StartAsync(app);
        await SendAsync("""{"a":1}""");
        for (var i = 1; i <= 5; i++)
        {
            Assert.Equal($"{i}", (await app.NextAsync()).Data["DequeueCount"]);
        }

        await host.WhenIdleAsync(false, Cancellation);
        Assert.Equal((0, """{"a":1}"""), (app.Waiting, await PoisonAsync(QueueMessageEncoding.Base64)));
        Assert.Equal(5, _invocations.Count);
        Assert.All(_invocations, invocation => Assert.Contains("on demand", invocation.Error, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_failed_message_is_invisible_for_as_long_as_host_json_says()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.Respond = _ => Task.FromResult(new Instruction { Throw = "on demand" });
        await using var host = await app.StartAsync(options => options, null, ("AzureWebJobsStorage", await azurite.ConnectionStringAsync()), ("PROBE_QUEUE", await CreateAsync()));
        await SendAsync("{}");
        await app.NextAsync();
        // It is there, and not due for an hour.
        await host.WhenIdleAsync(ignoreDelayed: true, Cancellation);
        Assert.Equal(1, await CountAsync());
        var still = host.WhenIdleAsync(ignoreDelayed: false, Cancellation);
        Assert.False(still.IsCompleted);
        await (await QueueAsync()).ClearMessagesAsync(Cancellation);
        await still;
    }

    [Fact]
    public async Task A_text_that_does_not_decode_is_poison_at_once()
    {
        await using var app = await ProbeApp.CreateAsync();
        await using var host = await StartAsync(app);
        await (await QueueAsync(QueueMessageEncoding.None)).SendMessageAsync("no base64!", Cancellation);
        await host.WhenIdleAsync(false, Cancellation);
        Assert.Equal((0, "no base64!"), (app.Waiting, await PoisonAsync(QueueMessageEncoding.None)));
    }

    [Fact]
    public async Task Plain_text_is_delivered_where_host_json_sets_no_encoding()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.HostJson["extensions"]!["queues"]!["messageEncoding"] = "none";
        await using var host = await StartAsync(app);
        await (await QueueAsync(QueueMessageEncoding.None)).SendMessageAsync("no base64!", Cancellation);
        Assert.Equal("no base64!", (await app.NextAsync()).Text);
        await host.WhenIdleAsync(false, Cancellation);
    }

    [Fact]
    public async Task Sixteen_messages_are_fetched_at_once_and_more_when_half_of_them_are_done()
    {
        await using var app = await ProbeApp.CreateAsync();
        using var done = new SemaphoreSlim(0);
        app.Respond = async _ =>
        {
            await done.WaitAsync(Cancellation);
            return new Instruction();
        };
        await CreateAsync();
        for (var i = 0; i < 40; i++)
        {
            await SendAsync($"{i}");
        }

        await using var host = await StartAsync(app);
        for (var i = 0; i < 16; i++)
        {
            await app.NextAsync();
        }

        Assert.Equal((0, 40), (app.Waiting, await CountAsync()));

        // Nine of them are too many still; with eight the next batch comes.
        done.Release(7);
        await UntilAsync(() => _invocations.Count == 7);
        Assert.Equal(0, app.Waiting);
        done.Release();
        for (var i = 0; i < 16; i++)
        {
            await app.NextAsync();
        }

        Assert.Equal((0, 8), (app.Waiting, _invocations.Count));
        done.Release(32);
        await host.WhenIdleAsync(false, Cancellation);
        Assert.Equal(40, _invocations.Count);
    }

    [Fact]
    public async Task A_message_whose_worker_was_killed_is_redelivered()
    {
        await using var app = await ProbeApp.CreateAsync();
        var calls = 0;
        app.Respond = _ => Task.FromResult(new Instruction { Hang = Interlocked.Increment(ref calls) == 1 });
        await using var host = await StartAsync(app);
        await SendAsync("{}");
        await app.NextAsync();
        var killed = host.WorkerProcessId;
        host.KillWorker();
        Assert.Equal("2", (await app.NextAsync()).Data["DequeueCount"]);
        await host.WhenIdleAsync(false, Cancellation);
        Assert.NotEqual(killed, host.WorkerProcessId);
    }

    [Fact]
    public async Task A_host_that_ends_fails_only_the_messages_of_its_last_worker()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.HostJson["extensions"]!["queues"]!["batchSize"] = 1;
        app.HostJson["extensions"]!["queues"]!["newBatchThreshold"] = 0;
        app.Respond = _ => Task.FromResult(new Instruction { Hang = true });
        await using var host = await StartAsync(app, timing => timing with { FatalFailure = 1, QueueRetryDelay = TimeSpan.FromHours(1) });
        await SendAsync("with the worker");
        await app.NextAsync();
        await SendAsync("on the queue");
        host.KillWorker();
        await Assert.ThrowsAsync<WorkerException>(() => host.Ended.WaitAsync(Cancellation));

        Assert.Equal(2, await CountAsync());
        Assert.InRange(_invocations.Count, 0, 1);
        Assert.Null(await PoisonAsync(QueueMessageEncoding.Base64));
    }

    [Fact]
    public async Task A_host_whose_workers_are_killed_repeatedly_loses_no_message_and_repeats_none_that_succeeded()
    {
        const int messages = 80;
        await using var app = await ProbeApp.CreateAsync();
        app.HostJson["extensions"]!["queues"]!["maxDequeueCount"] = 1_000;
        var done = new ConcurrentDictionary<string, string>();
        await using var host = await StartAsync(app, timing => timing with { QueueRetryDelay = TimeSpan.Zero });
        var kills = 0;
        app.Respond = async call =>
        {
            // Every tenth call takes the worker with it, at another time each.
            var number = Interlocked.Increment(ref kills);
            if (number % 10 == 0 && number < 100)
            {
                host.KillWorker();
            }

            await Task.Yield();
            return new Instruction();
        };
        for (var i = 0; i < messages; i++)
        {
            await SendAsync($"{i}");
        }

        await host.WhenIdleAsync(false, Cancellation);

        var texts = new Dictionary<string, string>();
        while (app.Waiting > 0)
        {
            var call = await app.NextAsync();
            texts[call.InvocationId] = call.Text!;
        }

        // What the host counts as done it has deleted: nothing of that is done a second time.
        var succeeded = _invocations.Where(invocation => invocation.Succeeded).Select(invocation => texts[invocation.Id]).ToList();
        Assert.Equal(Enumerable.Range(0, messages).Select(i => $"{i}").Order(StringComparer.Ordinal), succeeded.Order(StringComparer.Ordinal));
        Assert.Contains(_invocations, invocation => !invocation.Succeeded);
        Assert.Null(await PoisonAsync(QueueMessageEncoding.Base64));
    }

    [Fact]
    public async Task The_lock_is_renewed_while_the_function_runs()
    {
        await using var app = await ProbeApp.CreateAsync();
        var finish = new TaskCompletionSource<Instruction>(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Respond = _ => finish.Task;
        await using var host = await StartAsync(app, timing => timing with { QueueLockRenewal = TimeSpan.FromMilliseconds(50) });
        await SendAsync("{}");
        await UntilAsync(() => _log.Count(line => line.Text.Contains("was renewed", StringComparison.Ordinal)) >= 2);
        finish.SetResult(new Instruction());
        // Deleted: the receipt of the last renewal was the one that counted.
        await host.WhenIdleAsync(false, Cancellation);
        Assert.Single(_invocations);
    }

    [Fact]
    public async Task A_queue_that_does_not_exist_yet_is_polled_until_it_does()
    {
        await using var app = await ProbeApp.CreateAsync();
        await using var host = await StartAsync(app, create: false);
        await host.WhenIdleAsync(false, Cancellation);
        await CreateAsync();
        await SendAsync("{}");
        await app.NextAsync();
        await host.WhenIdleAsync(false, Cancellation);
    }

    [Fact]
    public async Task Messages_are_processed_once_storage_is_back()
    {
        await using var own = await AzuriteServer.StartAsync(new AzuriteOptions(), null, Cancellation);
        await using var app = await ProbeApp.CreateAsync();
        var queue = new QueueClient(own.ConnectionString, _name, new QueueClientOptions { MessageEncoding = QueueMessageEncoding.Base64 });
        await queue.CreateAsync(cancellationToken: Cancellation);
        await queue.SendMessageAsync("{}", Cancellation);
        await own.SuspendAsync(Cancellation);
        await using var host = await app.StartAsync(options => options with { OnLog = _log.Enqueue }, null, ("AzureWebJobsStorage", own.ConnectionString), ("PROBE_QUEUE", _name));
        await UntilAsync(() => _log.Any(line => line.Text.Contains("can't be read", StringComparison.Ordinal)));
        Assert.Equal(0, app.Waiting);
        await own.ResumeAsync(Cancellation);
        await app.NextAsync();
        await host.WhenIdleAsync(false, Cancellation);
    }

    [Fact]
    public async Task Idle_means_that_all_invocations_have_ended()
    {
        await using var app = await ProbeApp.CreateAsync();
        var finish = new TaskCompletionSource<Instruction>(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Respond = _ => finish.Task;
        await using var host = await StartAsync(app);
        await SendAsync("{}");
        await app.NextAsync();
        var idle = host.WhenIdleAsync(ignoreDelayed: true, Cancellation);
        Assert.False(idle.IsCompleted);
        finish.SetResult(new Instruction());
        await idle;
        Assert.Single(_invocations);
    }

    private async Task<FunctionsHostEmulator> StartAsync(ProbeApp app, Func<FunctionsHostEmulatorOptions, FunctionsHostEmulatorOptions>? time = null, bool create = true)
    {
        if (create)
        {
            await CreateAsync();
        }

        return await app.StartAsync(
            options => options with { OnLog = _log.Enqueue, OnInvocation = _invocations.Enqueue },
            timing =>
            {
                timing = timing with { QueueRetryDelay = TimeSpan.Zero };
                return time?.Invoke(timing) ?? timing;
            },
            ("AzureWebJobsStorage", await azurite.ConnectionStringAsync()), ("PROBE_QUEUE", _name));
    }

    private async Task<string> CreateAsync()
    {
        await (await QueueAsync()).CreateIfNotExistsAsync(cancellationToken: Cancellation);
        return _name;
    }

    private async Task<QueueClient> QueueAsync(QueueMessageEncoding encoding = QueueMessageEncoding.Base64, string suffix = "") =>
        new(await azurite.ConnectionStringAsync(), _name + suffix, new QueueClientOptions { MessageEncoding = encoding });

    private async Task SendAsync(string text) => await (await QueueAsync()).SendMessageAsync(text, Cancellation);

    private async Task<int> CountAsync() => (await (await QueueAsync()).GetPropertiesAsync(Cancellation)).Value.ApproximateMessagesCount;

    private async Task<string?> PoisonAsync(QueueMessageEncoding encoding)
    {
        var poison = await QueueAsync(encoding, "-poison");
        return await poison.ExistsAsync(Cancellation) ? (await poison.PeekMessageAsync(Cancellation)).Value?.Body.ToString() : null;
    }

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(10, Cancellation);
        }
    }
}
