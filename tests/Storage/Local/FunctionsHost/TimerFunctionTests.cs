using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Local.FunctionsHost;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

public sealed class TimerFunctionTests(AzuriteFixture azurite)
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 23, 12, 0, 30, TimeSpan.Zero));

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_timer_runs_at_its_occurrences_and_not_at_the_start()
    {
        await using var app = await ProbeApp.CreateAsync();
        await using var host = await StartAsync(app, "0 */5 * * * *");
        await host.InvokeTimerAsync("Tick", Cancellation);
        Assert.Equal(("0001-01-01T00:00:00", "2026-11-23T12:05:00"), Status(await app.NextAsync()));

        Assert.Equal(("0001-01-01T00:00:00", "2026-11-23T12:05:00"), Status(await AdvanceUntilCalledAsync(app)));
        var (last, next) = Status(await AdvanceUntilCalledAsync(app));
        // The clock may have moved on while the first run ended: 12:10, or a later fifth minute.
        Assert.Matches("^2026-11-23T12:0[5-9]:[0-5]", last);
        Assert.Matches("^2026-11-23T1[2-9]:[0-5][05]:00$", next);
        Assert.True(string.CompareOrdinal(next, last) > 0);
    }

    [Fact]
    public async Task An_occurrence_during_a_run_is_skipped()
    {
        await using var app = await ProbeApp.CreateAsync();
        var finish = new TaskCompletionSource<Instruction>(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Respond = _ => finish.Task;
        await using var host = await StartAsync(app, "0 */5 * * * *");
        await AdvanceUntilCalledAsync(app);
        for (var minutes = 0; minutes < 20; minutes += 5)
        {
            _time.Advance(TimeSpan.FromMinutes(5));
        }

        app.Respond = _ => Task.FromResult(new Instruction());
        finish.SetResult(new Instruction());
        await host.WhenIdleAsync(false, Cancellation);
        Assert.Equal(0, app.Waiting);
        var (last, next) = Status(await AdvanceUntilCalledAsync(app));
        Assert.True(string.CompareOrdinal(next, "2026-11-23T12:25:00") >= 0, $"{last} {next}");
    }

    [Fact]
    public async Task Each_of_two_calls_of_one_timer_waits_for_its_own_run()
    {
        await using var app = await ProbeApp.CreateAsync();
        await using var host = await app.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => host.InvokeTimerAsync("tick", Cancellation)));
        Assert.Equal(5, app.Waiting);
    }

    [Fact]
    public async Task A_run_that_fails_is_reported()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.Respond = _ => Task.FromResult(new Instruction { Throw = "on demand" });
        await using var host = await app.StartAsync();
        var failure = await Assert.ThrowsAsync<WorkerException>(() => host.InvokeTimerAsync("Tick", Cancellation));
        Assert.Contains("on demand", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_whose_worker_is_killed_fails()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.Respond = _ => Task.FromResult(new Instruction { Hang = true });
        await using var host = await app.StartAsync();
        var run = host.InvokeTimerAsync("Tick", Cancellation);
        await app.NextAsync();
        host.KillWorker();
        await Assert.ThrowsAsync<WorkerException>(() => run);
    }

    [Fact]
    public async Task A_host_that_is_stopped_ends_its_run()
    {
        await using var app = await ProbeApp.CreateAsync();
        app.Respond = _ => Task.FromResult(new Instruction { Hang = true });
        await using var host = await app.StartAsync();
        var run = host.InvokeTimerAsync("Tick", Cancellation);
        await app.NextAsync();
        await host.StopAsync();
        await Assert.ThrowsAsync<WorkerException>(() => run);
    }

    [Fact]
    public async Task A_timer_due_more_than_once_a_minute_has_no_status()
    {
        await using var app = await ProbeApp.CreateAsync();
        await using var host = await app.StartAsync(("PROBE_SCHEDULE", "*/30 * * * * *"));
        await host.InvokeTimerAsync("Tick", Cancellation);
        Assert.Equal("""{"ScheduleStatus":null,"IsPastDue":false}""", (await app.NextAsync()).Text);
    }

    [Fact]
    public async Task A_missed_occurrence_runs_at_the_start_and_is_past_due()
    {
        await using var app = await ProbeApp.CreateAsync();
        var storage = await azurite.OwnAccountAsync();
        await using (var first = await StartAsync(app, "0 */5 * * * *", storage))
        {
            await AdvanceUntilCalledAsync(app);
            await first.WhenIdleAsync(false, Cancellation);
            // Written after the run; a host that is stopped in between makes the run up, too.
            while (await new TimerStatusStore(storage, _ => { }).ReadAsync("Tick", Cancellation) is not { } status || status.Last == DateTimeOffset.MinValue)
            {
                await Task.Delay(10, Cancellation);
            }
        }

        // While the schedule continues in time, nothing is past due.
        await using (var second = await StartAsync(app, "0 */5 * * * *", storage))
        {
            Assert.False(IsPastDue(await AdvanceUntilCalledAsync(app)));
            await second.WhenIdleAsync(false, Cancellation);
        }

        _time.Advance(TimeSpan.FromHours(1));
        await using var third = await StartAsync(app, "0 */5 * * * *", storage);
        Assert.True(IsPastDue(await app.NextAsync()));
    }

    [Fact]
    public async Task A_disabled_timer_runs_only_on_request()
    {
        await using var app = await ProbeApp.CreateAsync();
        await using var host = await app.StartAsync(options => options with { RunTimers = true }, null, ("PROBE_SCHEDULE", "* * * * * *"), ("AzureWebJobs.Tick.Disabled", "true"));
        await host.InvokeTimerAsync("Tick", Cancellation);
        await app.NextAsync();
        Assert.Equal(0, app.Waiting);
    }

    [Fact]
    public async Task An_unknown_timer_gives_an_error_with_the_known_ones()
    {
        await using var app = await ProbeApp.CreateAsync();
        await using var host = await app.StartAsync();
        var error = await Assert.ThrowsAsync<ArgumentException>(() => host.InvokeTimerAsync("Echo", Cancellation));
        Assert.Contains("Tick", error.Message, StringComparison.Ordinal);
    }

    private Task<FunctionsHostEmulator> StartAsync(ProbeApp app, string schedule, string? storage = null) => app.StartAsync(
        options => options with { RunTimers = true },
        timing => timing with { Time = _time },
        storage is null
            ? [("PROBE_SCHEDULE", schedule)]
            : [("PROBE_SCHEDULE", schedule), ("AzureWebJobsStorage", storage), ("AzureWebJobs.Work.Disabled", "true")]);

    // The loop may not have armed its timer yet: the clock moves in steps that no occurrence can hide in.
    private async Task<ProbeCall> AdvanceUntilCalledAsync(ProbeApp app)
    {
        var next = app.NextAsync().AsTask();
        while (!next.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(15));
            await Task.WhenAny(next, Task.Delay(50, Cancellation));
        }

        return await next;
    }

    private static bool IsPastDue(ProbeCall call)
    {
        using var timer = JsonDocument.Parse(call.Text!);
        return timer.RootElement.GetProperty("IsPastDue").GetBoolean();
    }

    // The worker reads the times in its own time zone: their digits are UTC's here.
    private static (string Last, string Next) Status(ProbeCall call)
    {
        using var timer = JsonDocument.Parse(call.Text!);
        var status = timer.RootElement.GetProperty("ScheduleStatus");
        return (Utc("Last"), Utc("Next"));

        string Utc(string name) => status.GetProperty(name).GetDateTimeOffset().UtcDateTime.ToString("s", System.Globalization.CultureInfo.InvariantCulture);
    }
}
