using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Local.FunctionsHost;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

public sealed class WorkerProcessTests
{
    private readonly ConcurrentQueue<HostLog> _log = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_worker_runs_in_the_folder_of_the_app_and_its_output_is_logged()
    {
        await using var app = await ProbeApp.CreateAsync();
        await using (var host = await StartAsync(app))
        {
            Assert.Equal(["Echo", "Policy", "Tick", "Work"], host.Functions.Order());
            await host.StopAsync();
        }

        Assert.Contains(_log, line => line is { Source: "worker", Level: LogLevel.Information } && line.Text.StartsWith("out: ", StringComparison.Ordinal) && line.Text.EndsWith(Path.GetFileName(app.Root), StringComparison.Ordinal));
        Assert.Contains(_log, line => line is { Source: "worker", Level: LogLevel.Error, Text: "err: broken" });
        Assert.Contains(_log, line => line is { Source: "worker", Level: LogLevel.Warning, Text: "a warning" });
        Assert.Contains(_log, line => line is { Source: "Microsoft.Hosting.Lifetime", Level: LogLevel.Information } && line.Text.StartsWith("Now listening on", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Stopping_leaves_no_process()
    {
        await using var app = await ProbeApp.CreateAsync();
        var host = await StartAsync(app);
        using var worker = Process.GetProcessById(host.WorkerProcessId!.Value);
        await host.DisposeAsync();
        Assert.True(worker.HasExited);
        Assert.Null(host.WorkerProcessId);
        Assert.True(host.Ended.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_killed_worker_is_restarted_at_once_and_the_second_time_after_a_delay()
    {
        await using var app = await ProbeApp.CreateAsync();
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await StartAsync(app, timing => timing with { Time = time, WorkerRestartDelay = TimeSpan.FromSeconds(10), FatalFailure = 3 });
        var first = host.WorkerProcessId;
        host.KillWorker();
        await host.WaitForWorkerAsync(Cancellation);
        Assert.NotEqual(first, host.WorkerProcessId);
        await host.InvokeTimerAsync("Tick", Cancellation);

        host.KillWorker();
        await UntilAsync(() => _log.Any(line => line.Text.Contains("failure 2", StringComparison.Ordinal)));
        Assert.Null(host.WorkerProcessId);
        // The loop may not have armed its timer yet.
        var back = host.WaitForWorkerAsync(Cancellation);
        while (!back.IsCompleted)
        {
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.WhenAny(back, Task.Delay(50, Cancellation));
        }

        await host.InvokeTimerAsync("Tick", Cancellation);
    }

    [Fact]
    public async Task A_worker_that_was_killed_from_outside_is_restarted_too()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.Respond = _ => Task.FromResult(new Instruction { Exit = 0 });
        await using var host = await StartAsync(app);
        await Assert.ThrowsAsync<WorkerException>(() => host.InvokeTimerAsync("Tick", Cancellation));
        app.Respond = _ => Task.FromResult(new Instruction());
        await host.InvokeTimerAsync("Tick", Cancellation);
        Assert.Contains(_log, line => line.Text.Contains("exited with code 0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Three_failed_starts_end_the_host()
    {
        await using var app = await ProbeApp.CreateAsync();
        var failure = await Assert.ThrowsAsync<WorkerException>(() => StartAsync(app, timing => timing with { FatalFailure = 3 }, ("PROBE_START", "exit")));
        Assert.Contains("failed 3 times", failure.Message, StringComparison.Ordinal);
        Assert.Contains("exit code 3", failure.Message, StringComparison.Ordinal);
        Assert.Equal(3, _log.Count(line => line.Text == "error: nothing to do"));
    }

    [Fact]
    public async Task A_worker_that_never_calls_the_host_is_a_failed_start()
    {
        await using var app = await ProbeApp.CreateAsync();
        var failure = await Assert.ThrowsAsync<WorkerException>(() => StartAsync(app, timing => timing with { WorkerStartTimeout = TimeSpan.FromSeconds(1), FatalFailure = 1 }, ("PROBE_START", "silent")));
        Assert.Contains("not ready within", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Failures_far_apart_do_not_end_the_host()
    {
        await using var app = await ProbeApp.CreateAsync();
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using var host = await StartAsync(app, timing => timing with { Time = time, FatalFailure = 2 });
        for (var failure = 1; failure <= 3; failure++)
        {
            host.KillWorker();
            await UntilAsync(() => _log.Count(line => line.Text.Contains("failure 1", StringComparison.Ordinal)) == failure);
            await host.WaitForWorkerAsync(Cancellation);
            time.Advance(TimeSpan.FromMinutes(31));
        }

        Assert.False(host.Ended.IsCompleted);
    }

    [Fact]
    public async Task A_running_host_ends_with_the_fatal_error()
    {
        await using var app = await ProbeApp.CreateAsync();
        await using var host = await StartAsync(app, timing => timing with { FatalFailure = 1 });
        host.KillWorker();
        await Assert.ThrowsAsync<WorkerException>(() => host.Ended.WaitAsync(Cancellation));
        using var client = new HttpClient();
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri(host.HttpAddress, "echo/x"), Cancellation));
        await Assert.ThrowsAsync<WorkerException>(() => host.WaitForWorkerAsync(Cancellation));
        await Assert.ThrowsAsync<WorkerException>(() => host.WhenIdleAsync(false, Cancellation));
    }

    [Fact]
    public async Task A_function_beyond_functionTimeout_is_cancelled_and_the_worker_continues_if_it_stops()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.HostJson["functionTimeout"] = "00:00:00.3";
        app.Respond = _ => Task.FromResult(new Instruction { Hang = true });
        await using var host = await StartAsync(app, timing => timing with { TimeoutGrace = Timeout.InfiniteTimeSpan });
        var worker = host.WorkerProcessId;
        var failure = await Assert.ThrowsAsync<WorkerException>(() => host.InvokeTimerAsync("Tick", Cancellation));
        Assert.Contains("functionTimeout", failure.Message, StringComparison.Ordinal);
        using var client = new HttpClient { BaseAddress = host.HttpAddress };
        using var answer = await client.GetAsync("echo/x", Cancellation);
        Assert.Equal((HttpStatusCode.InternalServerError, worker), (answer.StatusCode, host.WorkerProcessId));
    }

    [Fact]
    public async Task A_function_that_ignores_its_cancellation_ends_the_worker_without_counting_as_a_failed_start()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.HostJson["functionTimeout"] = "00:00:00.3";
        app.Respond = _ => Task.FromResult(new Instruction { Hang = true, IgnoreCancel = true });
        await using var host = await StartAsync(app, timing => timing with { TimeoutGrace = TimeSpan.FromMilliseconds(100), FatalFailure = 1 });
        var worker = host.WorkerProcessId;
        await Assert.ThrowsAsync<WorkerException>(() => host.InvokeTimerAsync("Tick", Cancellation));
        await host.WaitForWorkerAsync(Cancellation);
        Assert.NotEqual(worker, host.WorkerProcessId);
        app.Respond = _ => Task.FromResult(new Instruction());
        // A slow machine may need longer for one call than the time-out is: that is another way to end a worker.
        while (await Record.ExceptionAsync(() => host.InvokeTimerAsync("Tick", Cancellation)) is { } failure)
        {
            Assert.Contains("functionTimeout", failure.Message, StringComparison.Ordinal);
        }

        Assert.False(host.Ended.IsCompleted);
    }

    [Theory]
    [InlineData("worker.config.json", "worker.config.json is missing")]
    [InlineData("host.json", "host.json is missing")]
    public async Task A_folder_without_a_published_worker_is_refused(string missing, string reason)
    {
        await using var app = await ProbeApp.CreateAsync();
        var options = app.Options();
        File.Delete(Path.Combine(app.Root, missing));
        var failure = await Assert.ThrowsAsync<InvalidDataException>(() => FunctionsHostEmulator.StartAsync(options, new FunctionsHostEmulatorOptions(), Cancellation));
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_missing_program_fails_the_start()
    {
        await using var app = await ProbeApp.CreateAsync();
        var file = Path.Combine(app.Root, "worker.config.json");
        var config = JsonNode.Parse(await File.ReadAllTextAsync(file, Cancellation))!;
        config["description"]!["defaultExecutablePath"] = "no-such-runtime";
        File.Delete(file);
        await File.WriteAllTextAsync(file, config.ToJsonString(), Cancellation);
        var failure = await Assert.ThrowsAsync<WorkerException>(() => StartAsync(app));
        Assert.Contains("no-such-runtime", failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("""[{"type":"httpTrigger","name":"r","authLevel":"anonymous","route":"admin/x"}]""", "'admin'")]
    [InlineData("""[{"type":"httpTrigger","name":"r","authLevel":"anonymous","route":"Runtime"}]""", "'runtime'")]
    [InlineData("""[{"type":"httpTrigger","name":"r","authLevel":"Function","route":"x"}]""", "anonymous")]
    [InlineData("""[{"type":"timerTrigger","name":"t","schedule":"* * * * *"}]""", "six fields")]
    [InlineData("""[{"type":"timerTrigger","name":"t","schedule":"%NO_SUCH_SETTING%"}]""", "NO_SUCH_SETTING")]
    [InlineData("""[{"type":"queueTrigger","name":"q"}]""", "queueName")]
    [InlineData("""[{"type":"queueTrigger","name":"q","queueName":"%NO_SUCH_SETTING%"}]""", "NO_SUCH_SETTING")]
    [InlineData("""[{"type":"queueTrigger","name":"q","queueName":"x","connection":"NoSuchStorage"}]""", "NoSuchStorage")]
    [InlineData("""[{"type":"queueTrigger","name":"q","queueName":"x","connection":"Storage","properties":{"supportsDeferredBinding":"True"}}]""", "string")]
    [InlineData("""[{"type":"blobTrigger","name":"b"}]""", "BLOBTRIGGER")]
    [InlineData("[]", "exactly one trigger")]
    public void A_function_that_cannot_run_is_refused_with_the_reason(string bindings, string reason)
    {
        var failure = Assert.Throws<InvalidDataException>(() => Read(bindings));
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_trigger_refers_to_settings_between_percent_signs()
    {
        var read = Assert.IsType<QueueTrigger>(Read("""[{"type":"queueTrigger","name":"q","queueName":"a-%QUEUE%-b","connection":"Storage"}]""").Trigger);
        Assert.Equal(("a-named-b", "UseDevelopmentStorage=true"), (read.Queue, read.ConnectionString));
    }

    [Theory]
    [InlineData("", "x")]
    [InlineData("api", "api/x")]
    [InlineData("/v1/", "v1/x")]
    public void A_route_begins_with_the_prefix_of_host_json(string prefix, string route)
    {
        var read = Assert.IsType<HttpTrigger>(Read("""[{"type":"httpTrigger","name":"r","authLevel":"anonymous","route":"x","methods":["get"]}]""", prefix).Trigger);
        Assert.Equal((route, "GET"), (read.Route, Assert.Single(read.Methods)));
    }

    private static FunctionDefinition Read(string bindings, string prefix = "")
    {
        using var parsed = JsonDocument.Parse(bindings);
        var host = new HostConfiguration(prefix, TimeSpan.FromMinutes(5), new QueueSettings(16, 8, 5, TimeSpan.Zero, TimeSpan.FromMinutes(1), Base64: true));
        return FunctionDefinition.Read("Odd", parsed.RootElement.EnumerateArray(), host, new Dictionary<string, string> { ["QUEUE"] = "named", ["Storage"] = "UseDevelopmentStorage=true" });
    }

    private Task<FunctionsHostEmulator> StartAsync(ProbeApp app, Func<FunctionsHostEmulatorOptions, FunctionsHostEmulatorOptions>? time = null, params (string, string)[] settings) =>
        app.StartAsync(options => options with { OnLog = _log.Enqueue }, time, settings);

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
        {
            await Task.Delay(10, Cancellation);
        }
    }
}
