using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Text;
using StsFunctions.Protocol;

namespace StsFunctions.Storage.Reports;

/// <summary>A raw report in the inbox.</summary>
/// <param name="Name">Its blob.</param>
/// <param name="Version">The version of exactly this content: other content may take the name at any time, as providers choose their own file names.</param>
/// <param name="ArrivedAt">When it was stored.</param>
/// <param name="Claim">The claim about its arrival in its metadata.</param>
internal sealed record IncomingReport(BlobName Name, ETag Version, DateTimeOffset ArrivedAt, ProvenanceClaim Claim)
{
    /// <summary>How it arrived, once <see cref="ReportProvenance"/> has verified that the app wrote it; null for a dropped file.</summary>
    public ReportSource? Source { get; init; }

    /// <summary>The signers with a valid signature at arrival, verified in the same way: signature keys rotate, so this cannot be checked later (RFC 8460 §3).</summary>
    public IReadOnlyList<DomainName> Signers { get; init; } = [];
}

/// <summary>
/// The containers of raw reports: <c>reports-inbox</c>, where reports arrive, and where they go from there:
/// <c>reports</c> for those that were read, <c>reports-quarantine</c> for those that cannot be read or attributed. The inbox holds only
/// pending reports, so that a report that was left in it is noticed.
/// </summary>
internal sealed class ReportInbox(BlobServiceClient blobs, ReportProvenance provenance, TimeProvider time)
{
    private const string NameKey = "name";

    /// <summary>The metadata with the reason why a raw report is in quarantine.</summary>
    public const string ReasonKey = "reason";

    private const string AttemptsKey = "tries";
    private const int MaxReason = 1000;

    // All metadata together has at most 8 KiB, and a name may have 1,024 characters of nine bytes each when escaped: the beginning is enough.
    private const int MaxEscapedName = 4 * 1024;

    // Content that is too large to be read is copied in chunks of this size, one blob at a time.
    private const int CopiedBytes = 1 << 20;

    private static readonly StorageTransferOptions Copied = new() { InitialTransferSize = CopiedBytes, MaximumTransferSize = CopiedBytes, MaximumConcurrency = 1 };

    private static readonly SemaphoreSlim Copying = new(1);

    private readonly BlobContainerClient _inbox = blobs.GetBlobContainerClient(StorageNames.InboxContainer);
    private readonly BlobContainerClient _reports = blobs.GetBlobContainerClient(StorageNames.ReportsContainer);
    private readonly BlobContainerClient _quarantine = blobs.GetBlobContainerClient(StorageNames.QuarantineContainer);

    /// <summary>Stores a raw report in the inbox under <c>&lt;yyyy-MM-dd&gt;/&lt;hash&gt;</c>: the same report again overwrites itself.</summary>
    /// <returns>The blob's name.</returns>
    public async Task<string> PutAsync(MemoryStream raw, ReportSource source, CancellationToken cancellationToken)
    {
        var bytes = Bytes(raw);
        var id = RawReportId.Parse(Keys.RawReport(time.GetUtcNow(), bytes.Span));
        var options = new BlobUploadOptions { Metadata = new Dictionary<string, string>() };
        (await provenance.SignAsync(source, [], bytes, cancellationToken)).WriteTo(options.Metadata);
        await _inbox.GetBlobClient(id.Value).UploadAsync(new BinaryData(bytes), options, cancellationToken);
        return id.Value;
    }

    /// <summary>Opens a raw report; null if it no longer exists. Its provenance is verified later, when its bytes are read.</summary>
    public async Task<(Stream Content, IncomingReport Arrival)?> OpenAsync(BlobName name, CancellationToken cancellationToken)
    {
        try
        {
            var download = (await _inbox.GetBlobClient(name).DownloadStreamingAsync(cancellationToken: cancellationToken)).Value;
            return (download.Content, new IncomingReport(name, download.Details.ETag, download.Details.CreatedOn, ProvenanceClaim.Of(download.Details.Metadata)));
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return null;
        }
    }

    /// <summary>Verifies the provenance of an arrival with its bytes.</summary>
    public Task<IncomingReport> VerifyAsync(IncomingReport arrival, MemoryStream raw, CancellationToken cancellationToken) => provenance.VerifyAsync(arrival, Bytes(raw), cancellationToken);

    /// <summary>Archives a raw report by its day of arrival and its content: the same report again finds itself there.</summary>
    /// <returns>The blob's name within <c>reports</c>.</returns>
    public async Task<string> ArchiveAsync(IncomingReport arrival, MemoryStream raw, CancellationToken cancellationToken)
    {
        var bytes = Bytes(raw);
        var id = RawReportId.Parse(Keys.RawReport(arrival.ArrivedAt, bytes.Span));
        var options = new BlobUploadOptions { Metadata = MetadataOf(arrival.Name, await ClaimOfAsync(arrival, bytes, cancellationToken)), Conditions = new BlobRequestConditions { IfNoneMatch = ETag.All } };
        try
        {
            await _reports.GetBlobClient(id.Value).UploadAsync(new BinaryData(bytes), options, cancellationToken);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobAlreadyExists)
        {
        }

        return id.Value;
    }

    /// <summary>Moves a raw report to quarantine, with the reason in its metadata: the copy first, then the deletion of the original, so that nothing is lost.</summary>
    /// <param name="arrival">The report.</param>
    /// <param name="raw">Its bytes, if they were read and the arrival verified; if null, the metadata is copied unchanged.</param>
    /// <param name="reason">The reason.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public async Task QuarantineAsync(IncomingReport arrival, MemoryStream? raw, string reason, CancellationToken cancellationToken)
    {
        var id = RawReportId.Parse(RawReportId.PrefixOf(DateOnly.FromDateTime(arrival.ArrivedAt.UtcDateTime)) + ContentHash.Of($"{arrival.Name}\n{arrival.Version}"));
        // Nothing in the inbox is signed for a signer; an unread report must not appear signed in quarantine.
        var claim = raw is null ? arrival.Claim with { Signers = "" } : await ClaimOfAsync(arrival, Bytes(raw), cancellationToken);
        var metadata = MetadataOf(arrival.Name, claim);
        metadata[ReasonKey] = Sanitize(reason);
        var options = new BlobUploadOptions { Metadata = metadata, TransferOptions = Copied };
        if (raw is not null)
        {
            // Do not read it from storage again into buffers without a lease.
            options.TransferOptions = default;
            await _quarantine.GetBlobClient(id.Value).UploadAsync(new BinaryData(Bytes(raw)), options, cancellationToken);
        }
        else if (!await TryCopyAsync(arrival, id.Value, options, cancellationToken))
        {
            return;
        }

        await RemoveAsync(arrival, cancellationToken);
    }

    // False if an earlier delivery of the same message moved it, or if other content, which has its own message, has the name.
    private async Task<bool> TryCopyAsync(IncomingReport arrival, string name, BlobUploadOptions options, CancellationToken cancellationToken)
    {
        await Copying.WaitAsync(cancellationToken);
        try
        {
            var read = new BlobOpenReadOptions(allowModifications: false) { BufferSize = CopiedBytes, Conditions = new BlobRequestConditions { IfMatch = arrival.Version } };
            await using var content = await _inbox.GetBlobClient(arrival.Name).OpenReadAsync(read, cancellationToken);
            await _quarantine.GetBlobClient(name).UploadAsync(content, options, cancellationToken);
            return true;
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            return false;
        }
        finally
        {
            Copying.Release();
        }
    }

    /// <summary>Deletes a raw report from the inbox after it was stored elsewhere; other content with its name stays.</summary>
    public async Task RemoveAsync(IncomingReport arrival, CancellationToken cancellationToken)
    {
        try
        {
            await _inbox.GetBlobClient(arrival.Name).DeleteIfExistsAsync(conditions: new BlobRequestConditions { IfMatch = arrival.Version }, cancellationToken: cancellationToken);
        }
        catch (RequestFailedException e) when (e.Status == 412)
        {
        }
    }

    /// <summary>Lists the blobs that were unchanged in the inbox since a time, with their attempts; null for a name that is not valid.</summary>
    public async IAsyncEnumerable<(string Name, IncomingReport? Arrival, int Tries)> StaleAsync(DateTimeOffset since, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var blob in _inbox.GetBlobsAsync(BlobTraits.Metadata, BlobStates.None, prefix: null, cancellationToken))
        {
            if (blob.Properties.LastModified < since)
            {
                var tries = blob.Metadata.TryGetValue(AttemptsKey, out var text) && int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;
                var arrival = BlobName.TryParse(blob.Name, out var name)
                    ? new IncomingReport(name, blob.Properties.ETag!.Value, blob.Properties.CreatedOn!.Value, ProvenanceClaim.Of(blob.Metadata))
                    : null;
                yield return (blob.Name, arrival, tries);
            }
        }
    }

    /// <summary>Records an attempt for a raw report.</summary>
    public async Task CountAttemptAsync(IncomingReport arrival, int tries, CancellationToken cancellationToken)
    {
        var metadata = new Dictionary<string, string> { [AttemptsKey] = tries.ToString(CultureInfo.InvariantCulture) };
        arrival.Claim.WriteTo(metadata);

        try
        {
            await _inbox.GetBlobClient(arrival.Name).SetMetadataAsync(metadata, new BlobRequestConditions { IfMatch = arrival.Version }, cancellationToken);
        }
        catch (RequestFailedException e) when (e.Status is 404 or 412)
        {
            // It is being read at this moment, or was overwritten: nothing was left in the inbox.
        }
    }

    /// <summary>The provenance of an archived or quarantined raw report: with its original name, if that is still valid.</summary>
    public static IncomingReport ArrivalOf(RawReportId id, ETag version, DateTimeOffset createdOn, IDictionary<string, string> metadata) => new(
        metadata.TryGetValue(NameKey, out var escaped) && BlobName.TryParse(Uri.UnescapeDataString(escaped), out var name) ? name : BlobName.Parse(id.Value),
        version,
        createdOn,
        ProvenanceClaim.Of(metadata));

    private static ReadOnlyMemory<byte> Bytes(MemoryStream raw) => raw.GetBuffer().AsMemory(0, (int)raw.Length);

    private Task<ProvenanceClaim> ClaimOfAsync(IncomingReport arrival, ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        provenance.SignAsync(arrival.Source, arrival.Signers, bytes, cancellationToken);

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

    // Metadata is sent in HTTP headers: visible ASCII only.
    private static string Sanitize(string reason) =>
        string.Concat(reason.Replace("§", "section ", StringComparison.Ordinal).Take(MaxReason).Select(c => c is >= ' ' and <= '~' ? c : '?')).Trim();
}
