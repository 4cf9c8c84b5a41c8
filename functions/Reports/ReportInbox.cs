using System.Globalization;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Domains;

namespace StsFunctions.Reports;

/// <summary>The containers of raw reports: <c>reports-inbox</c>, where anything may drop one, and <c>reports-quarantine</c> for what cannot be read or attributed.</summary>
internal sealed class ReportInbox(BlobServiceClient blobs, TimeProvider time)
{
    private const string SourceKey = "source";
    private const string ReasonKey = "reason";
    private const int MaxReason = 1000;

    private readonly BlobContainerClient _inbox = blobs.GetBlobContainerClient(StorageLayout.InboxContainer);
    private readonly BlobContainerClient _quarantine = blobs.GetBlobContainerClient(StorageLayout.QuarantineContainer);

    /// <summary>Stores a raw report under <c>&lt;yyyy-MM-dd&gt;/&lt;hash&gt;</c>: the same one again takes its own place.</summary>
    /// <returns>The blob's name.</returns>
    public async Task<string> PutAsync(MemoryStream raw, ReportSource source, CancellationToken cancellation)
    {
        var bytes = raw.GetBuffer().AsMemory(0, (int)raw.Length);
        var name = $"{time.GetUtcNow().ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}/{Keys.Hash(bytes.Span)}";
        var options = new BlobUploadOptions { Metadata = new Dictionary<string, string> { [SourceKey] = source.ToString() } };
        await _inbox.GetBlobClient(name).UploadAsync(new BinaryData(bytes), options, cancellation);
        return name;
    }

    /// <summary>Opens a raw report; null when it is no longer there.</summary>
    public async Task<(Stream Content, ReportSource? Source)?> OpenAsync(string name, CancellationToken cancellation)
    {
        try
        {
            var download = (await _inbox.GetBlobClient(name).DownloadStreamingAsync(cancellationToken: cancellation)).Value;
            ReportSource? source = download.Details.Metadata.TryGetValue(SourceKey, out var text) && Enum.TryParse<ReportSource>(text, out var known) ? known : null;
            return (download.Content, source);
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return null;
        }
    }

    /// <summary>Moves a raw report to quarantine, with the reason in its metadata: first the copy, then the end of the original, so nothing is ever lost.</summary>
    public async Task QuarantineAsync(string name, string reason, CancellationToken cancellation)
    {
        var original = _inbox.GetBlobClient(name);
        await using (var content = await original.OpenReadAsync(cancellationToken: cancellation))
        {
            var options = new BlobUploadOptions { Metadata = new Dictionary<string, string> { [ReasonKey] = Shown(reason) } };
            await _quarantine.GetBlobClient(name).UploadAsync(content, options, cancellation);
        }

        await original.DeleteIfExistsAsync(cancellationToken: cancellation);
    }

    // Metadata travels in HTTP headers: visible ASCII only.
    private static string Shown(string reason) =>
        string.Concat(reason.Replace("§", "section ", StringComparison.Ordinal).Take(MaxReason).Select(c => c is >= ' ' and <= '~' ? c : '?')).Trim();
}
