using System.Text.Json;
using Azure.Storage.Blobs;
using Azure.Storage.Queues;
using StsFunctions.Local.Azurite;
using StsFunctions.Local.FunctionsHost;
using Xunit;

namespace StsFunctions.Tests.Local.FunctionsHost;

public sealed class EventGridEmulatorTests(AzuriteFixture azurite)
{
    private readonly string _name = $"n{Guid.NewGuid():N}";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_new_blob_raises_one_CloudEvent()
    {
        var (relay, inbox, queue) = await SetUpAsync(await azurite.ConnectionStringAsync());
        using var _ = relay;
        await inbox.UploadBlobAsync("2026-11-23/größe 1.json", new BinaryData("{}"), Cancellation);
        Assert.Equal(1, await relay.RelayNowAsync(Cancellation));
        Assert.Equal(0, await relay.RelayNowAsync(Cancellation));

        var message = (await queue.ReceiveMessageAsync(cancellationToken: Cancellation)).Value;
        using var body = JsonDocument.Parse(Convert.FromBase64String(message.MessageText));
        var e = body.RootElement;
        Assert.Equal("1.0", e.GetProperty("specversion").GetString());
        Assert.Equal("Microsoft.Storage.BlobCreated", e.GetProperty("type").GetString());
        Assert.Equal($"/blobServices/default/containers/{_name}/blobs/2026-11-23/größe 1.json", e.GetProperty("subject").GetString());
        Assert.EndsWith("/Microsoft.Storage/storageAccounts/devstoreaccount1", e.GetProperty("source").GetString(), StringComparison.Ordinal);
        Assert.Equal("PutBlob", e.GetProperty("data").GetProperty("api").GetString());
        Assert.Equal(2, e.GetProperty("data").GetProperty("contentLength").GetInt32());
        var url = new Uri(e.GetProperty("data").GetProperty("url").GetString()!);
        Assert.Equal(inbox.GetBlobClient("2026-11-23/größe 1.json").Uri, url);
        Assert.Equal((await inbox.GetBlobClient("2026-11-23/größe 1.json").GetPropertiesAsync(cancellationToken: Cancellation)).Value.ETag.ToString().Trim('"'), e.GetProperty("data").GetProperty("eTag").GetString());
    }

    [Fact]
    public async Task An_overwritten_blob_raises_another_event_and_changed_metadata_raise_none()
    {
        var (relay, inbox, _) = await SetUpAsync(await azurite.ConnectionStringAsync());
        using var disposed = relay;
        var blob = inbox.GetBlobClient("r");
        await blob.UploadAsync(new BinaryData("one"), Cancellation);
        Assert.Equal(1, await relay.RelayNowAsync(Cancellation));
        await blob.SetMetadataAsync(new Dictionary<string, string> { ["state"] = "read" }, cancellationToken: Cancellation);
        Assert.Equal(0, await relay.RelayNowAsync(Cancellation));
        await blob.UploadAsync(new BinaryData("two"), overwrite: true, Cancellation);
        Assert.Equal(1, await relay.RelayNowAsync(Cancellation));
        await blob.UploadAsync(new BinaryData("two"), overwrite: true, Cancellation);
        Assert.Equal(1, await relay.RelayNowAsync(Cancellation));
        await blob.DeleteAsync(cancellationToken: Cancellation);
        Assert.Equal(0, await relay.RelayNowAsync(Cancellation));
        await blob.UploadAsync(new BinaryData("two"), Cancellation);
        Assert.Equal(1, await relay.RelayNowAsync(Cancellation));
    }

    [Fact]
    public async Task Events_during_an_outage_of_storage_are_delivered_afterwards()
    {
        await using var own = await AzuriteServer.StartAsync(new AzuriteOptions(), null, Cancellation);
        var (relay, inbox, queue) = await SetUpAsync(own.ConnectionString);
        using var disposed = relay;
        await inbox.UploadBlobAsync("r", new BinaryData("{}"), Cancellation);
        await own.SuspendAsync(Cancellation);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancellation);
        var running = relay.RunAsync(stop.Token);
        await own.ResumeAsync(Cancellation);
        while ((await queue.PeekMessageAsync(Cancellation)).Value is null)
        {
            await Task.Delay(20, Cancellation);
        }

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private async Task<(EventGridEmulator Relay, BlobContainerClient Inbox, QueueClient Queue)> SetUpAsync(string connection)
    {
        var inbox = new BlobContainerClient(connection, _name);
        var queue = new QueueClient(connection, _name);
        await inbox.CreateAsync(cancellationToken: Cancellation);
        await queue.CreateAsync(cancellationToken: Cancellation);
        return (new EventGridEmulator(connection, _name, _name, TimeSpan.FromMilliseconds(50)), inbox, queue);
    }
}
