using System.Text.Json.Nodes;

namespace StsFunctions.Tests.Infra;

/// <summary>Reads predicted resources for the tests.</summary>
internal static class Resource
{
    public static string Type(this JsonObject resource) => resource["type"]!.GetValue<string>();

    /// <summary>The last part of its name.</summary>
    public static string ShortName(this JsonObject resource) => resource["name"]!.GetValue<string>().Split('/')[^1];

    public static JsonNode Properties(this JsonObject resource) => resource["properties"]!;

    public static IEnumerable<JsonObject> OfType(this IEnumerable<JsonObject> resources, string type) => resources.Where(resource => resource.Type() == type);

    /// <summary>The short names of all resources of a type, in order.</summary>
    public static IReadOnlyList<string> NamesOf(this IEnumerable<JsonObject> resources, string type) =>
        [.. resources.OfType(type).Select(resource => resource.ShortName()).Order(StringComparer.Ordinal)];

    /// <summary>Every text in a document, those inside expressions included.</summary>
    public static IEnumerable<string> Texts(JsonNode? node) => node switch
    {
        JsonObject map => map.SelectMany(member => Texts(member.Value).Prepend(member.Key)),
        JsonArray list => list.SelectMany(Texts),
        JsonValue value when value.TryGetValue<string>(out var text) => [text],
        _ => [],
    };
}
