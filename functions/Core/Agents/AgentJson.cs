using System.Text.Json.Serialization;
using StsFunctions.Access;
using StsFunctions.CheckDomain;

namespace StsFunctions.Agents;

/// <summary>What an agent is given to look at.</summary>
internal sealed record AgentWorkJson(IReadOnlyList<AgentTaskJson> Looks);

/// <summary>One address to look at.</summary>
/// <param name="Host">The MX host: the name for SNI.</param>
/// <param name="Address">The address to connect to.</param>
/// <param name="Nonce">To be sent along with the result.</param>
/// <param name="Seconds">For how long the result is waited for, by the clock of the app.</param>
internal sealed record AgentTaskJson(string Host, string Address, string Nonce, int Seconds);

/// <summary>What an agent saw.</summary>
/// <param name="Host">The MX host, as it was given.</param>
/// <param name="Address">The address, as it was given.</param>
/// <param name="Nonce">The lease's.</param>
/// <param name="Look">What was seen there.</param>
internal sealed record AgentResultJson(string Host, string Address, string Nonce, AddressLook Look);

[JsonSerializable(typeof(AgentWorkJson))]
[JsonSerializable(typeof(AgentResultJson))]
[JsonSerializable(typeof(AgentSaw))]
[JsonSerializable(typeof(Problem))]
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase,
    UseStringEnumConverter = true,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
    MaxDepth = 12,
    AllowDuplicateProperties = false,
    RespectNullableAnnotations = true)]
internal sealed partial class AgentJson : JsonSerializerContext;
