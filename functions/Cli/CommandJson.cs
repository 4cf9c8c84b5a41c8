using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using StsFunctions.Storage.Domains;

namespace StsFunctions.Cli;

/// <summary>The output of <c>domain add --json</c>.</summary>
internal sealed record AddedJson(string Domain, string PolicyId, bool Changed, IReadOnlyList<string> Records);

[JsonSerializable(typeof(AddedJson))]
[JsonSerializable(typeof(CheckedJson))]
[JsonSerializable(typeof(FetchedJson))]
[JsonSerializable(typeof(List<DomainSummary>))]
[JsonSerializable(typeof(List<ShownReportFile>))]
[JsonSerializable(typeof(ShownDomain))]
[JsonSerializable(typeof(IReadOnlyList<DomainToDecommission>))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, UseStringEnumConverter = true, WriteIndented = true)]
internal sealed partial class CommandJson : JsonSerializerContext
{
    public static void Write<T>(T value, JsonTypeInfo<T> type) => Console.WriteLine(JsonSerializer.Serialize(value, type));
}
