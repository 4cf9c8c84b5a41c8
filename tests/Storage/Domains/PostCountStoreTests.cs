using StsFunctions.Protocol;
using StsFunctions.Storage.Reports;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class PostCountStoreTests(AzuriteFixture azurite)
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_domain_has_a_daily_limit_of_its_own()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        Assert.Equal(PostCountOutcome.Counted, await storage.Posts.CountAsync(Domain, 1, 2, Cancellation));
        Assert.Equal(PostCountOutcome.Counted, await storage.Posts.CountAsync(Domain, 1, 2, Cancellation));
        Assert.Equal(PostCountOutcome.LimitReached, await storage.Posts.CountAsync(Domain, 1, 2, Cancellation));
        Assert.Equal(PostCountOutcome.LimitReached, await storage.Posts.CountAsync(DomainName.Parse("zip.example"), 3, 2, Cancellation));
        Assert.Equal(PostCountOutcome.Counted, await storage.Posts.CountAsync(DomainName.Parse("zip.example"), 2, 2, Cancellation));
        Assert.Equal(PostCountOutcome.Counted, await storage.Posts.CountAsync(DomainName.Parse("other.example"), 1, 2, Cancellation));

        storage.Time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(PostCountOutcome.Counted, await storage.Posts.CountAsync(Domain, 1, 2, Cancellation));
    }

    [Fact]
    public async Task Concurrent_posts_never_exceed_the_limit()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        var taken = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => storage.Posts.CountAsync(Domain, 1, 5, Cancellation)));

        Assert.Equal(5, taken.Count(one => one == PostCountOutcome.Counted));
        Assert.Equal(15, taken.Count(one => one == PostCountOutcome.LimitReached));
    }

    [Fact]
    public async Task Concurrent_posts_below_the_limit_are_all_counted()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var other = new PostCountStore(storage.Tables, storage.Time);

        // Two instances of the app, each with sixteen posts at a time.
        var counted = await Task.WhenAll(Enumerable.Range(0, 64).Select(n => (n % 2 == 0 ? storage.Posts : other).CountAsync(Domain, 1, 500, Cancellation)));

        Assert.All(counted, outcome => Assert.Equal(PostCountOutcome.Counted, outcome));
    }

    [Fact]
    public async Task Instances_that_count_alternately_see_the_counts_of_each_other()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        PostCountStore[] instances = [storage.Posts, new(storage.Tables, storage.Time), new(storage.Tables, storage.Time)];

        for (var n = 0; n < 9; n++)
        {
            Assert.Equal(PostCountOutcome.Counted, await instances[n % 3].CountAsync(Domain, 1, 9, Cancellation));
        }

        foreach (var instance in instances)
        {
            Assert.Equal(PostCountOutcome.LimitReached, await instance.CountAsync(Domain, 1, 9, Cancellation));
        }
    }
}
