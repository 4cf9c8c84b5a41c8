using StsFunctions.Domains;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class StorageLayoutTests(AzuriteFixture azurite)
{
    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_layout_can_be_made_over_and_over_and_is_the_documented_one()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        await StorageLayout.EnsureAsync(storage.Blobs, storage.Queues, storage.Tables, Now);

        string[] containers = [.. (await storage.Blobs.GetBlobContainersAsync(cancellationToken: Now).ToListAsync(Now)).Select(c => c.Name).Order()];
        string[] queues = [.. (await storage.Queues.GetQueuesAsync(cancellationToken: Now).ToListAsync(Now)).Select(q => q.Name).Order()];
        string[] tables = [.. (await storage.Tables.QueryAsync(cancellationToken: Now).ToListAsync(Now)).Select(t => t.Name).Order()];
        Assert.Equal(["observations", "policies", "reports", "reports-inbox", "reports-quarantine"], containers);
        Assert.Equal(["domain-checks", "domain-checks-poison", "notifications", "notifications-poison", "report-arrivals", "report-arrivals-poison", "report-evaluations", "report-evaluations-poison"], queues);
        Assert.Equal(["Domains", "Fleet", "MxHosts", "ReportFailures", "Reports"], tables);
    }

    [Fact]
    public async Task One_tests_account_is_not_anothers()
    {
        var (one, other) = (await TestStorage.CreateAsync(azurite), await TestStorage.CreateAsync(azurite));

        await one.Queues.CreateQueueAsync("mine", cancellationToken: Now);

        Assert.DoesNotContain("mine", (await other.Queues.GetQueuesAsync(cancellationToken: Now).ToListAsync(Now)).Select(q => q.Name));
    }
}
