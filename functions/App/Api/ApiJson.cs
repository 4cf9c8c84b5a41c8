using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using StsFunctions.Access;

namespace StsFunctions.Api;

[JsonSerializable(typeof(Problem))]
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
    /// <summary>Answers 200 with a value.</summary>
    public static Task AnswerAsync<T>(HttpContext context, T value, JsonTypeInfo<T> type) =>
        AnswerAsync(context, StatusCodes.Status200OK, "application/json", JsonSerializer.SerializeToUtf8Bytes(value, type));

    /// <summary>Answers with JSON that is at hand; to HEAD, with its headers.</summary>
    public static async Task AnswerAsync(HttpContext context, int status, string contentType, ReadOnlyMemory<byte> body)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        context.Response.ContentLength = body.Length;
        if (!HttpMethods.IsHead(context.Request.Method))
        {
            await context.Response.BodyWriter.WriteAsync(body, context.RequestAborted);
        }
    }
}
