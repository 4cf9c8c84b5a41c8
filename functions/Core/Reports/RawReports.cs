using System.Runtime.CompilerServices;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Domains;

namespace StsFunctions.Reports;

/// <summary>A raw report that is opened.</summary>
/// <param name="Content">Its bytes.</param>
/// <param name="Arrival">How it came, under the name that it came by.</param>
/// <param name="Version">This very content.</param>
internal sealed record RawReport(Stream Content, Arrival Arrival, ETag Version);

/// <summary>What lies in quarantine, as far as it was counted.</summary>
/// <param name="Count">How many.</param>
/// <param name="IsMore">There are more than were counted.</param>
/// <param name="Reasons">Why, the most frequent first.</param>
/// <param name="Newest">The id of the newest.</param>
/// <param name="Signed">How many of them came in mail that somebody signed.</param>
internal sealed record Quarantined(int Count, bool IsMore, IReadOnlyList<(string Reason, int Count)> Reasons, string? Newest, int Signed = 0);

/// <summary>Raw reports where they stay: <c>reports</c>, what was read, and <c>reports-quarantine</c>, what could not be; both by the day of arrival.</summary>
internal sealed class RawReports(BlobServiceClient blobs)
{
    /// <summary>Opens one; null where it is no longer there.</summary>
    public async Task<RawReport?> OpenAsync(string container, RawReportId id, CancellationToken cancellation)
    {
        try
        {
            var download = (await blobs.GetBlobContainerClient(container).GetBlobClient(id.Value).DownloadStreamingAsync(cancellationToken: cancellation)).Value;
            var arrival = ReportInbox.ArrivalOf(id, download.Details.ETag, download.Details.CreatedOn, download.Details.Metadata);
            return new RawReport(download.Content, arrival, download.Details.ETag);
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return null;
        }
    }

    /// <summary>Whether there is one of this id.</summary>
    public async Task<bool> ExistsAsync(string container, RawReportId id, CancellationToken cancellation) =>
        await blobs.GetBlobContainerClient(container).GetBlobClient(id.Value).ExistsAsync(cancellation);

    /// <summary>The ids of those that arrived on a day.</summary>
    public async IAsyncEnumerable<RawReportId> OfDayAsync(string container, DateOnly day, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (var blob in blobs.GetBlobContainerClient(container).GetBlobsAsync(BlobTraits.None, BlobStates.None, RawReportId.PrefixOf(day), cancellation))
        {
            if (RawReportId.TryParse(blob.Name, out var id))
            {
                yield return id;
            }
        }
    }

    /// <summary>Takes one out of quarantine that was read after all; another content under its id stays.</summary>
    public async Task ReleaseAsync(RawReportId id, ETag version, CancellationToken cancellation)
    {
        try
        {
            await blobs.GetBlobContainerClient(StorageLayout.QuarantineContainer).GetBlobClient(id.Value)
                .DeleteIfExistsAsync(conditions: new BlobRequestConditions { IfMatch = version }, cancellationToken: cancellation);
        }
        catch (RequestFailedException e) when (e.Status == 412)
        {
        }
    }

    /// <summary>Counts what came into quarantine from a day on, the newest days first, up to a number.</summary>
    public async Task<Quarantined> QuarantinedAsync(DateOnly from, DateOnly to, int most, CancellationToken cancellation)
    {
        var (count, signed, newest) = (0, 0, (BlobItem?)null);
        var reasons = new Dictionary<string, int>();
        for (var day = to; day >= from; day = day.AddDays(-1))
        {
            await foreach (var blob in blobs.GetBlobContainerClient(StorageLayout.QuarantineContainer).GetBlobsAsync(BlobTraits.Metadata, BlobStates.None, RawReportId.PrefixOf(day), cancellation))
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

        Quarantined Result(bool isMore) => new(
            count, isMore, [.. reasons.OrderByDescending(one => one.Value).ThenBy(one => one.Key, StringComparer.Ordinal).Select(one => (one.Key, one.Value))], newest?.Name, signed);
    }
}
