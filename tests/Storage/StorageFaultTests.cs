using StsFunctions.Core.Domains;
using StsFunctions.UseCases.Policies;
using Xunit;

namespace StsFunctions.Tests.Storage;

// Everything that writes, over a storage that fails at each of its calls in turn. A fault that passes is not noticed; one that stays is a
// clear failure, and never a half state. Each kind of fault is a class, so that the kinds run beside one another: most of the time they wait.

public sealed class BusyStorageTests(AzuriteFixture azurite)
{
    [Theory]
    [MemberData(nameof(StorageWork.Names), MemberType = typeof(StorageWork))]
    public async Task A_storage_that_is_busy_once_at_any_call_is_not_noticed(string work)
    {
        await using var storage = await FaultyStorage.CreateAsync(azurite);

        await storage.AssertNotNoticedAsync(work, call => new Fault.Answer(call % 2 == 0 ? 503 : 429, RetryAfter: call % 3 == 0 ? "1" : null));
    }
}

public sealed class BrokenConnectionTests(AzuriteFixture azurite)
{
    [Theory]
    [MemberData(nameof(StorageWork.Names), MemberType = typeof(StorageWork))]
    public async Task A_connection_that_breaks_at_any_call_before_storage_got_it_is_not_noticed(string work)
    {
        await using var storage = await FaultyStorage.CreateAsync(azurite);

        await storage.AssertNotNoticedAsync(work, _ => Fault.CutBefore);
    }
}

public sealed class LostAnswerTests(AzuriteFixture azurite)
{
    [Theory]
    [MemberData(nameof(StorageWork.Names), MemberType = typeof(StorageWork))]
    public async Task An_answer_that_is_lost_at_any_call_though_storage_has_done_it_is_not_noticed(string work)
    {
        await using var storage = await FaultyStorage.CreateAsync(azurite);

        await storage.AssertNotNoticedAsync(work, _ => Fault.CutAfter);
    }
}

public sealed class UnavailableStorageTests(AzuriteFixture azurite)
{
    [Theory]
    [MemberData(nameof(StorageWork.Names), MemberType = typeof(StorageWork))]
    public async Task A_storage_that_goes_away_at_any_call_is_a_clear_failure_and_the_next_try_makes_it_whole(string work)
    {
        await using var storage = await FaultyStorage.CreateAsync(azurite);

        await storage.AssertMadeWholeAsync(work);
    }

    [Theory]
    [InlineData("503")]
    [InlineData("429")]
    [InlineData("429 in an hour")]
    [InlineData("cut")]
    [InlineData("silence")]
    public async Task However_a_storage_fails_the_tries_are_few_and_the_failure_is_clear(string how)
    {
        await using var storage = await FaultyStorage.CreateAsync(azurite);
        var calls = 0;
        storage.Proxy.OnCall = _ =>
        {
            Interlocked.Increment(ref calls);
            return how switch
            {
                "503" => new Fault.Answer(503),
                "429" => new Fault.Answer(429),
                "429 in an hour" => new Fault.Answer(429, RetryAfter: "3600"),
                "cut" => Fault.CutBefore,
                _ => new Fault.Silence(),
            };
        };
        var domain = FaultyStorage.DomainOf(0);

        var failure = await Record.ExceptionAsync(() => storage.Bad.Publisher.PublishAsync(domain, StorageWork.First, null, TestContext.Current.CancellationToken));

        FaultyStorage.AssertClear(failure);
        Assert.Equal(how == "429 in an hour" ? 1 : 4, calls);
        Assert.Empty((await storage.Good.Domains.ReadAsync(domain.Value, TestContext.Current.CancellationToken)).Policies);
    }

    [Fact]
    public async Task A_publication_that_storage_fails_half_way_says_that_it_will_be_completed()
    {
        var cancellation = TestContext.Current.CancellationToken;
        await using var storage = await FaultyStorage.CreateAsync(azurite);
        var domain = FaultyStorage.DomainOf(0);
        // All is well until the policy is written to the place that it is served from.
        storage.Proxy.OnCall = call => call is { Service: "blob", Method: "PUT" } ? new Fault.Answer(503, RetryAfter: "3600") : null;

        var pending = await Assert.ThrowsAsync<ChangePendingException>(() => storage.Bad.Publisher.PublishAsync(domain, StorageWork.First, null, cancellation));

        Assert.Contains("completes it within minutes", pending.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', pending.Message);
        Assert.Single((await storage.Good.Domains.ReadAsync(domain.Value, cancellation)).Policies);
        Assert.Equal(1, (await storage.Good.Queues.GetQueueClient(StorageNames.DomainChecksQueue).GetPropertiesAsync(cancellation)).Value.ApproximateMessagesCount);
    }
}
