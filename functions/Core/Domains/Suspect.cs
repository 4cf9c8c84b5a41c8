using System.Text.Json;
using System.Text.Json.Serialization;

namespace StsFunctions.Domains;

/// <summary>A fault of the network that was seen and is not told yet: it may pass by itself.</summary>
/// <param name="Code">The finding's code.</param>
/// <param name="Subject">The finding's subject.</param>
/// <param name="Severity">The least severity that any look gave it: more than that was not seen every time.</param>
/// <param name="Looks">How many looks of the round saw it.</param>
/// <param name="LastLook">The last of them: read again with what probe agents saw, a look is no second one.</param>
internal sealed record Suspect(string Code, string Subject, Severity Severity, int Looks, int LastLook)
{
    /// <summary>Suspects as one property of a row; null for none.</summary>
    public static string? ToText(IReadOnlyList<Suspect> suspects) =>
        suspects is [] ? null : JsonSerializer.Serialize(suspects, SuspectJson.Default.IReadOnlyListSuspect);

    /// <summary>Reads what <see cref="ToText"/> wrote.</summary>
    public static IReadOnlyList<Suspect> FromText(string? text) =>
        text is null ? [] : JsonSerializer.Deserialize(text, SuspectJson.Default.IReadOnlyListSuspect) ?? [];
}

[JsonSerializable(typeof(IReadOnlyList<Suspect>))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
internal sealed partial class SuspectJson : JsonSerializerContext;
