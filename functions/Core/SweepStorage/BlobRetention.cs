using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Domains;
using StsFunctions.Reports;

namespace StsFunctions.SweepStorage;

/// <summary>Deletes blobs that are older than they are kept, a bounded number a run.</summary>
internal sealed class BlobRetention(BlobServiceClient blobs)
{
    /// <summary>How many names one run lists at once; of raw reports a tenth, since those that go come first.</summary>
    public int PageSize { get; init; } = 5_000;

    // Names are small; a run lists as many as it can look at in seconds, and a page is worked off whole.
    private const int MaxPages = 10;
    private const int AtOnce = 8;

    /// <summary>Raw reports that arrived before a day. They are listed by day, so that the run ends at the first that stays.</summary>
    public async Task<RetentionPass> PurgeRawReportsAsync(string container, DateOnly before, CancellationToken cancellation)
    {
        var (deleted, failures) = (0, new List<Exception>());
        var client = blobs.GetBlobContainerClient(container);
        await foreach (var page in client.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix: null, cancellation).AsPages(pageSizeHint: Math.Max(1, PageSize / 10)).Take(MaxPages).WithCancellation(cancellation))
        {
            // What bears another name is nobody's whom this app knows.
            var ids = page.Values.Select(blob => RawReportId.TryParse(blob.Name, out var id) ? id : null).OfType<RawReportId>().ToList();
            deleted += await DeleteAsync(client, [.. ids.Where(id => id.Day < before).Select(id => BlobName.Parse(id.Value))], failures, cancellation);
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

    /// <summary>Observations of before a time, from where the run before this one ended.</summary>
    public async Task<RetentionPass> PurgeObservationsAsync(string position, DateTimeOffset before, CancellationToken cancellation)
    {
        var (deleted, pages, failures) = (0, 0, new List<Exception>());
        var client = blobs.GetBlobContainerClient(StorageLayout.ObservationsContainer);
        await foreach (var page in client.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix: null, cancellation)
            .AsPages(position.Length > 0 ? position : null, PageSize).WithCancellation(cancellation))
        {
            var old = page.Values.Where(blob => Keys.TimeOf(blob.Name[(blob.Name.LastIndexOf('/') + 1)..]) < before)
                .Select(blob => BlobName.TryParse(blob.Name, out var name) ? name : null)
                .OfType<BlobName>()
                .ToList();
            deleted += await DeleteAsync(client, old, failures, cancellation);
            position = page.ContinuationToken ?? "";
            if (++pages == MaxPages || deleted >= PageSize || failures.Count >= RetentionPass.MaxFailures)
            {
                break;
            }
        }

        return new RetentionPass(position, deleted, failures);
    }

    private static async Task<int> DeleteAsync(BlobContainerClient container, IReadOnlyList<BlobName> names, List<Exception> failures, CancellationToken cancellation)
    {
        var deleted = 0;
        foreach (var some in names.Chunk(AtOnce))
        {
            foreach (var failure in await Task.WhenAll(some.Select(name => TryDeleteAsync(container, name, cancellation))))
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

    private static async Task<Exception?> TryDeleteAsync(BlobContainerClient container, BlobName name, CancellationToken cancellation)
    {
        try
        {
            await container.GetBlobClient(name).DeleteIfExistsAsync(cancellationToken: cancellation);
            return null;
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException or IOException)
        {
            return e;
        }
    }
}
