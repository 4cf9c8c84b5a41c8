using Azure.Data.Tables;
using Azure.Storage.Blobs;
using StsFunctions.Core.Domains;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using Xunit;

namespace StsFunctions.Tests.EndToEnd;

/// <summary>Many good reports on one domain are posted at the same time, within the domain's daily limit.</summary>
public sealed class ConcurrentPostTests(ConcurrentPostTests.Posted running) : IClassFixture<ConcurrentPostTests.Posted>
{
    private const int Concurrency = 16;
    private const int Reports = 300;
    private const string Domain = "example.com";

    // A sender that gets a Retry-After up to this is not refused for good.
    private static readonly TimeSpan Seconds = TimeSpan.FromSeconds(30);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "ARR-5")]
    public async Task Each_post_is_accepted_at_once_or_when_it_is_retried_after_Retry_After()
    {
        await running.System.AddAsync(LabDomains.Get(Domain), Cancellation);

        await Parallel.ForAsync(0, Reports, new ParallelOptions { MaxDegreeOfParallelism = Concurrency, CancellationToken = Cancellation }, async (n, _) =>
        {
            while (await PostAsync(n) is { } wait)
            {
                await Task.Delay(wait, Cancellation);
            }
        });

        Assert.Equal(Reports, await InboxAsync());
        Assert.Equal(Reports, await CountedAsync());
    }

    // Null once it is accepted; else for how long to wait.
    private async Task<TimeSpan?> PostAsync(int number)
    {
        var report = new SampleReport($"Sender {number}", Domain, DateOnly.FromDateTime(DateTime.UtcNow).AddDays(-1), Sessions: 1);
        using var content = new ByteArrayContent(report.ToGzip());
        using var answer = await running.System.Client.PostAsync(running.System.Https(LocalSystem.AppHost, "/v1/tlsrpt"), content, Cancellation);
        if ((int)answer.StatusCode == 201)
        {
            return null;
        }

        Assert.Contains((int)answer.StatusCode, (int[])[429, 503]);
        var wait = answer.Headers.RetryAfter!.Delta!.Value;
        Assert.InRange(wait, TimeSpan.FromSeconds(1), Seconds);
        return wait;
    }

    private async Task<int> InboxAsync() =>
        await new BlobContainerClient(running.System.Azurite.ConnectionString, StorageNames.InboxContainer).GetBlobsAsync(cancellationToken: Cancellation).CountAsync(Cancellation);

    private async Task<int?> CountedAsync()
    {
        var table = new TableClient(running.System.Azurite.ConnectionString, StorageNames.ReportsTable);
        var key = Keys.PostCount(DateOnly.FromDateTime(DateTime.UtcNow), DomainName.Parse(Domain));
        return (await table.GetEntityAsync<TableEntity>(Keys.PostCounts, key, cancellationToken: Cancellation)).Value.GetInt32("Count");
    }

    /// <summary>A system that accepts reports and leaves them in the inbox, where they can be counted.</summary>
    public sealed class Posted(AppUnderTest app) : RunningSystem(app)
    {
        protected override LocalSystemOptions Options => new()
        {
            Settings = new Dictionary<string, string> { ["Sts__PostsPerMinute"] = "100000", ["AzureWebJobs.IngestReport.Disabled"] = "true" },
        };
    }
}
