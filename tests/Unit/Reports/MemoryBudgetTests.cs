using StsFunctions.ReportIntake.Limits;
using Xunit;

namespace StsFunctions.Tests.Reports;

public sealed class MemoryBudgetTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public void A_lease_is_counted_until_it_is_released_once()
    {
        var budget = new MemoryBudget(100);
        var lease = budget.TryLease(60)!;

        Assert.Null(budget.TryLease(41));
        Assert.True(lease.TryGrow(40));
        Assert.False(lease.TryGrow(1));
        lease.ShrinkTo(30);
        lease.ShrinkTo(50);
        Assert.Equal((30, 30, 100), (lease.Bytes, budget.Used, budget.MostUsed));

        lease.Dispose();
        lease.Dispose();
        Assert.Equal(0, budget.Used);
    }

    [Fact]
    public async Task Waiters_are_served_in_order_and_a_small_one_does_not_overtake_a_large_one()
    {
        var budget = new MemoryBudget(100);
        var first = budget.TryLease(60)!;
        var large = budget.LeaseAsync(90, Cancellation).AsTask();
        var small = budget.LeaseAsync(10, Cancellation).AsTask();

        Assert.False(large.IsCompleted || small.IsCompleted);
        Assert.Null(budget.TryLease(1));
        first.Dispose();

        using (await large)
        using (await small)
        {
            Assert.Equal(100, budget.Used);
        }

        Assert.Equal((0, 100), (budget.Used, budget.MostUsed));
    }

    [Fact]
    public async Task A_cancelled_waiter_holds_nothing_and_lets_the_next_one_continue()
    {
        var budget = new MemoryBudget(100);
        using var first = budget.TryLease(60)!;
        using var cancellation = new CancellationTokenSource();
        var large = budget.LeaseAsync(90, cancellation.Token).AsTask();
        var small = budget.LeaseAsync(40, Cancellation).AsTask();

        await cancellation.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => large);
        using var granted = await small;
        Assert.Equal(100, budget.Used);
    }

    [Fact]
    public async Task A_lease_larger_than_the_budget_is_not_waited_for() =>
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => new MemoryBudget(100).LeaseAsync(101, Cancellation).AsTask());

    [Fact]
    public async Task Concurrent_leases_never_exceed_the_budget()
    {
        var budget = new MemoryBudget(100);

        await Task.WhenAll(Enumerable.Range(0, 200).Select(n => Task.Run(
            async () =>
            {
                using var lease = await budget.LeaseAsync(1 + (n % 50), Cancellation);
                await Task.Yield();
                lease.ShrinkTo(n % 7);
            },
            Cancellation)));

        Assert.Equal(0, budget.Used);
        Assert.InRange(budget.MostUsed, 1, 100);
    }
}
