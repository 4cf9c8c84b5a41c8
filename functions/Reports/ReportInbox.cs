using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.Reports;

/// <summary>A raw report in the inbox.</summary>
/// <param name="Name">Its blob.</param>
/// <param name="Version">This very content: another may take the name at any time, as providers drop files under names of their own.</param>
/// <param name="ArrivedAt">When it was put there.</param>
/// <param name="Source">How it came, where that is known.</param>
internal sealed record Arrival(string Name, ETag Version, DateTimeOffset ArrivedAt, ReportSource? Source)
{
    /// <summary>Whose signatures were valid when it arrived: the keys of signatures rotate, and so nobody can tell later (RFC 8460 §3).</summary>
    public IReadOnlyList<DomainName> Signers { get; init; } = [];
}

/// <summary>
/// The containers of raw reports: <c>reports-inbox</c>, where anything may drop one, and where it leads on to:
/// <c>reports</c> for what was read, <c>reports-quarantine</c> for what cannot be read or attributed. The inbox holds what
/// is still to be done, so that what is left behind shows.
/// </summary>
internal sealed class ReportInbox(BlobServiceClient blobs, TimeProvider time)
{
    private const string SourceKey = "source";
    private const string NameKey = "name";
    private const string SignersKey = "signers";

    /// <summary>The metadata that says why a raw report is in quarantine.</summary>
    public const string ReasonKey = "reason";

    private const string TriesKey = "tries";
    private const int MaxReason = 1000;

    // All metadata together is at most 8 KiB, and a name may have 1,024 characters of nine bytes each once it is escaped: its beginning tells enough.
    private const int MaxEscapedName = 4 * 1024;

    // What is too large to be read is copied in pieces of this size, one such thing at a time.
    private const int CopiedBytes = 1 << 20;

    private static readonly StorageTransferOptions s_copied = new() { InitialTransferSize = CopiedBytes, MaximumTransferSize = CopiedBytes, MaximumConcurrency = 1 };

    private static readonly SemaphoreSlim s_copying = new(1);

    private readonly BlobContainerClient _inbox = blobs.GetBlobContainerClient(StorageLayout.InboxContainer);
    private readonly BlobContainerClient _reports = blobs.GetBlobContainerClient(StorageLayout.ReportsContainer);
    private readonly BlobContainerClient _quarantine = blobs.GetBlobContainerClient(StorageLayout.QuarantineContainer);

    /// <summary>Puts a raw report into the inbox under <c>&lt;yyyy-MM-dd&gt;/&lt;hash&gt;</c>: the same one again takes its own place.</summary>
    /// <returns>The blob's name.</returns>
    public async Task<string> PutAsync(MemoryStream raw, ReportSource source, CancellationToken cancellation)
    {
        var bytes = Bytes(raw);
        var name = Keys.RawReport(time.GetUtcNow(), bytes.Span);
        var options = new BlobUploadOptions { Metadata = new Dictionary<string, string> { [SourceKey] = source.ToString() } };
        await _inbox.GetBlobClient(name).UploadAsync(new BinaryData(bytes), options, cancellation);
        return name;
    }

    /// <summary>Opens a raw report; null when it is no longer there.</summary>
    public async Task<(Stream Content, Arrival Arrival)?> OpenAsync(string name, CancellationToken cancellation)
    {
        try
        {
            var download = (await _inbox.GetBlobClient(name).DownloadStreamingAsync(cancellationToken: cancellation)).Value;
            return (download.Content, new Arrival(name, download.Details.ETag, download.Details.CreatedOn, SourceOf(download.Details.Metadata)));
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return null;
        }
    }

    /// <summary>Keeps a raw report for good, by the day it arrived and its content: the same one again finds itself there.</summary>
    /// <returns>The blob's name within <c>reports</c>.</returns>
    public async Task<string> KeepAsync(Arrival arrival, MemoryStream raw, CancellationToken cancellation)
    {
        var bytes = Bytes(raw);
        var name = Keys.RawReport(arrival.ArrivedAt, bytes.Span);
        var options = new BlobUploadOptions { Metadata = MetadataOf(arrival), Conditions = new BlobRequestConditions { IfNoneMatch = ETag.All } };
        try
        {
            await _reports.GetBlobClient(name).UploadAsync(new BinaryData(bytes), options, cancellation);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobAlreadyExists)
        {
        }

        return name;
    }

    /// <summary>Moves a raw report to quarantine, with the reason in its metadata: first the copy, then the end of the original, so that nothing is ever lost.</summary>
    /// <param name="arrival">How it came.</param>
    /// <param name="reason">Why it is not read.</param>
    /// <param name="raw">Its bytes, where they are at hand; null where it was too large to be taken in.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task QuarantineAsync(Arrival arrival, string reason, MemoryStream? raw, CancellationToken cancellation)
    {
        var name = $"{arrival.ArrivedAt.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture)}/{Keys.Hash($"{arrival.Name}\n{arrival.Version}")}";
        var metadata = MetadataOf(arrival);
        metadata[ReasonKey] = Shown(reason);
        var options = new BlobUploadOptions { Metadata = metadata, TransferOptions = s_copied };
        if (raw is not null)
        {
            // Not read out of storage a second time, into buffers that nobody has leased.
            options.TransferOptions = default;
            await _quarantine.GetBlobClient(name).UploadAsync(new BinaryData(Bytes(raw)), options, cancellation);
        }
        else if (!await TryCopyAsync(arrival, name, options, cancellation))
        {
            return;
        }

        await RemoveAsync(arrival, cancellation);
    }

    // False where it was moved by an earlier delivery of the same message; or another content has taken the name, whose own message comes.
    private async Task<bool> TryCopyAsync(Arrival arrival, string name, BlobUploadOptions options, CancellationToken cancellation)
    {
        await s_copying.WaitAsync(cancellation);
        try
        {
            var read = new BlobOpenReadOptions(allowModifications: false) { BufferSize = CopiedBytes, Conditions = new BlobRequestConditions { IfMatch = arrival.Version } };
            await using var content = await _inbox.GetBlobClient(arrival.Name).OpenReadAsync(read, cancellation);
            await _quarantine.GetBlobClient(name).UploadAsync(content, options, cancellation);
            return true;
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            return false;
        }
        finally
        {
            s_copying.Release();
        }
    }

    /// <summary>Takes a raw report out of the inbox, once it was kept elsewhere; another that has taken its name meanwhile stays.</summary>
    public async Task RemoveAsync(Arrival arrival, CancellationToken cancellation)
    {
        try
        {
            await _inbox.GetBlobClient(arrival.Name).DeleteIfExistsAsync(conditions: new BlobRequestConditions { IfMatch = arrival.Version }, cancellationToken: cancellation);
        }
        catch (RequestFailedException e) when (e.Status == 412)
        {
        }
    }

    /// <summary>What has lain in the inbox unchanged since before a time, and how often it was tried again.</summary>
    public async IAsyncEnumerable<(Arrival Arrival, int Tries)> LeftBehindAsync(DateTimeOffset since, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var blob in _inbox.GetBlobsAsync(BlobTraits.Metadata, BlobStates.None, prefix: null, cancellation))
        {
            if (blob.Properties.LastModified < since)
            {
                var tries = blob.Metadata.TryGetValue(TriesKey, out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
                yield return (new Arrival(blob.Name, blob.Properties.ETag!.Value, blob.Properties.CreatedOn!.Value, SourceOf(blob.Metadata)), tries);
            }
        }
    }

    /// <summary>Notes that a raw report was tried again.</summary>
    public async Task CountTryAsync(Arrival arrival, int tries, CancellationToken cancellation)
    {
        var metadata = new Dictionary<string, string> { [TriesKey] = tries.ToString(CultureInfo.InvariantCulture) };
        if (arrival.Source is { } source)
        {
            metadata[SourceKey] = source.ToString();
        }

        try
        {
            await _inbox.GetBlobClient(arrival.Name).SetMetadataAsync(metadata, new BlobRequestConditions { IfMatch = arrival.Version }, cancellation);
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            // Read this very moment, or overwritten: there is nothing left behind.
        }
    }

    /// <summary>How a raw report came that was kept or quarantined: under the name that it came by.</summary>
    public static Arrival ArrivalOf(string blob, ETag version, DateTimeOffset createdOn, IDictionary<string, string> metadata) =>
        new(metadata.TryGetValue(NameKey, out var name) ? Uri.UnescapeDataString(name) : blob, version, createdOn, SourceOf(metadata))
        {
            Signers = [.. (metadata.TryGetValue(SignersKey, out var signers) ? signers : "").Split(' ').Select(text => DomainName.TryParse(text, out var signer) ? signer : null).OfType<DomainName>()],
        };

    private static ReadOnlyMemory<byte> Bytes(MemoryStream raw) => raw.GetBuffer().AsMemory(0, (int)raw.Length);

    private static ReportSource? SourceOf(IDictionary<string, string> metadata) =>
        metadata.TryGetValue(SourceKey, out var text) && Enum.TryParse<ReportSource>(text, out var known) ? known : null;

    private static Dictionary<string, string> MetadataOf(Arrival arrival)
    {
        var metadata = new Dictionary<string, string> { [NameKey] = EscapedName(arrival.Name) };
        if (arrival.Source is { } source)
        {
            metadata[SourceKey] = source.ToString();
        }

        if (arrival.Signers.Count > 0)
        {
            metadata[SignersKey] = string.Join(' ', arrival.Signers);
        }

        return metadata;
    }

    private static string EscapedName(string name)
    {
        var escaped = new StringBuilder();
        foreach (var piece in name.EnumerateRunes().Select(rune => Uri.EscapeDataString(rune.ToString())).TakeWhile(piece => escaped.Length + piece.Length <= MaxEscapedName))
        {
            escaped.Append(piece);
        }

        return escaped.ToString();
    }

    // Metadata travels in HTTP headers: visible ASCII only.
    private static string Shown(string reason) =>
        string.Concat(reason.Replace("§", "section ", StringComparison.Ordinal).Take(MaxReason).Select(c => c is >= ' ' and <= '~' ? c : '?')).Trim();
}
