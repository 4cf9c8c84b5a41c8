namespace StsFunctions.Reports;

/// <summary>Why something that was posted is not taken, in words for whoever posted it.</summary>
internal static class Refusal
{
    public static Task WriteAsync(HttpContext context, int status, string reason, TimeSpan? retryAfter = null)
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = "text/plain; charset=utf-8";
        context.Response.Headers.XContentTypeOptions = "nosniff";
        if (retryAfter is { } pause)
        {
            context.Response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(pause.TotalSeconds)).ToString(System.Globalization.CultureInfo.InvariantCulture);
        }

        return context.Response.WriteAsync(reason + "\n", context.RequestAborted);
    }
}
