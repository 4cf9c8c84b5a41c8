using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Azure;
using Microsoft.Azure.Functions.Worker;
using StsFunctions.App.Http;
using StsFunctions.App.Middleware;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.UseCases.Reports;

namespace StsFunctions.App.Functions;

/// <summary>
/// HTTP: accepts a whole mail by POST from the operator's mail provider, and responds 201 once it is stored. The provider sends a
/// secret; IngestReport authenticates the sender of the mail itself by its DKIM signatures.
/// </summary>
internal sealed class ReceiveMail(PostedMailReception reception, ReportIntakeOptions intake, ILogger<ReceiveMail> log)
{
    /// <summary>When to retry while storage does not answer.</summary>
    public static readonly TimeSpan StorageRetryDelay = TimeSpan.FromMinutes(5);

    [Function(nameof(ReceiveMail))]
    [EndpointHost(EndpointHost.App)]
    public async Task RunAsync([HttpTrigger(AuthorizationLevel.Anonymous, "post", Route = "v1/mail")] HttpRequest request)
    {
        var context = request.HttpContext;
        if (intake.MailSecret is not { } secret)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        if (!Shows(context.Request, secret))
        {
            throw new ProblemException(
                StatusCodes.Status401Unauthorized,
                "Show the secret in the Authorization header: as a Bearer token, or as the password of Basic.",
                ("WWW-Authenticate", "Bearer, Basic realm=\"mail\""));
        }

        try
        {
            if (IsWrapped(context.Request.ContentType))
            {
                // Unwrapping would have to reproduce every byte: the signature covers exactly those.
                throw ProblemException.UnsupportedMediaType("Post the mail itself, unchanged, as the body (message/rfc822), not within a form or JSON.");
            }

            await reception.TakeAsync(context.Request.Body, context.Request.ContentLength, context.RequestAborted);
            context.Response.StatusCode = StatusCodes.Status201Created;
        }
        catch (UnreadableReportException e)
        {
            throw new ProblemException(e.IsTooLarge ? StatusCodes.Status413PayloadTooLarge : StatusCodes.Status400BadRequest, e.Message);
        }
        catch (IntakeRefusedException e)
        {
            throw ProblemException.Refused(e);
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException || (e is OperationCanceledException && !context.RequestAborted.IsCancellationRequested))
        {
            log.LogError(e, "A posted mail could not be stored");
            throw ProblemException.Unavailable("Mail cannot be stored at the moment; send it again later.", StorageRetryDelay);
        }
    }

    private static bool IsWrapped(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && type.MediaType?.ToLowerInvariant() is "multipart/form-data" or "application/x-www-form-urlencoded" or "application/json";

    // Compare hashes, so that the duration shows neither the length nor the position of a difference.
    private static bool Shows(HttpRequest request, string secret) =>
        AuthenticationHeaderValue.TryParse(request.Headers.Authorization.ToString(), out var shown)
        && CryptographicOperations.FixedTimeEquals(SHA256.HashData(Encoding.UTF8.GetBytes(SecretOf(shown) ?? "")), SHA256.HashData(Encoding.UTF8.GetBytes(secret)));

    private static string? SecretOf(AuthenticationHeaderValue shown) => shown switch
    {
        { Parameter: { } token } when shown.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase) => token,
        { Parameter: { } pair } when shown.Scheme.Equals("Basic", StringComparison.OrdinalIgnoreCase) => PasswordOf(pair),
        _ => null,
    };

    private static string? PasswordOf(string pair)
    {
        var bytes = new byte[pair.Length];
        return Convert.TryFromBase64String(pair, bytes, out var length) && Encoding.UTF8.GetString(bytes, 0, length) is var text && text.IndexOf(':', StringComparison.Ordinal) is >= 0 and var at
            ? text[(at + 1)..]
            : null;
    }
}
