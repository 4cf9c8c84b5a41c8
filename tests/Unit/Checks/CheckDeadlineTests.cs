using Microsoft.Extensions.Time.Testing;
using StsFunctions.Network.Probes;
using Xunit;

namespace StsFunctions.Tests.Checks;

public sealed class CheckDeadlineTests
{
    private readonly FakeTimeProvider _time = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_comes_about_in_time_is_what_is_seen()
    {
        using var deadline = new CheckDeadline(TimeSpan.FromMinutes(4), _time, Cancellation);

        Assert.Equal("seen", await deadline.RunAsync(_ => Task.FromResult("seen"), "undone"));
        Assert.False(deadline.Exceeded);
    }

    [Fact]
    public async Task What_does_not_is_undone_and_said_to_be_while_the_last_question_still_has_time()
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
        Assert.Equal("seen", await deadline.RunInReserveAsync(_ => Task.FromResult("seen"), "undone"));
        Assert.False(last.IsCompleted);

        _time.Advance(TimeSpan.FromSeconds(30));
        Assert.Equal("undone", await last);
    }

    [Fact]
    public async Task Who_gives_up_is_not_answered()
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
        return "seen";
    }
}
