using System.Text;
using System.Text.Json;
using StsFunctions.Core.Domains;

namespace StsFunctions.Storage.Reports;

/// <summary>An event does not name a blob in the inbox.</summary>
internal sealed class InvalidBlobEventException(string message, Exception? cause = null) : Exception(message, cause);

/// <summary>Event Grid's message about a new blob, in the CloudEvents schema or its own: both name the blob in <c>subject</c>.</summary>
internal static class BlobCreatedEvent
{
    private const string SubjectPrefix = $"/blobServices/default/containers/{StorageNames.InboxContainer}/blobs/";

    /// <summary>The name of the blob within the inbox.</summary>
    /// <exception cref="InvalidBlobEventException">The message has another form, or the name points outside the inbox.</exception>
    public static BlobName NameOf(string message)
    {
        try
        {
            using var json = JsonDocument.Parse(message);
            var root = json.RootElement;
            return root.ValueKind == JsonValueKind.Object
                && root.TryGetProperty("subject", out var subject)
                && subject.ValueKind == JsonValueKind.String
                && subject.GetString()! is { Length: > 0 } text
                && text.StartsWith(SubjectPrefix, StringComparison.Ordinal)
                && text.Length > SubjectPrefix.Length
                ? BlobName.TryParse(text[SubjectPrefix.Length..], out var name)
                    ? name
                    : throw new InvalidBlobEventException("The event's subject names no blob within the inbox; a name has no dot segments, no encodings and no control characters.")
                : throw new InvalidBlobEventException($"The event's subject must begin with {SubjectPrefix}; is the Event Grid subscription's filter set?");
        }
        catch (JsonException e)
        {
            throw new InvalidBlobEventException("The message is not the JSON of an event.", e);
        }
    }

    /// <summary>The message for a blob whose own event was lost.</summary>
    public static string Again(string blobName)
    {
        using var text = new MemoryStream();
        using (var json = new Utf8JsonWriter(text))
        {
            json.WriteStartObject();
            json.WriteString("specversion", "1.0");
            json.WriteString("type", "StsFunctions.Requeue");
            json.WriteString("subject", SubjectPrefix + blobName);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(text.ToArray());
    }
}
