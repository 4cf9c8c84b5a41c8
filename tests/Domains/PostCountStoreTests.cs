using StsFunctions.Protocol;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class PostCountStoreTests(AzuriteFixture azurite)
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");

    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_domain_has_its_number_a_day_and_another_domain_its_own()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        Assert.True(await storage.Posts.TryCountAsync(Domain, 1, 2, Now));
        Assert.True(await storage.Posts.TryCountAsync(Domain, 1, 2, Now));
        Assert.False(await storage.Posts.TryCountAsync(Domain, 1, 2, Now));
        Assert.False(await storage.Posts.TryCountAsync(DomainName.Parse("zip.example"), 3, 2, Now));
        Assert.True(await storage.Posts.TryCountAsync(DomainName.Parse("zip.example"), 2, 2, Now));
        Assert.True(await storage.Posts.TryCountAsync(DomainName.Parse("other.example"), 1, 2, Now));

        storage.Time.Advance(TimeSpan.FromDays(1));
        Assert.True(await storage.Posts.TryCountAsync(Domain, 1, 2, Now));
    }

    [Fact]
    public async Task Many_at_once_never_get_more_than_there_are()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        var taken = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => storage.Posts.TryCountAsync(Domain, 1, 5, Now)));

        // Fewer than five only where some did not get their turn, and then the rest is still there.
        var left = 0;
        while (await storage.Posts.TryCountAsync(Domain, 1, 5, Now))
        {
            left++;
        }

        Assert.Equal(5, taken.Count(one => one) + left);
    }
}
