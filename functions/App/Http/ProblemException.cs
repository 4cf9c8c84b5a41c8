using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using StsFunctions.Core.Access;
using StsFunctions.ReportIntake.Limits;

namespace StsFunctions.App.Http;

/// <summary>A request that gets a problem response.</summary>
internal sealed class ProblemException(int status, string detail, params (string Name, string Value)[] headers) : Exception(detail)
{
    // RFC 6750 §3: a challenge has at least one parameter, and without a token it names no error.
    private const string Challenge = "Bearer realm=\"api\"";

    /// <summary>The request has no token.</summary>
    public static ProblemException NoToken() => new(
        StatusCodes.Status401Unauthorized,
        "Send an access token for this API in the Authorization header, after the word Bearer.",
        ("WWW-Authenticate", Challenge));

    /// <summary>The token is not valid here.</summary>
    public static ProblemException InvalidToken(string detail) => new(
        StatusCodes.Status401Unauthorized,
        detail,
        ("WWW-Authenticate", $"{Challenge}, error=\"invalid_token\", error_description=\"{detail}\""));

    /// <summary>The token is valid, but does not permit this.</summary>
    public static ProblemException Forbidden(string detail) => new(
        StatusCodes.Status403Forbidden,
        detail,
        ("WWW-Authenticate", $"{Challenge}, error=\"insufficient_scope\", error_description=\"{detail}\""));

    /// <summary>The request is not valid.</summary>
    public static ProblemException BadRequest(string detail) => new(StatusCodes.Status400BadRequest, detail);

    /// <summary>The request body exceeds the limit.</summary>
    public static ProblemException TooLarge(int maxBytes) => new(StatusCodes.Status413PayloadTooLarge, $"The body has more than {maxBytes} bytes, which is the most that this path takes.");

    /// <summary>The request was valid before, but is no longer.</summary>
    public static ProblemException Conflict(string detail) => new(StatusCodes.Status409Conflict, detail);

    /// <summary>This path does not accept this kind of body (RFC 9110 §15.5.16).</summary>
    public static ProblemException UnsupportedMediaType(string detail, string? accept = null) =>
        accept is null ? new(StatusCodes.Status415UnsupportedMediaType, detail) : new(StatusCodes.Status415UnsupportedMediaType, detail, ("Accept", accept));

    /// <summary>There are too many requests; the sender should retry later.</summary>
    public static ProblemException TooMany(string detail, TimeSpan retryAfter) => new(StatusCodes.Status429TooManyRequests, detail, ("Retry-After", Seconds(retryAfter)));

    /// <summary>The body is not accepted now.</summary>
    public static ProblemException Refused(IntakeRefusedException refused) => refused.RetryAfter is { } retryAfter
        ? new(refused.Status, refused.Message, ("Retry-After", Seconds(retryAfter)))
        : new(refused.Status, refused.Message);

    /// <summary>The domain is not hosted, or the caller may not see it: the response is the same.</summary>
    public static ProblemException NoSuchDomain() => new(
        StatusCodes.Status404NotFound, "No domain of this name is hosted here that you may see; GET /api/domains lists those that you may.");

    /// <summary>A required service does not answer.</summary>
    public static ProblemException Unavailable(string detail, TimeSpan? retryAfter = null) =>
        new(StatusCodes.Status503ServiceUnavailable, detail, ("Retry-After", Seconds(retryAfter ?? TimeSpan.FromSeconds(10))));

    /// <summary>Sends the problem as the response.</summary>
    public Task AnswerAsync(HttpContext context)
    {
        context.Response.Headers.XContentTypeOptions = "nosniff";
        foreach (var (name, value) in headers)
        {
            context.Response.Headers[name] = value;
        }

        // "about:blank": the title is the text of the status and has no further meaning (RFC 9457 §4.2.1).
        var problem = new Problem("about:blank", ReasonPhrases.GetReasonPhrase(status), status, Message);
        return JsonResponse.WriteAsync(context, status, "application/problem+json", JsonSerializer.SerializeToUtf8Bytes(problem, ProblemJson.Default.Problem));
    }

    private static string Seconds(TimeSpan time) => Math.Max(1, (long)Math.Ceiling(time.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
}
