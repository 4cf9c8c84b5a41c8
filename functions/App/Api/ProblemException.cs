using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.WebUtilities;
using StsFunctions.Access;
using StsFunctions.Reports;

namespace StsFunctions.Api;

/// <summary>A request that is answered with a problem.</summary>
internal sealed class ProblemException(int status, string detail, params (string Name, string Value)[] headers) : Exception(detail)
{
    // RFC 6750 §3: a challenge has at least one parameter, and without a token it names no error.
    private const string Challenge = "Bearer realm=\"api\"";

    /// <summary>No token came with the request.</summary>
    public static ProblemException NoToken() => new(
        StatusCodes.Status401Unauthorized,
        "Send an access token for this API in the Authorization header, after the word Bearer.",
        ("WWW-Authenticate", Challenge));

    /// <summary>A token came, and is none that is good here.</summary>
    public static ProblemException InvalidToken(string detail) => new(
        StatusCodes.Status401Unauthorized,
        detail,
        ("WWW-Authenticate", $"{Challenge}, error=\"invalid_token\", error_description=\"{detail}\""));

    /// <summary>The token is good, and not for this.</summary>
    public static ProblemException Forbidden(string detail) => new(
        StatusCodes.Status403Forbidden,
        detail,
        ("WWW-Authenticate", $"{Challenge}, error=\"insufficient_scope\", error_description=\"{detail}\""));

    /// <summary>The request itself is wrong.</summary>
    public static ProblemException BadRequest(string detail) => new(StatusCodes.Status400BadRequest, detail);

    /// <summary>The request's body is longer than it may be.</summary>
    public static ProblemException TooLarge(int maxBytes) => new(StatusCodes.Status413PayloadTooLarge, $"The body has more than {maxBytes} bytes, which is the most that this path takes.");

    /// <summary>The request would have been right, and no longer is.</summary>
    public static ProblemException Conflict(string detail) => new(StatusCodes.Status409Conflict, detail);

    /// <summary>The body is of a kind that this path does not take (RFC 9110 §15.5.16).</summary>
    public static ProblemException UnsupportedMediaType(string detail, string? accept = null) =>
        accept is null ? new(StatusCodes.Status415UnsupportedMediaType, detail) : new(StatusCodes.Status415UnsupportedMediaType, detail, ("Accept", accept));

    /// <summary>Too many come; the sender is to come again after a while.</summary>
    public static ProblemException TooMany(string detail, TimeSpan retryAfter) => new(StatusCodes.Status429TooManyRequests, detail, ("Retry-After", Seconds(retryAfter)));

    /// <summary>A body that is not taken in now.</summary>
    public static ProblemException Refused(IntakeRefusedException refused) => refused.RetryAfter is { } retryAfter
        ? new(refused.Status, refused.Message, ("Retry-After", Seconds(retryAfter)))
        : new(refused.Status, refused.Message);

    /// <summary>A domain that is not hosted, or is not the caller's to see: nobody can tell one from the other.</summary>
    public static ProblemException NoSuchDomain() => new(
        StatusCodes.Status404NotFound, "No domain of this name is hosted here that you may see; GET /api/domains lists those that you may.");

    /// <summary>Something that this needs does not answer.</summary>
    public static ProblemException Unavailable(string detail, TimeSpan? retryAfter = null) =>
        new(StatusCodes.Status503ServiceUnavailable, detail, ("Retry-After", Seconds(retryAfter ?? TimeSpan.FromSeconds(10))));

    /// <summary>Answers the request with it.</summary>
    public Task AnswerAsync(HttpContext context)
    {
        context.Response.Headers.XContentTypeOptions = "nosniff";
        foreach (var (name, value) in headers)
        {
            context.Response.Headers[name] = value;
        }

        // "about:blank": the title is the status in words, and nothing more is meant (RFC 9457 §4.2.1).
        var problem = new Problem("about:blank", ReasonPhrases.GetReasonPhrase(status), status, Message);
        return ApiJson.AnswerAsync(context, status, "application/problem+json", JsonSerializer.SerializeToUtf8Bytes(problem, ApiJson.Default.Problem));
    }

    private static string Seconds(TimeSpan time) => Math.Max(1, (long)Math.Ceiling(time.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
}
