using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;

namespace StsFunctions.Storage.Reports;

/// <summary>Reads the observation nearest to a time from the <c>observations</c> container.</summary>
internal sealed class OwnObservationReader(BlobServiceClient blobs)
{
    // Names are listed newest first: this many cover far more than the evaluated days.
    private const int MostNames = 2_000;

    // An observation further away says nothing about that time.
    private static readonly TimeSpan Near = TimeSpan.FromHours(36);

    private readonly BlobContainerClient _container = blobs.GetBlobContainerClient(StorageNames.ObservationsContainer);

    /// <summary>Finds the observation nearest to a time; null if there is none near it.</summary>
    public async Task<OwnObservation?> NearestAsync(DomainName domain, DateTimeOffset time, CancellationToken cancellationToken)
    {
        (BlobName Name, DateTimeOffset At)? nearest = null;
        await foreach (var blob in _container.GetBlobsAsync(BlobTraits.None, BlobStates.None, $"{domain}/", cancellationToken).Take(MostNames).WithCancellation(cancellationToken))
        {
            if (Keys.TimeOf(blob.Name[(blob.Name.LastIndexOf('/') + 1)..]) is not { } at || !BlobName.TryParse(blob.Name, out var name))
            {
                continue;
            }

            if (nearest is null || (at - time).Duration() < (nearest.Value.At - time).Duration())
            {
                nearest = (name, at);
            }

            if (at < time - Near)
            {
                break;
            }
        }

        if (nearest is not { } found || (found.At - time).Duration() > Near)
        {
            return null;
        }

        try
        {
            var content = await _container.GetBlobClient(found.Name).DownloadContentAsync(cancellationToken);
            return OwnObservation.Read(found.At, content.Value.Content.ToMemory());
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return null;
        }
    }
}
