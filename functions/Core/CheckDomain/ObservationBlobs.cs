using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>The <c>observations</c> container: what each look saw, the newest of a domain first.</summary>
internal sealed class ObservationBlobs(BlobServiceClient blobs)
{
    private readonly BlobContainerClient _container = blobs.GetBlobContainerClient(StorageLayout.ObservationsContainer);

    /// <summary>Keeps an observation. The same one again takes its own place.</summary>
    public Task KeepAsync(Observation seen, CancellationToken cancellation) =>
        _container.GetBlobClient($"{seen.Domain}/{Keys.InvertedStamp(seen.At)}").UploadAsync(
            new BinaryData(seen.ToJson()),
            new BlobUploadOptions { HttpHeaders = new BlobHttpHeaders { ContentType = "application/json" } },
            cancellation);
}
