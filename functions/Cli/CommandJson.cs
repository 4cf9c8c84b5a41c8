using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using StsFunctions.Domains;

namespace StsFunctions.CommandLine;

/// <summary>What <c>domain add --json</c> answers.</summary>
internal sealed record AddedJson(string Domain, string PolicyId, bool Changed, IReadOnlyList<string> Records);

[JsonSerializable(typeof(AddedJson))]
[JsonSerializable(typeof(CheckedJson))]
[JsonSerializable(typeof(FetchedJson))]
[JsonSerializable(typeof(List<FleetRow>))]
[JsonSerializable(typeof(List<ShownReportFile>))]
[JsonSerializable(typeof(ShownDomain))]
[JsonSerializable(typeof(IReadOnlyList<RemainingDomain>))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
internal sealed partial class CommandJson : JsonSerializerContext
{
    public static void Write<T>(T value, JsonTypeInfo<T> type) => Console.WriteLine(JsonSerializer.Serialize(value, type));
}
