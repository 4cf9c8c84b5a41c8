using System.Runtime.CompilerServices;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;

namespace StsFunctions.Storage.Reports;

/// <summary>An opened raw report.</summary>
/// <param name="Content">Its bytes.</param>
/// <param name="Arrival">Its arrival, under its original name.</param>
/// <param name="Version">The version of exactly this content.</param>
internal sealed record RawReport(Stream Content, IncomingReport Arrival, ETag Version);

/// <summary>The stored raw reports: <c>reports</c> for those that were read, and <c>reports-quarantine</c> for those that could not be; both by the day of arrival.</summary>
internal sealed class ReportArchive(BlobServiceClient blobs)
{
    /// <summary>Opens a raw report; null if it no longer exists.</summary>
    public async Task<RawReport?> OpenAsync(string container, RawReportId id, CancellationToken cancellationToken)
    {
        try
        {
            var download = (await blobs.GetBlobContainerClient(container).GetBlobClient(id.Value).DownloadStreamingAsync(cancellationToken: cancellationToken)).Value;
            var arrival = ReportInbox.ArrivalOf(id, download.Details.ETag, download.Details.CreatedOn, download.Details.Metadata);
            return new RawReport(download.Content, arrival, download.Details.ETag);
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return null;
        }
    }

    /// <summary>Whether a raw report of this id exists.</summary>
    public async Task<bool> ExistsAsync(string container, RawReportId id, CancellationToken cancellationToken) =>
        await blobs.GetBlobContainerClient(container).GetBlobClient(id.Value).ExistsAsync(cancellationToken);

    /// <summary>Lists the ids of the raw reports that arrived on a day.</summary>
    public async IAsyncEnumerable<RawReportId> OfDayAsync(string container, DateOnly day, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var blob in blobs.GetBlobContainerClient(container).GetBlobsAsync(BlobTraits.None, BlobStates.None, RawReportId.PrefixOf(day), cancellationToken))
        {
            if (RawReportId.TryParse(blob.Name, out var id))
            {
                yield return id;
            }
        }
    }

    /// <summary>Removes a raw report from quarantine after it was read; other content under its id stays.</summary>
    public async Task RequeueAsync(RawReportId id, ETag version, CancellationToken cancellationToken)
    {
        try
        {
            await blobs.GetBlobContainerClient(StorageNames.QuarantineContainer).GetBlobClient(id.Value)
                .DeleteIfExistsAsync(conditions: new BlobRequestConditions { IfMatch = version }, cancellationToken: cancellationToken);
        }
        catch (RequestFailedException e) when (e.Status == 412)
        {
        }
    }

    /// <summary>Counts the raw reports quarantined since a day, the newest days first, up to a limit.</summary>
    public async Task<QuarantineSummary> QuarantinedAsync(DateOnly from, DateOnly to, int most, CancellationToken cancellationToken)
    {
        var (count, signed, newest) = (0, 0, (BlobItem?)null);
        var reasons = new Dictionary<string, int>();
        for (var day = to; day >= from; day = day.AddDays(-1))
        {
            await foreach (var blob in blobs.GetBlobContainerClient(StorageNames.QuarantineContainer).GetBlobsAsync(BlobTraits.Metadata, BlobStates.None, RawReportId.PrefixOf(day), cancellationToken))
            {
                if (count == most)
                {
                    return Result(isMore: true);
                }

                count++;
                signed += ProvenanceClaim.Of(blob.Metadata).Signers.Length > 0 ? 1 : 0;
                newest = newest is null || blob.Properties.CreatedOn > newest.Properties.CreatedOn ? blob : newest;
                var reason = blob.Metadata.TryGetValue(ReportInbox.ReasonKey, out var text) ? text : "(no reason)";
                reasons[reason] = reasons.GetValueOrDefault(reason) + 1;
            }
        }

        return Result(isMore: false);

        QuarantineSummary Result(bool isMore) => new(
            count, isMore, [.. reasons.OrderByDescending(one => one.Value).ThenBy(one => one.Key, StringComparer.Ordinal).Select(one => (one.Key, one.Value))], newest?.Name, signed);
    }
}
