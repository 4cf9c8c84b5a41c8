using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using StsFunctions.App.Http;

namespace StsFunctions.App.Api;

[JsonSerializable(typeof(DomainListJson))]
[JsonSerializable(typeof(DomainJson))]
[JsonSerializable(typeof(ReportListJson))]
[JsonSerializable(typeof(ReportJson))]
[JsonSerializable(typeof(SummaryJson))]
[JsonSerializable(typeof(ReprocessJson))]
[JsonSerializable(typeof(ReprocessingJson))]
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
internal sealed partial class ApiJson : JsonSerializerContext
{
    /// <summary>Responds 200 with a value.</summary>
    public static Task AnswerAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type) =>
        JsonResponse.WriteAsync(context, StatusCodes.Status200OK, "application/json", JsonSerializer.SerializeToUtf8Bytes(value, type));
}
