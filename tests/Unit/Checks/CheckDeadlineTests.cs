using Microsoft.Extensions.Time.Testing;
using StsFunctions.Network.Probes;
using Xunit;

namespace StsFunctions.Tests.Checks;

public sealed class CheckDeadlineTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_task_that_completes_in_time_returns_its_result()
    {
        using var deadline = new CheckDeadline(TimeSpan.FromMinutes(4), _time, Cancellation);

        Assert.Equal("observed", await deadline.RunAsync(_ => Task.FromResult("observed"), "undone"));
        Assert.False(deadline.Exceeded);
    }

    [Fact]
    public async Task A_task_that_runs_out_of_time_is_reported_and_the_reserve_is_left_for_the_last_one()
    {
        using var deadline = new CheckDeadline(TimeSpan.FromMinutes(4), _time, Cancellation);
        var looking = deadline.RunAsync(Forever, "undone");
        var last = deadline.RunInReserveAsync(Forever, "undone");
        _time.Advance(TimeSpan.FromSeconds(209));
        Assert.False(looking.IsCompleted);

        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal("undone", await looking);
        Assert.True(deadline.Exceeded);
        Assert.Equal("undone", await deadline.RunAsync(_ => Task.FromResult("late"), "undone"));
        Assert.Equal("observed", await deadline.RunInReserveAsync(_ => Task.FromResult("observed"), "undone"));
        Assert.False(last.IsCompleted);

        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("undone", await last);
    }

    [Fact]
    public async Task A_caller_that_cancels_gets_no_result()
    {
        using var giveUp = new CancellationTokenSource();
        using var deadline = new CheckDeadline(TimeSpan.FromMinutes(4), _time, giveUp.Token);
        var looking = deadline.RunAsync(Forever, "undone");

        await giveUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => looking);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => deadline.RunAsync(_ => Task.FromResult("late"), "undone"));
        Assert.False(deadline.Exceeded);
    }

    private static async Task<string> Forever(CancellationToken limit)
    {
        await Task.Delay(Timeout.Infinite, limit);
        return "observed";
    }
}
