using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Queues;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>What Event Grid does in Azure: one CloudEvents message on a queue for each blob created or overwritten in a container.</summary>
/// <remarks>
/// It polls. An overwritten blob has another ETag. A change of metadata alters the ETag too, but raises no event in Azure:
/// it is recognized by the same creation time, length and MD5 with other metadata. So an overwrite with the same
/// bytes and other metadata within one second (the resolution of the creation time) is missed; anything else is relayed
/// at least once. Blobs that exist at the start are relayed, because earlier events are unknown.
/// </remarks>
public sealed class EventGridEmulator(
    string connectionString, string container = "reports-inbox", string queue = "report-arrivals", TimeSpan? interval = null, Action<HostLog>? onLog = null, TimeProvider? time = null) : IDisposable
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly BlobContainerClient _container = new(connectionString, container);
    private readonly QueueClient _queue = new(connectionString, queue, new QueueClientOptions { MessageEncoding = QueueMessageEncoding.Base64 });
    private readonly TimeSpan _interval = interval ?? TimeSpan.FromSeconds(1);
    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly SemaphoreSlim _turn = new(1, 1);
    private Dictionary<string, BlobItem> _relayed = [];

    /// <summary>Relays until cancelled; if storage is unavailable, it tries again.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await RelayNowAsync(cancellationToken);
            }
            catch (Exception e) when (e is RequestFailedException or AggregateException)
            {
                onLog?.Invoke(new HostLog(LogLevel.Error, "relay", $"The container {_container.Name} can't be relayed; it is tried again: {e.Message}"));
            }
            await Task.Delay(_interval, _time, cancellationToken);
        }
    }

    /// <summary>Polls now, and relays new blobs.</summary>
    /// <returns>How many messages were put on the queue.</returns>
    /// <exception cref="RequestFailedException">The storage failed; what was not relayed is relayed next time.</exception>
    public async Task<int> RelayNowAsync(CancellationToken cancellationToken)
    {
        await _turn.WaitAsync(cancellationToken);
        try
        {
            await _container.CreateIfNotExistsAsync(cancellationToken: cancellationToken);
            await _queue.CreateIfNotExistsAsync(cancellationToken: cancellationToken);
            var present = new Dictionary<string, BlobItem>(StringComparer.Ordinal);
            await foreach (var blob in _container.GetBlobsAsync(BlobTraits.Metadata, BlobStates.None, prefix: null, cancellationToken))
            {
                present.Add(blob.Name, blob);
            }
            // A deleted blob is removed: the next one of that name is new.
            _relayed = _relayed.Where(pair => present.ContainsKey(pair.Key)).ToDictionary(StringComparer.Ordinal);

            var relayed = 0;
            foreach (var blob in present.Values.OrderBy(blob => blob.Properties.LastModified))
            {
                if (!_relayed.TryGetValue(blob.Name, out var before) || IsWritten(before, blob))
                {
                    await _queue.SendMessageAsync(Event(blob), cancellationToken);
                    relayed++;
                }
                // After the message: if it is interrupted before this, it sends the message again.
                _relayed[blob.Name] = blob;
            }
            return relayed;
        }
        finally
        {
            _turn.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _turn.Dispose();

    private static bool IsWritten(BlobItem before, BlobItem now)
    {
        if (before.Properties.ETag == now.Properties.ETag)
        {
            return false;
        }

        var sameContent = before.Properties.CreatedOn == now.Properties.CreatedOn
            && before.Properties.ContentLength == now.Properties.ContentLength
            && (before.Properties.ContentHash ?? []).AsSpan().SequenceEqual(now.Properties.ContentHash ?? []);
        var sameMetadata = before.Metadata.Count == now.Metadata.Count
            && before.Metadata.All(pair => now.Metadata.TryGetValue(pair.Key, out var value) && value == pair.Value);
        return !sameContent || sameMetadata;
    }

    private string Event(BlobItem blob) => new JsonObject
    {
        ["source"] = $"/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/local/providers/Microsoft.Storage/storageAccounts/{_container.AccountName}",
        ["subject"] = $"/blobServices/default/containers/{_container.Name}/blobs/{blob.Name}",
        ["type"] = "Microsoft.Storage.BlobCreated",
        ["time"] = blob.Properties.LastModified ?? _time.GetUtcNow(),
        ["id"] = Guid.NewGuid(),
        ["data"] = new JsonObject
        {
            ["api"] = "PutBlob",
            ["clientRequestId"] = Guid.NewGuid(),
            ["requestId"] = Guid.NewGuid(),
            ["eTag"] = blob.Properties.ETag?.ToString().Trim('"'),
            ["contentType"] = blob.Properties.ContentType,
            ["contentLength"] = blob.Properties.ContentLength,
            ["blobType"] = "BlockBlob",
            ["url"] = _container.GetBlobClient(blob.Name).Uri.AbsoluteUri,
            ["sequencer"] = $"{_time.GetUtcNow().UtcTicks:x32}",
            ["storageDiagnostics"] = new JsonObject { ["batchId"] = Guid.NewGuid() },
        },
        ["specversion"] = "1.0",
    }.ToJsonString(Plain);
}
