using System.Text.Json.Serialization;
using StsFunctions.Core.Access;
using StsFunctions.Core.Observations;

namespace StsFunctions.Core.Probes;

/// <summary>The tasks of an agent.</summary>
internal sealed record ProbeTasksJson(IReadOnlyList<ProbeTaskJson> Tasks);

/// <summary>One address to probe.</summary>
/// <param name="Host">The MX host: the name for SNI.</param>
/// <param name="Address">The address to connect to.</param>
/// <param name="Nonce">To be sent along with the result.</param>
/// <param name="Seconds">For how long the result is waited for, by the clock of the app.</param>
internal sealed record ProbeTaskJson(string Host, string Address, string Nonce, int Seconds);

/// <summary>The result of an agent's probe.</summary>
/// <param name="Host">The MX host, as it was given.</param>
/// <param name="Address">The address, as it was given.</param>
/// <param name="Nonce">The lease's.</param>
/// <param name="Result">The result of the probe.</param>
internal sealed record ProbeResultJson(string Host, string Address, string Nonce, MxProbeResult Result);

[JsonSerializable(typeof(ProbeTasksJson))]
[JsonSerializable(typeof(ProbeResultJson))]
[JsonSerializable(typeof(ProbeVerdict))]
[JsonSerializable(typeof(Problem))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 12,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true)]
internal sealed partial class AgentJson : JsonSerializerContext;
