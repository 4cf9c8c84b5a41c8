using System.Text.Json;
using System.Text.Json.Serialization;
using StsFunctions.Core.Domains;

namespace StsFunctions.Storage;

/// <summary>A message that only names a domain: storage holds what there is to do.</summary>
/// <param name="Domain">The domain, as A-labels, or <see cref="Installation.Partition"/> for the installation.</param>
internal sealed record DomainMessage(string Domain)
{
    /// <summary>The message as JSON.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, DomainMessageJson.Default.DomainMessage);

    /// <summary>Parses the JSON of <see cref="ToJson"/>.</summary>
    /// <exception cref="JsonException">The message has another form.</exception>
    public static DomainMessage FromJson(string text) => JsonSerializer.Deserialize(text, DomainMessageJson.Default.DomainMessage) is { Domain: not null } message
        ? message
        : throw new JsonException("The message must be {\"domain\":\"…\"}.");
}

[JsonSerializable(typeof(DomainMessage))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class DomainMessageJson : JsonSerializerContext;
