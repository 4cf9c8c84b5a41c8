using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class StorageLayoutTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Creating_the_layout_is_idempotent_and_matches_the_documentation()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        await StorageLayout.EnsureAsync(storage.Blobs, storage.Queues, storage.Tables, Cancellation);

        string[] containers = [.. (await storage.Blobs.GetBlobContainersAsync(cancellationToken: Cancellation).ToListAsync(Cancellation)).Select(c => c.Name).Order()];
        string[] queues = [.. (await storage.Queues.GetQueuesAsync(cancellationToken: Cancellation).ToListAsync(Cancellation)).Select(q => q.Name).Order()];
        string[] tables = [.. (await storage.Tables.QueryAsync(cancellationToken: Cancellation).ToListAsync(Cancellation)).Select(t => t.Name).Order()];
        Assert.Equal(["observations", "policies", "reports", "reports-inbox", "reports-quarantine"], containers);
        Assert.Equal(["domain-checks", "domain-checks-poison", "notifications", "notifications-poison", "report-arrivals", "report-arrivals-poison", "report-evaluations", "report-evaluations-poison"], queues);
        Assert.Equal(["DomainSummaries", "Domains", "MxHosts", "ReportFailures", "Reports"], tables);
    }

    [Fact]
    public async Task A_missing_part_of_the_layout_is_not_created_and_the_error_says_what_to_do()
    {
        var bare = new TestStorage(await azurite.OwnAccountAsync());

        string?[] advice =
        [
            await AdviceAsync(() => bare.Publisher.PublishAsync(DomainName.Parse("example.com"), Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation)),
            await AdviceAsync(() => bare.Domains.CommitAsync(new DomainTransaction(DomainPartition.Empty("example.com")).Version(), Cancellation)),
            await AdviceAsync(() => bare.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation).AsTask()),
            await AdviceAsync(() => bare.Notifications.SendAsync("example.com", Cancellation)),
            await AdviceAsync(() => bare.Inbox.OpenAsync(BlobName.Parse("report"), Cancellation)),
        ];

        Assert.Equal(["table", "table", "table", "queue", "container"], advice.Select(text => text?.Split(' ')[5]));
        Assert.All(advice, text => Assert.Contains("sts setup", text, StringComparison.Ordinal));
        Assert.Empty(await bare.Tables.QueryAsync(cancellationToken: Cancellation).ToListAsync(Cancellation));
        Assert.Null(StorageLayout.AdviceOn(new IOException("the disk is full")));

        static async Task<string?> AdviceAsync(Func<Task> work) => StorageLayout.AdviceOn((await Record.ExceptionAsync(work))!);
    }

    [Fact]
    public async Task Each_test_has_its_own_account()
    {
        var (one, other) = (await TestStorage.CreateAsync(azurite), await TestStorage.CreateAsync(azurite));

        await one.Queues.CreateQueueAsync("mine", cancellationToken: Cancellation);

        Assert.DoesNotContain("mine", (await other.Queues.GetQueuesAsync(cancellationToken: Cancellation).ToListAsync(Cancellation)).Select(q => q.Name));
    }
}
