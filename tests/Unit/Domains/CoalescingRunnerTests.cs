using StsFunctions.Storage.Domains;
using Xunit;

namespace StsFunctions.Tests.Domains;

/// <summary>Concurrent callers share a run that starts after their call.</summary>
public sealed class CoalescingRunnerTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private readonly CoalescingRunner _runs = new();
    private readonly List<TaskCompletionSource> _begun = [];

    [Fact]
    public async Task A_caller_during_a_run_shares_the_next_run()
    {
        var first = AskAsync("a");
        await BegunAsync(1);
        var others = Enumerable.Range(0, 20).Select(_ => AskAsync("a")).ToList();

        _begun[0].SetResult();
        await first;
        await BegunAsync(2);
        Assert.All(others, other => Assert.False(other.IsCompleted));
        _begun[1].SetResult();
        await Task.WhenAll(others);

        Assert.Equal(2, _begun.Count);
    }

    [Fact]
    public async Task A_run_that_has_started_serves_no_later_caller()
    {
        var first = AskAsync("a");
        await BegunAsync(1);
        var second = AskAsync("a");
        _begun[0].SetResult();
        await first;
        await BegunAsync(2);

        var third = AskAsync("a");
        _begun[1].SetResult();
        await second;
        await BegunAsync(3);

        Assert.False(third.IsCompleted);
        _begun[2].SetResult();
        await third;
    }

    [Fact]
    public async Task Different_keys_do_not_wait_for_each_other()
    {
        var (a, b) = (AskAsync("a"), AskAsync("b"));
        await BegunAsync(2);
        _begun.ForEach(begun => begun.SetResult());

        await Task.WhenAll(a, b);
    }

    [Fact]
    public async Task A_run_that_fails_fails_for_its_callers_and_stops_none_after_it()
    {
        var first = AskAsync("a");
        await BegunAsync(1);
        var second = AskAsync("a");
        _begun[0].SetException(new InvalidOperationException("storage"));

        await Assert.ThrowsAsync<InvalidOperationException>(() => first);
        await BegunAsync(2);
        _begun[1].SetResult();
        await second;
    }

    [Fact]
    public async Task A_caller_that_cancels_leaves_the_run_to_the_others()
    {
        using var giveUp = new CancellationTokenSource();
        var first = AskAsync("a");
        await BegunAsync(1);
        var (leaving, staying) = (AskAsync("a", giveUp.Token), AskAsync("a"));
        await giveUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => leaving);
        _begun[0].SetResult();
        await first;
        await BegunAsync(2);
        _begun[1].SetResult();
        await staying;
    }

    private Task AskAsync(string key, CancellationToken? cancellationToken = null) => _runs.RunAsync(
        key,
        () =>
        {
            var done = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            lock (_begun)
            {
                _begun.Add(done);
            }

            return done.Task;
        },
        cancellationToken ?? Cancellation);

    private async Task BegunAsync(int count)
    {
        while (true)
        {
            lock (_begun)
            {
                if (_begun.Count >= count)
                {
                    return;
                }
            }

            await Task.Delay(5, Cancellation);
        }
    }
}
