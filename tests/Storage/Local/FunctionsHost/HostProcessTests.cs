using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using Azure.Storage.Queues;
using StsFunctions.Local.FunctionsHost;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

/// <summary>A host in its own process: a real one that STS_HOST_COMMAND names, or else the emulator.</summary>
public sealed class HostProcessTests(AzuriteFixture azurite)
{
    private readonly string _queue = $"q{Guid.NewGuid():N}";
    private readonly ConcurrentQueue<HostLog> _log = [];
    private readonly ConcurrentQueue<Invocation> _invocations = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Requests_timers_and_messages_reach_the_functions()
    {
        await using var app = await ProbeApp.CreateAsync();
        await using var host = await StartAsync(app);
        Assert.Equal(["Echo", "Policy", "Tick", "Work"], host.Functions.Order());
        using var client = new HttpClient { BaseAddress = host.HttpAddress };
        using (var answer = await client.GetAsync("echo/x", Cancellation))
        {
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
        }

        Assert.Equal(("Echo", "/echo/x"), await app.NextAsync() is var http ? (http.Function, http.Target) : default);

        await host.InvokeTimerAsync("Tick", Cancellation);
        var timer = await app.NextAsync();
        Assert.Equal("Tick", timer.Function);
        Assert.Contains(_invocations, invocation => invocation is { Function: "Tick", Succeeded: true } && invocation.Id == timer.InvocationId);

        await SendAsync("hello");
        Assert.Equal(("Work", "hello"), await app.NextAsync() is var message ? (message.Function, message.Text) : default);
        await host.WhenIdleAsync(ignoreDelayed: false, Cancellation);
        Assert.Equal(0, (await (await QueueAsync()).GetPropertiesAsync(Cancellation)).Value.ApproximateMessagesCount);
    }

    [Fact]
    public async Task A_failed_run_of_a_timer_is_reported_and_a_function_without_a_timer_is_refused()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.Respond = _ => Task.FromResult(new Instruction { Throw = "on demand" });
        await using var host = await StartAsync(app);
        await Assert.ThrowsAsync<WorkerException>(() => host.InvokeTimerAsync("Tick", Cancellation));
        await Assert.ThrowsAsync<ArgumentException>(() => host.InvokeTimerAsync("Work", Cancellation));
        Assert.False(Assert.Single(_invocations).Succeeded);
    }

    [Fact]
    public async Task Idle_means_that_all_invocations_have_ended_although_a_delayed_message_waits()
    {
        await using var app = await ProbeApp.CreateAsync();
        var finish = new TaskCompletionSource<Instruction>(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Respond = _ => finish.Task;
        await using var host = await StartAsync(app);
        await SendAsync("now");
        await (await QueueAsync()).SendMessageAsync("later", TimeSpan.FromDays(1), cancellationToken: Cancellation);
        await app.NextAsync();
        var idle = host.WhenIdleAsync(ignoreDelayed: true, Cancellation);
        Assert.False(idle.IsCompleted);
        finish.SetResult(new Instruction());
        await idle;
        var nothing = host.WhenIdleAsync(ignoreDelayed: false, Cancellation);
        Assert.False(nothing.IsCompleted);
        await (await QueueAsync()).ClearMessagesAsync(Cancellation);
        await nothing;
    }

    [Fact]
    public async Task A_killed_worker_is_replaced_and_the_new_one_serves()
    {
        await using var app = await ProbeApp.CreateAsync();
        await using var host = await StartAsync(app);
        Assert.SkipUnless(host.Capabilities.HasFlag(HostCapabilities.KillWorker), "This host's worker can't be found.");
        var first = host.WorkerProcessId!.Value;
        using var worker = Process.GetProcessById(first);
        host.KillWorker();
        await worker.WaitForExitAsync(Cancellation);
        await host.WaitForWorkerAsync(Cancellation);
        Assert.NotEqual(first, host.WorkerProcessId);
        await host.InvokeTimerAsync("Tick", Cancellation);
    }

    [Fact]
    public async Task A_host_that_ends_is_restarted_and_its_interrupted_run_has_failed()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.Respond = _ => Task.FromResult(new Instruction { Hang = true });
        await using var host = await StartAsync(app);
        Assert.SkipUnless(host.Capabilities.HasFlag(HostCapabilities.KillWorker), "This host's worker can't be found.");
        var run = host.InvokeTimerAsync("Tick", Cancellation);
        await app.NextAsync();
        using (var parent = Process.GetProcessById(host.HostProcessId!.Value))
        {
            parent.Kill(entireProcessTree: true);
        }

        await Assert.ThrowsAsync<WorkerException>(() => run);
        app.Respond = _ => Task.FromResult(new Instruction());
        await host.WaitForWorkerAsync(Cancellation);
        await host.InvokeTimerAsync("Tick", Cancellation);
        Assert.False(host.Ended.IsCompleted);
    }

    [Fact]
    public async Task Stopping_leaves_no_process()
    {
        await using var app = await ProbeApp.CreateAsync();
        var host = await StartAsync(app);
        Assert.SkipUnless(host.Capabilities.HasFlag(HostCapabilities.KillWorker), "This host's worker can't be found.");
        using var worker = Process.GetProcessById(host.WorkerProcessId!.Value);
        using var parent = Process.GetProcessById(host.HostProcessId!.Value);
        await host.DisposeAsync();
        await worker.WaitForExitAsync(Cancellation);
        Assert.True(parent.HasExited);
        Assert.True(host.Ended.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_command_that_starts_no_host_fails_with_its_last_lines()
    {
        await using var app = await ProbeApp.CreateAsync();
        var missing = await Assert.ThrowsAsync<WorkerException>(() => FunctionsHostProcess.StartAsync(app.Options(), "no-such-host --port {port}", Cancellation));
        Assert.Contains("no-such-host", missing.Message, StringComparison.Ordinal);
        var ended = await Assert.ThrowsAsync<WorkerException>(() => FunctionsHostProcess.StartAsync(app.Options(), "dotnet no-such-host.dll", Cancellation));
        Assert.Contains("no-such-host.dll", ended.Message, StringComparison.Ordinal);
    }

    private async Task<FunctionsHostProcess> StartAsync(ProbeApp app)
    {
        await (await QueueAsync()).CreateIfNotExistsAsync(cancellationToken: Cancellation);
        return await app.StartProcessAsync(
            options => options with { OnLog = _log.Enqueue, OnInvocation = _invocations.Enqueue }, ("AzureWebJobsStorage", await azurite.ConnectionStringAsync()), ("PROBE_QUEUE", _queue));
    }

    private async Task<QueueClient> QueueAsync() => new(await azurite.ConnectionStringAsync(), _queue, new QueueClientOptions { MessageEncoding = QueueMessageEncoding.Base64 });

    private async Task SendAsync(string text) => await (await QueueAsync()).SendMessageAsync(text, Cancellation);
}
