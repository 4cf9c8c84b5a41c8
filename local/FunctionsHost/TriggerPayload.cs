using System.Buffers;
using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using Azure.Storage.Queues.Models;

namespace StsFunctions.Local.FunctionsHost;

/// <summary>When a timer ran and will run, as the host's schedule monitor keeps it.</summary>
internal sealed record TimerStatus(DateTimeOffset Last, DateTimeOffset Next, DateTimeOffset LastUpdated);

/// <summary>The JSON that the host posts to a function, byte for byte as it writes it.</summary>
internal static class TriggerPayload
{
    private static readonly JsonWriterOptions Raw = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static byte[] Timer(string function, string binding, TimerStatus? status, bool isPastDue, DateTimeOffset now) => Write(
        new JsonObject
        {
            [binding] = new JsonObject
            {
                ["Schedule"] = new JsonObject { ["AdjustForDST"] = true },
                ["ScheduleStatus"] = status is null ? null : new JsonObject { ["Last"] = status.Last, ["Next"] = status.Next, ["LastUpdated"] = status.LastUpdated },
                ["IsPastDue"] = isPastDue,
            },
        },
        new Dictionary<string, JsonNode?> { ["sys"] = System(function, now) });

    public static byte[] Queue(string function, string binding, QueueMessage message, string text, DateTimeOffset now)
    {
        // The host merges a message's own properties into the metadata, without case: {"id":1} takes the place of Id.
        var metadata = new OrderedDictionary<string, JsonNode?>(StringComparer.OrdinalIgnoreCase)
        {
            ["DequeueCount"] = message.DequeueCount.ToString(CultureInfo.InvariantCulture),
            ["ExpirationTime"] = Seconds(message.ExpiresOn),
            ["Id"] = Quoted(message.MessageId),
            ["InsertionTime"] = Seconds(message.InsertedOn),
            ["NextVisibleTime"] = Seconds(message.NextVisibleOn),
            ["PopReceipt"] = Quoted(message.PopReceipt),
            ["sys"] = System(function, now),
        };
        foreach (var (name, value) in OwnProperties(text))
            metadata[name] = value;
        return Write(new JsonObject { [binding] = Quoted(text) }, metadata);
    }

    private static IEnumerable<(string Name, JsonNode Value)> OwnProperties(string text)
    {
        JsonDocument document;
        try
        {
            document = JsonDocument.Parse(text);
        }
        catch (JsonException)
        {
            yield break;
        }
        using (document)
        {
            if (document.RootElement.ValueKind != JsonValueKind.Object)
                yield break;
            foreach (var property in document.RootElement.EnumerateObject())
            {
                if (property.Value.ValueKind is JsonValueKind.Array or JsonValueKind.Null)
                    continue;
                yield return (property.Name, property.Value.ValueKind switch
                {
                    JsonValueKind.Object => JsonNode.Parse(property.Value.GetRawText())!,
                    JsonValueKind.String => Quoted(property.Value.GetString()!),
                    JsonValueKind.True => Quoted("True"),
                    JsonValueKind.False => Quoted("False"),
                    _ => Quoted(property.Value.GetRawText()),
                });
            }
        }
    }

    private static JsonObject System(string function, DateTimeOffset now) => new()
    {
        ["MethodName"] = function,
        ["UtcNow"] = now.UtcDateTime,
        ["RandGuid"] = Guid.NewGuid(),
    };

    // A string arrives as JSON text within a JSON string.
    private static JsonValue Quoted(string text) => JsonValue.Create($"\"{JsonEncodedText.Encode(text, Raw.Encoder)}\"");

    private static string? Seconds(DateTimeOffset? time) => time?.ToString("yyyy-MM-ddTHH:mm:sszzz", CultureInfo.InvariantCulture);

    private static byte[] Write(JsonObject data, IEnumerable<KeyValuePair<string, JsonNode?>> metadata)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Raw))
        {
            writer.WriteStartObject();
            writer.WritePropertyName("Data");
            data.WriteTo(writer);
            writer.WritePropertyName("Metadata");
            writer.WriteStartObject();
            foreach (var (name, value) in metadata)
            {
                writer.WritePropertyName(name);
                if (value is null)
                    writer.WriteNullValue();
                else
                    value.WriteTo(writer);
            }
            writer.WriteEndObject();
            writer.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }
}
