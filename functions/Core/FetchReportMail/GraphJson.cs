using System.Text.Json.Serialization;

namespace StsFunctions.FetchReportMail;

/// <summary>A part of a list, and where it goes on.</summary>
internal sealed record GraphPage(IReadOnlyList<GraphItem>? Value, [property: JsonPropertyName("@odata.nextLink")] string? NextLink);

/// <summary>A message or a folder.</summary>
internal sealed record GraphItem(string Id);

/// <summary>A folder to be made.</summary>
internal sealed record GraphFolder(string DisplayName);

/// <summary>Where a message is to be moved.</summary>
internal sealed record GraphMove(string DestinationId);

/// <summary>Why Graph does not do what it was asked.</summary>
internal sealed record GraphFault(GraphError? Error);

/// <summary>The same, by a code and in words.</summary>
internal sealed record GraphError(string? Code, string? Message);

[JsonSerializable(typeof(GraphPage))]
[JsonSerializable(typeof(GraphItem))]
[JsonSerializable(typeof(GraphFolder))]
[JsonSerializable(typeof(GraphMove))]
[JsonSerializable(typeof(GraphFault))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class GraphJson : JsonSerializerContext;
