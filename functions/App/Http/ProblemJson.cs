using System.Text.Json.Serialization;
using StsFunctions.Core.Access;

namespace StsFunctions.App.Http;

[JsonSerializable(typeof(Problem))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class ProblemJson : JsonSerializerContext;
