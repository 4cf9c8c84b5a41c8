using System.Globalization;
using System.Security.Cryptography;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Core.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.Storage.Domains;

/// <summary>A served policy.</summary>
/// <param name="Bytes">The exact bytes.</param>
/// <param name="Id">The id of its <c>_mta-sts</c> record.</param>
/// <param name="Version">The blob's version in storage.</param>
internal sealed record ServedPolicy(byte[] Bytes, string Id, ETag Version)
{
    /// <summary>A strong entity tag: the same bytes have the same tag on every instance and after a restart.</summary>
    public string EntityTag { get; } = $"\"{Convert.ToHexStringLower(SHA256.HashData(Bytes).AsSpan(0, 16))}\"";
}

/// <summary>The result of reading a served policy.</summary>
internal abstract record PolicyRead
{
    /// <summary>The policy was read.</summary>
    internal sealed record Found(ServedPolicy Policy) : PolicyRead;

    /// <summary>The policy that the caller knows is still current.</summary>
    internal sealed record NotModified : PolicyRead;

    /// <summary>The domain is not hosted.</summary>
    internal sealed record NotFound : PolicyRead;
}

/// <summary>The <c>policies</c> container: the served policies, by domain.</summary>
internal sealed class PolicyBlobs(BlobServiceClient blobs)
{
    private readonly BlobContainerClient _container = blobs.GetBlobContainerClient(StorageNames.PoliciesContainer);

    /// <summary>Reads a domain's policy, or finds that the caller's copy is current.</summary>
    public async Task<PolicyRead> ReadAsync(DomainName domain, ServedPolicy? known, CancellationToken cancellationToken)
    {
        try
        {
            var options = new BlobDownloadOptions { Conditions = known is null ? null : new BlobRequestConditions { IfNoneMatch = known.Version } };
            var answer = await _container.GetBlobClient(domain.Value).DownloadContentAsync(options, cancellationToken);
            if (answer.GetRawResponse().Status == 304)
            {
                return new PolicyRead.NotModified();
            }

            var details = answer.Value.Details;
            return new PolicyRead.Found(new ServedPolicy(answer.Value.Content.ToArray(), details.Metadata["id"], details.ETag));
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            // Only this 404: a missing container does not mean that the domain is not hosted.
            return new PolicyRead.NotFound();
        }
        catch (RequestFailedException e) when (e.Status == 304)
        {
            return new PolicyRead.NotModified();
        }
    }

    /// <summary>Serves <paramref name="policy"/>, unless it is served already. Repeating it is harmless.</summary>
    /// <returns>The version of the blob after the write.</returns>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public Task<ETag> PutAsync(DomainName domain, PolicyVersion policy, CancellationToken cancellationToken) => OptimisticConcurrency.RetryAsync(domain.Value, async () =>
    {
        var blob = _container.GetBlobClient(domain.Value);
        var served = await ServedAsync(blob, cancellationToken);
        return served is { } at && string.CompareOrdinal(at.Id, policy.Id) >= 0
            // The same policy, or a newer one from another writer: never go back (RFC 8461 §3.1, the id).
            ? at.Version
            : await UploadAsync(blob, policy, served?.Version ?? default, cancellationToken);
    });

    /// <summary>Does the same without reading first, if the known version is current.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="before">The known version of the blob; the default for none.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <inheritdoc cref="PutAsync"/>
    public async Task<ETag> ReplaceAsync(DomainName domain, PolicyVersion policy, ETag before, CancellationToken cancellationToken)
    {
        try
        {
            return await UploadAsync(_container.GetBlobClient(domain.Value), policy, before, cancellationToken);
        }
        catch (RequestFailedException e) when (OptimisticConcurrency.IsConflict(e))
        {
            return await PutAsync(domain, policy, cancellationToken);
        }
    }

    /// <summary>Deletes a policy, and any earlier one; a newer one from another writer stays.</summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public Task DeleteAsync(DomainName domain, string lastId, CancellationToken cancellationToken) => OptimisticConcurrency.RetryAsync(domain.Value, async () =>
    {
        var blob = _container.GetBlobClient(domain.Value);
        if (await ServedAsync(blob, cancellationToken) is { } served && string.CompareOrdinal(served.Id, lastId) <= 0)
        {
            await blob.DeleteIfExistsAsync(conditions: new BlobRequestConditions { IfMatch = served.Version }, cancellationToken: cancellationToken);
        }
    });

    private static async Task<(string Id, ETag Version)?> ServedAsync(BlobClient blob, CancellationToken cancellationToken)
    {
        try
        {
            var properties = (await blob.GetPropertiesAsync(cancellationToken: cancellationToken)).Value;
            return (properties.Metadata["id"], properties.ETag);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return null;
        }
    }

    private static async Task<ETag> UploadAsync(BlobClient blob, PolicyVersion policy, ETag over, CancellationToken cancellationToken)
    {
        var options = new BlobUploadOptions
        {
            Conditions = over == default ? new BlobRequestConditions { IfNoneMatch = ETag.All } : new BlobRequestConditions { IfMatch = over },
            HttpHeaders = new BlobHttpHeaders { ContentType = "text/plain; charset=utf-8" },
            Metadata = new Dictionary<string, string>
            {
                ["id"] = policy.Id,
                ["mode"] = policy.Mode.ToToken(),
                ["max_age"] = ((long)policy.MaxAge.TotalSeconds).ToString(CultureInfo.InvariantCulture),
                ["published_at"] = policy.PublishedAt.ToString("O", CultureInfo.InvariantCulture),
            },
        };
        return (await blob.UploadAsync(new BinaryData(policy.Bytes), options, cancellationToken)).Value.ETag;
    }
}
