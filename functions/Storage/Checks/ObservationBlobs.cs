using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Observations;

namespace StsFunctions.Storage.Checks;

/// <summary>The <c>observations</c> container: the observation of each check, the newest of a domain first.</summary>
internal sealed class ObservationBlobs(BlobServiceClient blobs)
{
    private readonly BlobContainerClient _container = blobs.GetBlobContainerClient(StorageNames.ObservationsContainer);

    /// <summary>Stores an observation. Storing it again overwrites it.</summary>
    public Task StoreAsync(Observation observation, CancellationToken cancellationToken) =>
        _container.GetBlobClient($"{observation.Domain}/{Keys.InvertedTimestamp(observation.At)}").UploadAsync(
            new BinaryData(observation.ToJson()),
            new BlobUploadOptions { HttpHeaders = new BlobHttpHeaders { ContentType = "application/json" } },
            cancellationToken);
}
