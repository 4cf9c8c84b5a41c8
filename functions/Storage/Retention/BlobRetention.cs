using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;

namespace StsFunctions.Storage.Retention;

/// <summary>Deletes blobs that are past their retention, a limited number per run.</summary>
internal sealed class BlobRetention(BlobServiceClient blobs)
{
    /// <summary>The most names that one run lists; a tenth of it for raw reports, since the expired ones come first.</summary>
    public int PageSize { get; init; } = 5_000;

    // Names are small: a run lists as many as it can check in seconds, and finishes each page.
    private const int MaxPages = 10;
    private const int AtOnce = 8;

    /// <summary>Deletes raw reports that arrived before a day. They are listed by day, so the run ends at the first one that stays.</summary>
    public async Task<RetentionPass> PurgeRawReportsAsync(string container, DateOnly before, CancellationToken cancellationToken)
    {
        var (deleted, failures) = (0, new List<Exception>());
        var client = blobs.GetBlobContainerClient(container);
        await foreach (var page in client.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix: null, cancellationToken).AsPages(pageSizeHint: Math.Max(1, PageSize / 10)).Take(MaxPages).WithCancellation(cancellationToken))
        {
            // Leave blobs with other names: they are not this app's.
            var ids = page.Values.Select(blob => RawReportId.TryParse(blob.Name, out var id) ? id : null).OfType<RawReportId>().ToList();
            deleted += await DeleteAsync(client, [.. ids.Where(id => id.Day < before).Select(id => BlobName.Parse(id.Value))], failures, cancellationToken);
            if (ids.Exists(id => id.Day >= before))
            {
                return new RetentionPass("", deleted, failures);
            }

            if (failures.Count >= RetentionPass.MaxFailures)
            {
                break;
            }
        }

        return new RetentionPass(deleted > 0 && failures.Count < RetentionPass.MaxFailures ? "more" : "", deleted, failures);
    }

    /// <summary>Deletes observations from before a time, starting where the last run ended.</summary>
    public async Task<RetentionPass> PurgeObservationsAsync(string position, DateTimeOffset before, CancellationToken cancellationToken)
    {
        var (deleted, pages, failures) = (0, 0, new List<Exception>());
        var client = blobs.GetBlobContainerClient(StorageNames.ObservationsContainer);
        await foreach (var page in client.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix: null, cancellationToken)
            .AsPages(position.Length > 0 ? position : null, PageSize).WithCancellation(cancellationToken))
        {
            var old = page.Values.Where(blob => Keys.TimeOf(blob.Name[(blob.Name.LastIndexOf('/') + 1)..]) < before)
                .Select(blob => BlobName.TryParse(blob.Name, out var name) ? name : null)
                .OfType<BlobName>()
                .ToList();
            deleted += await DeleteAsync(client, old, failures, cancellationToken);
            position = page.ContinuationToken ?? "";
            if (++pages == MaxPages || deleted >= PageSize || failures.Count >= RetentionPass.MaxFailures)
            {
                break;
            }
        }

        return new RetentionPass(position, deleted, failures);
    }

    private static async Task<int> DeleteAsync(BlobContainerClient container, IReadOnlyList<BlobName> names, List<Exception> failures, CancellationToken cancellationToken)
    {
        var deleted = 0;
        foreach (var some in names.Chunk(AtOnce))
        {
            foreach (var failure in await Task.WhenAll(some.Select(name => TryDeleteAsync(container, name, cancellationToken))))
            {
                deleted += failure is null ? 1 : 0;
                if (failure is not null)
                {
                    failures.Add(failure);
                }
            }

            if (failures.Count >= RetentionPass.MaxFailures)
            {
                break;
            }
        }

        return deleted;
    }

    private static async Task<Exception?> TryDeleteAsync(BlobContainerClient container, BlobName name, CancellationToken cancellationToken)
    {
        try
        {
            await container.GetBlobClient(name).DeleteIfExistsAsync(cancellationToken: cancellationToken);
            return null;
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException or IOException)
        {
            return e;
        }
    }
}
