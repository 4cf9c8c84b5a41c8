using System.Globalization;
using System.Text.Json;
using Azure;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.JudgeReports;

/// <summary>What a look of our own saw of the policy host.</summary>
/// <param name="At">When it looked.</param>
/// <param name="Fetch">How the fetch of the policy ended, as the observation names it; null where that look fetched none.</param>
/// <param name="Status">The HTTP status, if one came.</param>
internal sealed record OwnLook(DateTimeOffset At, string? Fetch, int? Status)
{
    /// <summary>In words, beside what a sender says of the same time.</summary>
    public string Words => Fetch is null
        ? string.Create(CultureInfo.InvariantCulture, $"our own look nearest to it, {At.UtcDateTime:yyyy-MM-dd HH:mm} UTC, did not fetch the policy")
        : string.Create(CultureInfo.InvariantCulture, $"our own look nearest to it, {At.UtcDateTime:yyyy-MM-dd HH:mm} UTC, saw: {Fetch}{(Status is { } status ? $" (HTTP {status})" : "")}");

    /// <summary>Reads an observation for what it says of the fetch; of any version, for what is not there was not seen.</summary>
    public static OwnLook Read(DateTimeOffset at, ReadOnlyMemory<byte> json)
    {
        try
        {
            using var document = JsonDocument.Parse(json);
            return Member(document.RootElement, "policyHost") is { } host && Member(host, "fetch") is { } fetch
                && Member(fetch, "outcome") is { ValueKind: JsonValueKind.String } outcome
                ? new OwnLook(at, outcome.GetString(), Member(fetch, "status") is { ValueKind: JsonValueKind.Number } number && number.TryGetInt32(out var status) ? status : null)
                : new OwnLook(at, null, null);
        }
        catch (JsonException)
        {
            return new OwnLook(at, null, null);
        }
    }

    private static JsonElement? Member(JsonElement of, string name) =>
        of.ValueKind == JsonValueKind.Object && of.TryGetProperty(name, out var member) ? member : null;
}

/// <summary>The <c>observations</c> container, asked for the look nearest to a time.</summary>
internal sealed class OwnLooks(BlobServiceClient blobs)
{
    // Names are listed newest first: this many hold far more than the days that are judged.
    private const int MostNames = 2_000;

    // A look further away says nothing of that time.
    private static readonly TimeSpan Near = TimeSpan.FromHours(36);

    private readonly BlobContainerClient _container = blobs.GetBlobContainerClient(StorageLayout.ObservationsContainer);

    /// <summary>The look nearest to a time; null where there was none about then.</summary>
    public async Task<OwnLook?> NearestAsync(DomainName domain, DateTimeOffset time, CancellationToken cancellation)
    {
        (BlobName Name, DateTimeOffset At)? nearest = null;
        await foreach (var blob in _container.GetBlobsAsync(BlobTraits.None, BlobStates.None, $"{domain}/", cancellation).Take(MostNames).WithCancellation(cancellation))
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
            var content = await _container.GetBlobClient(found.Name).DownloadContentAsync(cancellation);
            return OwnLook.Read(found.At, content.Value.Content.ToMemory());
        }
        catch (RequestFailedException e) when (e.Status == 404)
        {
            return null;
        }
    }
}
