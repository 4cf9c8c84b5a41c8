using System.Text.Json.Serialization;

namespace StsFunctions.ReportIntake.Mailbox;

/// <summary>A page of a list, with the link to the next one.</summary>
internal sealed record GraphPage(IReadOnlyList<GraphItem>? Value, [property: JsonPropertyName("@odata.nextLink")] string? NextLink);

/// <summary>A message or a folder.</summary>
internal sealed record GraphItem(string Id);

/// <summary>A folder to create.</summary>
internal sealed record GraphFolder(string DisplayName);

/// <summary>The target of a move.</summary>
internal sealed record GraphMove(string DestinationId);

/// <summary>The error of a Graph response.</summary>
internal sealed record GraphFault(GraphError? Error);

/// <summary>The error's code and message.</summary>
internal sealed record GraphError(string? Code, string? Message);

[JsonSerializable(typeof(GraphPage))]
[JsonSerializable(typeof(GraphItem))]
[JsonSerializable(typeof(GraphFolder))]
[JsonSerializable(typeof(GraphMove))]
[JsonSerializable(typeof(GraphFault))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class GraphJson : JsonSerializerContext;
