using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

public sealed class TimerFunctionTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 11, 23, 12, 0, 30, TimeSpan.Zero));

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_timer_runs_at_its_occurrences_and_not_at_the_start()
    {
        await using var app = (await TestApp.CreateAsync()).Timer("Tick", "0 */5 * * * *");
        await using var host = await app.StartAsync(options => options with { Time = _time, RunTimers = true });
        await host.InvokeTimerAsync("Tick", Now);
        Assert.Equal(("0001-01-01T00:00:00+00:00", "2026-11-23T12:05:00+00:00"), Status(await app.NextAsync()));

        Assert.Equal(("0001-01-01T00:00:00+00:00", "2026-11-23T12:05:00+00:00"), Status(await AdvanceUntilCalledAsync(app)));
        var (last, next) = Status(await AdvanceUntilCalledAsync(app));
        Assert.Equal("2026-11-23T12:05:00+00:00", last);
        // The clock may have moved on while the first run ended: 12:10, or a later fifth minute.
        Assert.Matches("^2026-11-23T1[2-9]:[0-5][05]:00\\+00:00$", next);
        Assert.True(string.CompareOrdinal(next, last) > 0);
    }

    [Fact]
    public async Task Two_calls_of_one_timer_run_one_after_the_other()
    {
        await using var app = (await TestApp.CreateAsync()).Timer("Tick", "0 */5 * * * *");
        var running = 0;
        var most = 0;
        app.Respond = async _ =>
        {
            most = Math.Max(most, Interlocked.Increment(ref running));
            await Task.Yield();
            Interlocked.Decrement(ref running);
            return new Answer();
        };
        await using var host = await app.StartAsync();
        await Task.WhenAll(Enumerable.Range(0, 5).Select(_ => host.InvokeTimerAsync("Tick", Now)));
        Assert.Equal(1, most);
        Assert.Equal(5, app.Waiting);
    }

    [Fact]
    public async Task An_occurrence_that_falls_into_a_run_is_left_out()
    {
        await using var app = (await TestApp.CreateAsync()).Timer("Tick", "0 */5 * * * *");
        var finish = new TaskCompletionSource<Answer>(TaskCreationOptions.RunContinuationsAsynchronously);
        var leftOut = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        app.Respond = _ => finish.Task;
        await using var host = await app.StartAsync(options => options with
        {
            Time = _time,
            RunTimers = true,
            OnLog = line =>
            {
                if (line.Text.Contains("is left out", StringComparison.Ordinal))
                    leftOut.TrySetResult();
            },
        });
        var run = host.InvokeTimerAsync("Tick", Now);
        await app.NextAsync();
        while (!leftOut.Task.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(15));
            await Task.WhenAny(leftOut.Task, Task.Delay(50, Now));
        }
        Assert.Equal(0, app.Waiting);
        finish.SetResult(new Answer());
        await run;
    }

    [Fact]
    public async Task A_name_that_no_timer_has_is_answered_with_those_there_are()
    {
        await using var app = (await TestApp.CreateAsync()).Timer("Tick", "0 */5 * * * *");
        await using var host = await app.StartAsync();
        var error = await Assert.ThrowsAsync<ArgumentException>(() => host.InvokeTimerAsync("Tock", Now));
        Assert.Contains("Tick", error.Message, StringComparison.Ordinal);
    }

    // The loop may not have armed its timer yet: the clock moves in steps that no occurrence can hide in.
    private async Task<RecordedRequest> AdvanceUntilCalledAsync(TestApp app)
    {
        var next = app.NextAsync().AsTask();
        while (!next.IsCompleted)
        {
            _time.Advance(TimeSpan.FromSeconds(15));
            await Task.WhenAny(next, Task.Delay(50, Now));
        }
        return await next;
    }

    private static (string? Last, string? Next) Status(RecordedRequest request)
    {
        using var body = JsonDocument.Parse(request.Body);
        var status = body.RootElement.GetProperty("Data").GetProperty("timer").GetProperty("ScheduleStatus");
        return (status.GetProperty("Last").GetString(), status.GetProperty("Next").GetString());
    }
}
