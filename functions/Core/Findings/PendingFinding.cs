using System.Text.Json;
using System.Text.Json.Serialization;

namespace StsFunctions.Core.Findings;

/// <summary>A fault of the network that was observed and is not confirmed yet: it may pass by itself.</summary>
/// <param name="Code">The finding's code.</param>
/// <param name="Subject">The finding's subject.</param>
/// <param name="Severity">The least severity that any attempt gave it: more than that was not observed every time.</param>
/// <param name="Confirmations">How many attempts of the check run observed it.</param>
/// <param name="LastAttempt">The last of them: an attempt that is evaluated again confirms nothing twice.</param>
internal sealed record PendingFinding(string Code, string Subject, Severity Severity, int Confirmations, int LastAttempt)
{
    /// <summary>Pending findings as one property of a row; null for none.</summary>
    public static string? ToText(IReadOnlyList<PendingFinding> pending) =>
        pending is [] ? null : JsonSerializer.Serialize(pending, PendingFindingJson.Default.IReadOnlyListPendingFinding);

    /// <summary>Reads what <see cref="ToText"/> wrote.</summary>
    public static IReadOnlyList<PendingFinding> FromText(string? text) =>
        text is null ? [] : JsonSerializer.Deserialize(text, PendingFindingJson.Default.IReadOnlyListPendingFinding) ?? [];
}

[JsonSerializable(typeof(IReadOnlyList<PendingFinding>))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true)]
internal sealed partial class PendingFindingJson : JsonSerializerContext;
