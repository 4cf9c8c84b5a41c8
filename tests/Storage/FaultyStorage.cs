using System.Globalization;
using Azure;
using StsFunctions.Protocol;
using StsFunctions.UseCases.Policies;
using Xunit;

namespace StsFunctions.Tests.Storage;

/// <summary>An account, and a way to it on which each call may fail.</summary>
internal sealed class FaultyStorage : IAsyncDisposable
{
    private const int MaxCalls = 200;

    private FaultyStorage(TestStorage good, FaultInjectionProxy proxy) =>
        (Good, Proxy, Bad) = (good, proxy, new TestStorage(proxy.ConnectionString, networkTimeout: TimeSpan.FromSeconds(2)));

    /// <summary>The stores without a fault.</summary>
    public TestStorage Good { get; }

    /// <summary>The same account's stores, through <see cref="Proxy"/>.</summary>
    public TestStorage Bad { get; }

    public FaultInjectionProxy Proxy { get; }

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public static async Task<FaultyStorage> CreateAsync(AzuriteFixture azurite)
    {
        var good = await TestStorage.CreateAsync(azurite);
        return new FaultyStorage(good, await FaultInjectionProxy.StartAsync(good.ConnectionString, Cancellation));
    }

    public static DomainName DomainOf(int call) => DomainName.Parse(string.Create(CultureInfo.InvariantCulture, $"d{call}.example"));

    /// <summary>Does the work once for each of its calls, with a passing fault at that call: the work succeeds, and its result is whole.</summary>
    public async Task AssertNotNoticedAsync(string name, Func<int, Fault> fault)
    {
        var work = StorageWork.ByName[name];
        for (var (call, calls) = (1, int.MaxValue); call <= calls; call++)
        {
            var domain = DomainOf(call);
            await work.Before(Good, domain);
            var count = 0;
            Proxy.OnCall = _ => Interlocked.Increment(ref count) == call ? fault(call) : null;

            await work.Do(Bad, domain);

            Proxy.OnCall = _ => null;
            if (count < call)
            {
                calls = call;
            }

            await AssertDoneAsync(name, domain, call);
        }
    }

    /// <summary>Does the work once for each of its calls, with a storage that is away from that call on: the failure is clear, and the next try makes the result whole.</summary>
    public async Task AssertMadeWholeAsync(string name)
    {
        var work = StorageWork.ByName[name];
        for (var (call, calls) = (0, int.MaxValue); call < calls; call++)
        {
            var domain = DomainOf(call);
            await work.Before(Good, domain);
            var count = 0;
            Proxy.OnCall = _ => Interlocked.Increment(ref count) > call ? new Fault.Answer(503, RetryAfter: "3600") : null;

            var failure = await Record.ExceptionAsync(() => work.Do(Bad, domain));

            if (failure is null)
            {
                // The work was done before the fault came.
                calls = call;
            }
            else
            {
                AssertClear(failure);
            }

            Proxy.OnCall = _ => null;
            await HealAsync(work, domain);
            await AssertDoneAsync(name, domain, call);
        }
    }

    public static void AssertClear(Exception? failure) =>
        // The storage client lists the failure of every attempt; the caller says it in a line.
        Assert.True(
            failure is RequestFailedException or ChangePendingException or AggregateException
            && !failure.Message.Contains("Object reference", StringComparison.Ordinal),
            failure?.ToString() ?? "no failure at all");

    public ValueTask DisposeAsync() => Proxy.DisposeAsync();

    private async Task AssertDoneAsync(string name, DomainName domain, int call)
    {
        var work = StorageWork.ByName[name];
        await work.AssertDone(Good, domain);
        await StoreInvariants.AssertAsync(Good);
        if (work.After is { } after)
        {
            await after(Good, domain);
        }

        Assert.True(call < MaxCalls, $"To {name} takes ever more calls.");
    }

    // As the queue and the next check run do: the same again, and what handling a domain's message always does.
    private async Task HealAsync(StorageWork work, DomainName domain)
    {
        await Good.Publisher.FinishAsync(domain, await Good.Domains.ReadAsync(domain.Value, Cancellation), Cancellation);
        await Good.Summaries.ProjectAsync(domain, Cancellation);
        await work.Do(Good, domain);
        await Good.Summaries.ProjectAsync(domain, Cancellation);
    }
}
