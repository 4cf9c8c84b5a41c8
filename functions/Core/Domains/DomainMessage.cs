using System.Text.Json;
using System.Text.Json.Serialization;

namespace StsFunctions.Domains;

/// <summary>A message that names a domain and says nothing else: what there is to do is in storage.</summary>
/// <param name="Domain">The domain, as A-labels, or <see cref="Keys.Operator"/> for the installation.</param>
internal sealed record DomainMessage(string Domain)
{
    /// <summary>As it lies in a queue.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, DomainMessageJson.Default.DomainMessage);

    /// <summary>Reads what <see cref="ToJson"/> wrote.</summary>
    /// <exception cref="JsonException">It is something else.</exception>
    public static DomainMessage FromJson(string text) => JsonSerializer.Deserialize(text, DomainMessageJson.Default.DomainMessage) is { Domain: not null } message
        ? message
        : throw new JsonException("The message must be {\"domain\":\"…\"}.");
}

[JsonSerializable(typeof(DomainMessage))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class DomainMessageJson : JsonSerializerContext;
