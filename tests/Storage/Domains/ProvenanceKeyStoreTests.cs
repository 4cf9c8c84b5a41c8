using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Storage.Reports;
using Xunit;

namespace StsFunctions.Tests.Domains;

/// <summary>The key that the app signs the origin of raw reports with.</summary>
public sealed class ProvenanceKeyStoreTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_process_has_the_same_key_and_reads_it_once()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var calls = new CallCount();
        var options = new TableClientOptions();
        options.AddPolicy(calls, HttpPipelinePosition.PerCall);
        var tables = new TableServiceClient(storage.ConnectionString, options);

        var first = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => new ProvenanceKeyStore(tables).GetAsync(Cancellation)));
        Assert.All(first, key => Assert.Equal(first[0], key));
        Assert.Equal(32, first[0].Length);

        calls.Count = 0;
        var process = new ProvenanceKeyStore(tables);
        foreach (var _ in (int[])[1, 2, 3])
        {
            Assert.Equal(first[0], await process.GetAsync(Cancellation));
        }

        Assert.Equal(1, calls.Count);
        // It is not in the content of the installation's partition.
        var partition = await storage.Domains.ReadAsync(Installation.Partition, Cancellation);
        Assert.Empty(partition.Findings);
        Assert.Empty(partition.Outbox);
        Assert.Equal(default, partition.ETag);
    }

    private sealed class CallCount : HttpPipelinePolicy
    {
        private int _count;

        public int Count
        {
            get => _count;
            set => _count = value;
        }

        public override void Process(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline) => throw new NotSupportedException();

        public override ValueTask ProcessAsync(HttpMessage message, ReadOnlyMemory<HttpPipelinePolicy> pipeline)
        {
            Interlocked.Increment(ref _count);
            return ProcessNextAsync(message, pipeline);
        }
    }
}
