using System.Globalization;
using System.Security.Cryptography;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Protocol;

namespace StsFunctions.Domains;

/// <summary>A policy as it is served.</summary>
/// <param name="Bytes">The exact bytes.</param>
/// <param name="Id">The id of its <c>_mta-sts</c> record.</param>
/// <param name="Version">The blob's version in storage.</param>
internal sealed record ServedPolicy(byte[] Bytes, string Id, ETag Version)
{
    /// <summary>A strong entity tag: the same bytes have the same one, on every instance and after a restart.</summary>
    public string EntityTag { get; } = $"\"{Convert.ToHexStringLower(SHA256.HashData(Bytes).AsSpan(0, 16))}\"";
}

/// <summary>What a look for a served policy came to.</summary>
internal abstract record PolicyLook
{
    /// <summary>There is one.</summary>
    internal sealed record Found(ServedPolicy Policy) : PolicyLook;

    /// <summary>It is still the one that the caller knows.</summary>
    internal sealed record Unchanged : PolicyLook;

    /// <summary>The domain is not hosted here.</summary>
    internal sealed record Stranger : PolicyLook;
}

/// <summary>The <c>policies</c> container: what is served, by domain.</summary>
internal sealed class PolicyBlobs(BlobServiceClient blobs)
{
    private readonly BlobContainerClient _container = blobs.GetBlobContainerClient(StorageLayout.PoliciesContainer);

    /// <summary>Reads a domain's policy, or learns that the one at hand still stands.</summary>
    public async Task<PolicyLook> LookAsync(DomainName domain, ServedPolicy? known, CancellationToken cancellation)
    {
        try
        {
            var options = new BlobDownloadOptions { Conditions = known is null ? null : new BlobRequestConditions { IfNoneMatch = known.Version } };
            var answer = await _container.GetBlobClient(domain.Value).DownloadContentAsync(options, cancellation);
            if (answer.GetRawResponse().Status == 304)
            {
                return new PolicyLook.Unchanged();
            }

            var details = answer.Value.Details;
            return new PolicyLook.Found(new ServedPolicy(answer.Value.Content.ToArray(), details.Metadata["id"], details.ETag));
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            // No other 404: a container that is gone takes nobody's policy away.
            return new PolicyLook.Stranger();
        }
        catch (RequestFailedException e) when (e.Status == 304)
        {
            return new PolicyLook.Unchanged();
        }
    }

    /// <summary>Makes <paramref name="policy"/> the one that is served, unless it already is. Doing it twice is harmless.</summary>
    /// <returns>The version of the blob then.</returns>
    /// <exception cref="ConcurrentChangeException">Other writers were first, again and again.</exception>
    public Task<ETag> PutAsync(DomainName domain, PolicyVersion policy, CancellationToken cancellation) => OptimisticConcurrency.RetryAsync(domain.Value, async () =>
    {
        var blob = _container.GetBlobClient(domain.Value);
        var served = await ServedAsync(blob, cancellation);
        return served is { } at && string.CompareOrdinal(at.Id, policy.Id) >= 0
            // The same policy, or a newer one that another writer has published since: never go back (RFC 8461 §3.1, the id).
            ? at.Version
            : await UploadAsync(blob, policy, served?.Version ?? default, cancellation);
    });

    /// <summary>The same where it is known what is served before: without looking first, if that is so.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="policy">The policy.</param>
    /// <param name="before">The version of the blob as far as it is known; default for none.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <inheritdoc cref="PutAsync"/>
    public async Task<ETag> ReplaceAsync(DomainName domain, PolicyVersion policy, ETag before, CancellationToken cancellation)
    {
        try
        {
            return await UploadAsync(_container.GetBlobClient(domain.Value), policy, before, cancellation);
        }
        catch (RequestFailedException e) when (OptimisticConcurrency.IsConflict(e))
        {
            return await PutAsync(domain, policy, cancellation);
        }
    }

    /// <summary>Takes a policy away, and any earlier one; a newer one that another writer has published since stays.</summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first, again and again.</exception>
    public Task DeleteAsync(DomainName domain, string lastId, CancellationToken cancellation) => OptimisticConcurrency.RetryAsync(domain.Value, async () =>
    {
        var blob = _container.GetBlobClient(domain.Value);
        if (await ServedAsync(blob, cancellation) is { } served && string.CompareOrdinal(served.Id, lastId) <= 0)
        {
            await blob.DeleteIfExistsAsync(conditions: new BlobRequestConditions { IfMatch = served.Version }, cancellationToken: cancellation);
        }
    });

    private static async Task<(string Id, ETag Version)?> ServedAsync(BlobClient blob, CancellationToken cancellation)
    {
        try
        {
            var properties = (await blob.GetPropertiesAsync(cancellationToken: cancellation)).Value;
            return (properties.Metadata["id"], properties.ETag);
        }
        catch (RequestFailedException e) when (e.ErrorCode == BlobErrorCode.BlobNotFound)
        {
            return null;
        }
    }

    private static async Task<ETag> UploadAsync(BlobClient blob, PolicyVersion policy, ETag over, CancellationToken cancellation)
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
        return (await blob.UploadAsync(new BinaryData(policy.Bytes), options, cancellation)).Value.ETag;
    }
}
