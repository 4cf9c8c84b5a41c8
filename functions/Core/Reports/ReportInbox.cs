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
/// <param name="Claim">What stands beside it of how it came.</param>
internal sealed record Arrival(BlobName Name, ETag Version, DateTimeOffset ArrivedAt, ProvenanceClaim Claim)
{
    /// <summary>How it came, once <see cref="ReportProvenance"/> has found that the app itself says so; null for a dropped file.</summary>
    public ReportSource? Source { get; init; }

    /// <summary>Whose signatures were valid when it arrived, found in the same way: the keys of signatures rotate, and so nobody can tell later (RFC 8460 §3).</summary>
    public IReadOnlyList<DomainName> Signers { get; init; } = [];
}

/// <summary>
/// The containers of raw reports: <c>reports-inbox</c>, where anything may drop one, and where it leads on to:
/// <c>reports</c> for what was read, <c>reports-quarantine</c> for what cannot be read or attributed. The inbox holds what
/// is still to be done, so that what is left behind shows.
/// </summary>
internal sealed class ReportInbox(BlobServiceClient blobs, ReportProvenance provenance, TimeProvider time)
{
    private const string NameKey = "name";

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
        var id = RawReportId.Parse(Keys.RawReport(time.GetUtcNow(), bytes.Span));
        var options = new BlobUploadOptions { Metadata = new Dictionary<string, string>() };
        (await provenance.SignAsync(source, [], bytes, cancellation)).WriteTo(options.Metadata);
        await _inbox.GetBlobClient(id.Value).UploadAsync(new BinaryData(bytes), options, cancellation);
        return id.Value;
    }

    /// <summary>Opens a raw report; null when it is no longer there. How it came is yet to be verified, once its bytes are read.</summary>
    public async Task<(Stream Content, Arrival Arrival)?> OpenAsync(BlobName name, CancellationToken cancellation)
    {
        try
        {
            var download = (await _inbox.GetBlobClient(name).DownloadStreamingAsync(cancellationToken: cancellation)).Value;
            return (download.Content, new Arrival(name, download.Details.ETag, download.Details.CreatedOn, ProvenanceClaim.Of(download.Details.Metadata)));
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return null;
        }
    }

    /// <summary>The arrival with what is true of how it came, now that its bytes are read.</summary>
    public Task<Arrival> VerifyAsync(Arrival arrival, MemoryStream raw, CancellationToken cancellation) => provenance.VerifyAsync(arrival, Bytes(raw), cancellation);

    /// <summary>Keeps a raw report for good, by the day it arrived and its content: the same one again finds itself there.</summary>
    /// <returns>The blob's name within <c>reports</c>.</returns>
    public async Task<string> KeepAsync(Arrival arrival, MemoryStream raw, CancellationToken cancellation)
    {
        var bytes = Bytes(raw);
        var id = RawReportId.Parse(Keys.RawReport(arrival.ArrivedAt, bytes.Span));
        var options = new BlobUploadOptions { Metadata = MetadataOf(arrival.Name, await ClaimOfAsync(arrival, bytes, cancellation)), Conditions = new BlobRequestConditions { IfNoneMatch = ETag.All } };
        try
        {
            await _reports.GetBlobClient(id.Value).UploadAsync(new BinaryData(bytes), options, cancellation);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobAlreadyExists)
        {
        }

        return id.Value;
    }

    /// <summary>Moves a raw report to quarantine, with the reason in its metadata: first the copy, then the end of the original, so that nothing is ever lost.</summary>
    /// <param name="arrival">The report.</param>
    /// <param name="raw">Its bytes, where they were read and the arrival verified; null: what stands beside it goes along as it is.</param>
    /// <param name="reason">Why.</param>
    /// <param name="cancellation">Ends the work.</param>
    public async Task QuarantineAsync(Arrival arrival, MemoryStream? raw, string reason, CancellationToken cancellation)
    {
        var id = RawReportId.Parse(RawReportId.PrefixOf(DateOnly.FromDateTime(arrival.ArrivedAt.UtcDateTime)) + Keys.Hash($"{arrival.Name}\n{arrival.Version}"));
        // Nothing in the inbox is signed for a signer: unread, it must not seem so in quarantine.
        var claim = raw is null ? arrival.Claim with { Signers = "" } : await ClaimOfAsync(arrival, Bytes(raw), cancellation);
        var metadata = MetadataOf(arrival.Name, claim);
        metadata[ReasonKey] = Shown(reason);
        var options = new BlobUploadOptions { Metadata = metadata, TransferOptions = s_copied };
        if (raw is not null)
        {
            // Not read out of storage a second time, into buffers that nobody has leased.
            options.TransferOptions = default;
            await _quarantine.GetBlobClient(id.Value).UploadAsync(new BinaryData(Bytes(raw)), options, cancellation);
        }
        else if (!await TryCopyAsync(arrival, id.Value, options, cancellation))
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

    /// <summary>What has lain in the inbox unchanged since before a time, and how often it was tried again; null for a name that no client may be made of.</summary>
    public async IAsyncEnumerable<(string Name, Arrival? Arrival, int Tries)> LeftBehindAsync(DateTimeOffset since, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var blob in _inbox.GetBlobsAsync(BlobTraits.Metadata, BlobStates.None, prefix: null, cancellation))
        {
            if (blob.Properties.LastModified < since)
            {
                var tries = blob.Metadata.TryGetValue(TriesKey, out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
                var arrival = BlobName.TryParse(blob.Name, out var name)
                    ? new Arrival(name, blob.Properties.ETag!.Value, blob.Properties.CreatedOn!.Value, ProvenanceClaim.Of(blob.Metadata))
                    : null;
                yield return (blob.Name, arrival, tries);
            }
        }
    }

    /// <summary>Notes that a raw report was tried again.</summary>
    public async Task CountTryAsync(Arrival arrival, int tries, CancellationToken cancellation)
    {
        var metadata = new Dictionary<string, string> { [TriesKey] = tries.ToString(CultureInfo.InvariantCulture) };
        arrival.Claim.WriteTo(metadata);

        try
        {
            await _inbox.GetBlobClient(arrival.Name).SetMetadataAsync(metadata, new BlobRequestConditions { IfMatch = arrival.Version }, cancellation);
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            // Read this very moment, or overwritten: there is nothing left behind.
        }
    }

    /// <summary>How a raw report came that was kept or quarantined: under the name that it came by, where that still is one.</summary>
    public static Arrival ArrivalOf(RawReportId id, ETag version, DateTimeOffset createdOn, IDictionary<string, string> metadata) => new(
        metadata.TryGetValue(NameKey, out var escaped) && BlobName.TryParse(Uri.UnescapeDataString(escaped), out var name) ? name : BlobName.Parse(id.Value),
        version,
        createdOn,
        ProvenanceClaim.Of(metadata));

    private static ReadOnlyMemory<byte> Bytes(MemoryStream raw) => raw.GetBuffer().AsMemory(0, (int)raw.Length);

    private Task<ProvenanceClaim> ClaimOfAsync(Arrival arrival, ReadOnlyMemory<byte> bytes, CancellationToken cancellation) =>
        provenance.SignAsync(arrival.Source, arrival.Signers, bytes, cancellation);

    private static Dictionary<string, string> MetadataOf(BlobName name, ProvenanceClaim claim)
    {
        var metadata = new Dictionary<string, string> { [NameKey] = EscapedName(name.Value) };
        claim.WriteTo(metadata);
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
