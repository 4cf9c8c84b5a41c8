using System.Diagnostics.CodeAnalysis;
using Azure.Storage.Blobs;

namespace StsFunctions.Storage;

/// <summary>
/// The name of a blob within one container, validated before a client is created for it. A name becomes the path of a URI, and a URI resolves
/// dot segments (RFC 3986 §5.2.4): <c>../policies/example.com</c> would be a blob of another container.
/// </summary>
internal sealed record BlobName
{
    // The limit of Azure Storage.
    private const int MaxLength = 1_024;

    private const string Container = "/container/";

    private BlobName(string value) => Value = value;

    /// <summary>The name.</summary>
    public string Value { get; }

    /// <summary>Parses a name from outside.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out BlobName? name)
    {
        name = text is { Length: > 0 and <= MaxLength } && HasOnlySegments(text) && IsTheSameInAUri(text) ? new BlobName(text) : null;
        return name is not null;
    }

    /// <summary>Parses a name that must be valid.</summary>
    /// <exception cref="FormatException">The name is not valid.</exception>
    public static BlobName Parse(string text) => TryParse(text, out var name) ? name : throw new FormatException("Not the name of a blob within its container.");

    /// <inheritdoc/>
    public override string ToString() => Value;

    private static bool HasOnlySegments(string text) =>
        !text.Any(c => c == '\\' || char.IsControl(c)) && text.Split('/').All(segment => segment is not ("" or "." or ".."));

    // The name must give the same path in the storage client and after decoding it once more.
    private static bool IsTheSameInAUri(string text) =>
        Uri.UnescapeDataString(text) == text
        && PathOf(text) == Container + text
        && PathOf(string.Join('/', text.Split('/').Select(Uri.EscapeDataString))) == Container + text;

    private static string? PathOf(string path) =>
        Uri.TryCreate($"https://localhost{Container}{path.Replace("?", "%3F", StringComparison.Ordinal).Replace("#", "%23", StringComparison.Ordinal)}", UriKind.Absolute, out var uri)
            ? Uri.UnescapeDataString(uri.AbsolutePath)
            : null;
}

/// <summary>Opens blobs by validated names.</summary>
internal static class BlobNameExtensions
{
    /// <summary>Gets the client of one blob.</summary>
    public static BlobClient GetBlobClient(this BlobContainerClient container, BlobName name) => container.GetBlobClient(name.Value);
}
