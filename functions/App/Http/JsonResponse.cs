namespace StsFunctions.App.Http;

/// <summary>Writes JSON as a response.</summary>
internal static class JsonResponse
{
    /// <summary>Responds with the given JSON; to HEAD, with its headers only.</summary>
    public static async Task WriteAsync(HttpContext context, int status, string contentType, ReadOnlyMemory<byte> body)
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
