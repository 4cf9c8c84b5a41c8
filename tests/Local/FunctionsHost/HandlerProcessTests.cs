using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Local.FunctionsHost;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

public sealed class HandlerProcessTests
{
    private readonly ConcurrentQueue<HostLog> _log = [];

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_handler_runs_in_the_apps_root_and_its_lines_are_logged_by_where_they_come_from()
    {
        await using var app = (await TestApp.CreateAsync()).Http("Api", "api/{*path}");
        await using (var host = await StartAsync(app))
            await host.StopAsync();
        Assert.Contains(_log, line => line is { Source: "handler", Level: LogLevel.Information } && line.Text.StartsWith("out: ", StringComparison.Ordinal) && line.Text.EndsWith(Path.GetFileName(app.Root), StringComparison.Ordinal));
        Assert.Contains(_log, line => line is { Level: LogLevel.Error, Text: "err: broken" });
        Assert.Contains(_log, line => line is { Level: LogLevel.Warning, Text: "a warning" });
    }

    [Fact]
    public async Task Stopping_leaves_no_process()
    {
        await using var app = (await TestApp.CreateAsync()).Http("Api", "api/{*path}");
        var host = await StartAsync(app);
        using var handler = Process.GetProcessById(host.HandlerProcessId!.Value);
        await host.DisposeAsync();
        Assert.True(handler.HasExited);
        Assert.Null(host.HandlerProcessId);
        Assert.True(host.Ended.IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_killed_handler_is_started_again()
    {
        await using var app = (await TestApp.CreateAsync()).Timer("Tick", "0 0 0 1 1 *");
        await using var host = await StartAsync(app);
        using (var first = Process.GetProcessById(host.HandlerProcessId!.Value))
        {
            host.KillHandler();
            await first.WaitForExitAsync(Now);
        }
        await UntilAsync(() => _log.Any(line => line.Text.Contains("crash 1 of", StringComparison.Ordinal)));
        await host.WaitForHandlerAsync(Now);
        await host.InvokeTimerAsync("Tick", Now);
    }

    [Fact]
    public async Task The_third_crash_within_half_an_hour_stops_the_host()
    {
        await using var app = (await TestApp.CreateAsync()).Http("Api", "api/{*path}");
        var failure = await Assert.ThrowsAsync<HandlerException>(() => StartAsync(app, null, ("TEST_EXIT", "3")));
        Assert.Contains("crashed 3 times", failure.Message, StringComparison.Ordinal);
        Assert.Contains("exit code 3", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Crashes_further_apart_do_not_stop_the_host()
    {
        await using var app = (await TestApp.CreateAsync()).Timer("Tick", "0 0 0 1 1 *");
        var time = new FakeTimeProvider();
        await using var host = await StartAsync(app, options => options with { Time = time });
        for (var crash = 1; crash <= 3; crash++)
        {
            host.KillHandler();
            await UntilAsync(() => _log.Count(line => line.Text.StartsWith("The handler exited with code", StringComparison.Ordinal)) == crash);
            await host.WaitForHandlerAsync(Now);
            time.Advance(TimeSpan.FromMinutes(16));
        }
        await host.InvokeTimerAsync("Tick", Now);
        Assert.False(host.Ended.IsCompleted);
    }

    [Fact]
    public async Task A_running_host_ends_with_the_fatal_crash()
    {
        await using var app = (await TestApp.CreateAsync()).Http("Api", "api/{*path}");
        await using var host = await StartAsync(app, options => options with { FatalCrash = 1 });
        host.KillHandler();
        await Assert.ThrowsAsync<HandlerException>(() => host.Ended.WaitAsync(Now));
        using var client = new HttpClient();
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetAsync(new Uri(host.HttpAddress, "api/x"), Now));
    }

    [Fact]
    public async Task A_handler_that_exits_with_0_is_not_started_again_and_every_call_answers_500()
    {
        await using var app = (await TestApp.CreateAsync()).Http("Api", "api/{*path}").Timer("Tick", "0 0 0 1 1 *");
        app.Respond = _ => Task.FromResult(new Answer(Exit: 0));
        await using var host = await StartAsync(app);
        await Assert.ThrowsAsync<HandlerException>(() => host.InvokeTimerAsync("Tick", Now));
        await UntilAsync(() => _log.Any(line => line.Text.Contains("exited with code 0", StringComparison.Ordinal)));
        using var client = new HttpClient();
        using var answer = await client.GetAsync(new Uri(host.HttpAddress, "api/x"), Now);
        Assert.Equal(HttpStatusCode.InternalServerError, answer.StatusCode);
        Assert.Equal(1, app.Waiting);
        Assert.Null(host.HandlerProcessId);
        await Assert.ThrowsAsync<HandlerException>(() => host.InvokeTimerAsync("Tick", Now));
    }

    [Fact]
    public async Task A_handler_that_does_not_answer_in_time_fails_the_start()
    {
        await using var app = (await TestApp.CreateAsync()).Http("Api", "api/{*path}");
        app.HostJson["customHandler"]!["initializationTimeout"] = "00:00:00.5";
        var failure = await Assert.ThrowsAsync<HandlerException>(() => StartAsync(app, null, ("TEST_SILENT", "1")));
        Assert.Contains("did not answer GET /", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_handler_that_is_not_there_fails_the_start()
    {
        await using var app = (await TestApp.CreateAsync()).Http("Api", "api/{*path}");
        app.HostJson["customHandler"]!["description"]!["defaultExecutablePath"] = "no-such-handler";
        var failure = await Assert.ThrowsAsync<HandlerException>(() => StartAsync(app));
        Assert.Contains("no-such-handler", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_handler_without_its_exec_bit_is_refused_since_Azure_would_hang()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "Windows knows no such bit.");
        await using var app = (await TestApp.CreateAsync()).Http("Api", "api/{*path}");
        app.HostJson["customHandler"]!["description"]!["defaultExecutablePath"] = "handler.mjs";
        var failure = await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync(app));
        Assert.Contains("chmod +x", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_call_longer_than_functionTimeout_ends_the_handler()
    {
        await using var app = (await TestApp.CreateAsync()).Timer("Tick", "0 0 0 1 1 *");
        app.HostJson["functionTimeout"] = "00:00:00.3";
        app.Respond = _ => new TaskCompletionSource<Answer>().Task.WaitAsync(Now);
        await using var host = await StartAsync(app);
        var failure = await Assert.ThrowsAsync<HandlerException>(() => host.InvokeTimerAsync("Tick", Now));
        Assert.Contains("functionTimeout", failure.Message, StringComparison.Ordinal);
        await UntilAsync(() => _log.Any(line => line.Text.Contains("crash 1 of", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("""[{"type":"httpTrigger","name":"r","authLevel":"anonymous","route":"admin/x"},{"type":"http","direction":"out","name":"o"}]""", "'admin'")]
    [InlineData("""[{"type":"httpTrigger","name":"r","authLevel":"anonymous","route":"x"}]""", "one http out")]
    [InlineData("""[{"type":"httpTrigger","name":"r","route":"x"},{"type":"http","direction":"out","name":"o"}]""", "anonymous")]
    [InlineData("""[{"type":"timerTrigger","name":"t","schedule":"* * * * *"}]""", "six fields")]
    [InlineData("""[{"type":"queueTrigger","name":"q"}]""", "queueName")]
    [InlineData("""[{"type":"queueTrigger","name":"q","queueName":"%NO_SUCH_SETTING%"}]""", "NO_SUCH_SETTING")]
    [InlineData("""[{"type":"queueTrigger","name":"q","queueName":"x"}]""", "AzureWebJobsStorage")]
    [InlineData("""[{"type":"blobTrigger","name":"b"}]""", "BLOBTRIGGER")]
    [InlineData("""[]""", "exactly one trigger")]
    public async Task A_function_that_can_not_run_is_refused_with_the_reason(string bindings, string reason)
    {
        await using var app = (await TestApp.CreateAsync()).Function("Odd", JsonNode.Parse(bindings)!.AsArray());
        var failure = await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync(app));
        Assert.Contains(reason, failure.Message, StringComparison.Ordinal);
    }

    private Task<StandInHost> StartAsync(TestApp app, Func<StandInHostOptions, StandInHostOptions>? change = null, params (string, string)[] settings) => app.StartAsync(
        options =>
        {
            options = options with { OnLog = _log.Enqueue };
            return change?.Invoke(options) ?? options;
        },
        settings);

    private static async Task UntilAsync(Func<bool> condition)
    {
        while (!condition())
            await Task.Delay(10, Now);
    }
}
