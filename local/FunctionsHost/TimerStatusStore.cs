using System.Text.Json;
using Azure;
using Azure.Storage.Blobs;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>When a timer ran and will run.</summary>
internal sealed record TimerStatus(DateTimeOffset Last, DateTimeOffset Next, DateTimeOffset LastUpdated);

/// <summary>Stores the status of timers in the app's storage, as the host does: a schedule outlives its host.</summary>
internal sealed class TimerStatusStore(string? connectionString, Action<HostLog> log)
{
    private readonly BlobContainerClient? _container = string.IsNullOrEmpty(connectionString) ? null : new BlobContainerClient(connectionString, "azure-webjobs-hosts");

    /// <summary>The status; null where the timer never ran, or the storage does not say.</summary>
    public async Task<TimerStatus?> ReadAsync(string function, CancellationToken cancellationToken)
    {
        try
        {
            return _container is null ? null : (await Blob(function).DownloadContentAsync(cancellationToken)).Value.Content.ToObjectFromJson<TimerStatus>();
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return null;
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException or JsonException)
        {
            WriteLog(function, "read", e);
            return null;
        }
    }

    public async Task WriteAsync(string function, TimerStatus status, CancellationToken cancellationToken)
    {
        if (_container is null)
        {
            return;
        }

        try
        {
            await _container.CreateIfNotExistsAsync(cancellationToken: cancellationToken);
            await Blob(function).UploadAsync(BinaryData.FromObjectAsJson(status), overwrite: true, cancellationToken);
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException)
        {
            WriteLog(function, "written", e);
        }
    }

    private BlobClient Blob(string function) => _container!.GetBlobClient($"timers/emulator/Host.Functions.{function}/status");

    private void WriteLog(string function, string what, Exception e) => log(new HostLog(LogLevel.Error, "host", $"The schedule of {function} could not be {what}: {e.Message}"));
}
