using System.Net;
using StsFunctions.Network.Probes;
using Xunit;

namespace StsFunctions.Tests.Checks;

public sealed class PerAddressConcurrencyLimiterTests
{
    private static readonly IPAddress Address = IPAddress.Parse("192.0.2.25");
    private readonly PerAddressConcurrencyLimiter _turns = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Two_callers_use_an_address_at_a_time_and_the_next_one_follows()
    {
        var first = await _turns.AcquireAsync(Address, Cancellation);
        var second = await _turns.AcquireAsync(Address.MapToIPv6(), Cancellation);
        var third = _turns.AcquireAsync(Address, Cancellation);
        Assert.False(third.IsCompleted);

        second.Dispose();
        second.Dispose();

        using var taken = await third;
        var fourth = _turns.AcquireAsync(Address, Cancellation);
        Assert.False(fourth.IsCompleted);
        first.Dispose();
        (await fourth).Dispose();
    }

    [Fact]
    public async Task Another_address_has_a_limit_of_its_own()
    {
        using var first = await _turns.AcquireAsync(Address, Cancellation);
        using var second = await _turns.AcquireAsync(Address, Cancellation);

        Assert.True(_turns.AcquireAsync(IPAddress.Parse("192.0.2.26"), Cancellation).IsCompletedSuccessfully);
    }

    [Fact]
    public async Task A_caller_that_cancels_its_wait_takes_no_slot()
    {
        var first = await _turns.AcquireAsync(Address, Cancellation);
        using var second = await _turns.AcquireAsync(Address, Cancellation);
        using var giveUp = new CancellationTokenSource();
        var third = _turns.AcquireAsync(Address, giveUp.Token);
        var fourth = _turns.AcquireAsync(Address, Cancellation);

        await giveUp.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => third);
        Assert.False(fourth.IsCompleted);
        first.Dispose();

        (await fourth).Dispose();
    }

    [Fact]
    public async Task Many_concurrent_callers_never_exceed_two()
    {
        var (there, most) = (0, 0);

        await Task.WhenAll(Enumerable.Range(0, 50).Select(async _ =>
        {
            using var turn = await _turns.AcquireAsync(Address, Cancellation);
            most = Math.Max(most, Interlocked.Increment(ref there));
            await Task.Yield();
            Interlocked.Decrement(ref there);
        }));

        Assert.InRange(most, 1, PerAddressConcurrencyLimiter.AtOnce);
    }
}
