using System.Diagnostics;
using Azure.Data.Tables;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;
using StsFunctions.Local.Azurite;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

public sealed class AzuriteTests
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Blobs_queues_and_tables_work_and_the_process_ends_with_the_object()
    {
        var azurite = await AzuriteServer.StartAsync(new AzuriteOptions(), null, Cancellation);
        using var process = Process.GetProcessById(azurite.ProcessId);
        await new BlobContainerClient(azurite.ConnectionString, "container").CreateAsync(cancellationToken: Cancellation);
        await new QueueClient(azurite.ConnectionString, "queue").CreateAsync(cancellationToken: Cancellation);
        await new TableClient(azurite.ConnectionString, "Table").CreateAsync(Cancellation);
        await azurite.DisposeAsync();
        Assert.True(process.HasExited);
    }

    [Fact]
    public async Task A_suspended_storage_refuses_and_resumes_with_its_data_on_the_same_ports()
    {
        await using var azurite = await AzuriteServer.StartAsync(new AzuriteOptions(), null, Cancellation);
        var connection = azurite.ConnectionString;
        var queue = new QueueClient(connection, "queue", new QueueClientOptions { Retry = { MaxRetries = 0 } });
        await queue.CreateAsync(cancellationToken: Cancellation);
        await queue.SendMessageAsync("kept", Cancellation);

        await azurite.SuspendAsync(Cancellation);
        await Assert.ThrowsAnyAsync<Exception>(() => queue.PeekMessageAsync(Cancellation));
        await azurite.ResumeAsync(Cancellation);

        Assert.Equal(connection, azurite.ConnectionString);
        Assert.Equal("kept", (await queue.PeekMessageAsync(Cancellation)).Value.MessageText);
    }

    [Fact]
    public async Task A_data_folder_survives_the_process()
    {
        var folder = Directory.CreateTempSubdirectory("stsfunctions-storage-").FullName;
        try
        {
            await using (var first = await AzuriteServer.StartAsync(new AzuriteOptions(folder), null, Cancellation))
            {
                var blobs = new BlobContainerClient(first.ConnectionString, "container");
                await blobs.CreateAsync(cancellationToken: Cancellation);
                await blobs.UploadBlobAsync("b", new BinaryData("kept"), Cancellation);
            }
            await using var second = await AzuriteServer.StartAsync(new AzuriteOptions(folder), null, Cancellation);
            var blob = new BlobClient(second.ConnectionString, "container", "b");
            Assert.Equal("kept", (await blob.DownloadContentAsync(Cancellation)).Value.Content.ToString());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }
}
