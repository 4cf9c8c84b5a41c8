using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Azure;
using Microsoft.Azure.Functions.Worker;
using StsFunctions.Api;
using StsFunctions.Domains;
using StsFunctions.Middleware;
using StsFunctions.Reports;

namespace StsFunctions.Functions;

/// <summary>
/// HTTP: takes a whole mail by POST from the operator's mail provider, and answers 201 once it is stored. The provider shows a
/// secret; who sent the mail itself is IngestReport's to find out, by its DKIM signatures.
/// </summary>
internal sealed class ReceiveMail(PostedBodyReader bodies, ReportInbox inbox, ReportLimitsOptions limits, ReportIntakeOptions intake, ILogger<ReceiveMail> log)
{
    /// <summary>When to come back while storage does not answer.</summary>
    public static readonly TimeSpan StorageAwaited = TimeSpan.FromMinutes(5);

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
            await TakeAsync(context);
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
            throw ProblemException.Unavailable("Mail cannot be stored at the moment; send it again later.", StorageAwaited);
        }
    }

    private async Task TakeAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        if (context.Request.ContentLength > limits.MaxBytes)
        {
            throw new UnreadableReportException($"The mail is larger than {limits.MaxBytes} bytes.", isTooLarge: true);
        }

        if (IsWrapped(context.Request.ContentType))
        {
            // Unwrapped by us, it would have to come out byte for byte: a signature is over just those.
            throw ProblemException.UnsupportedMediaType("Post the mail itself, unchanged, as the body (message/rfc822), not within a form or JSON.");
        }

        using var raw = await bodies.ReadMailAsync(context.Request.Body, context.Request.ContentLength, cancellation);
        if (raw.Length == 0)
        {
            throw new UnreadableReportException("The body is empty: post the mail itself (message/rfc822).");
        }

        var blob = await inbox.PutAsync(raw, ReportSource.Mail, cancellation);
        log.LogInformation("Took a mail by POST: {Blob}", blob);
        context.Response.StatusCode = StatusCodes.Status201Created;
    }

    private static bool IsWrapped(string? contentType) =>
        MediaTypeHeaderValue.TryParse(contentType, out var type)
        && type.MediaType?.ToLowerInvariant() is "multipart/form-data" or "application/x-www-form-urlencoded" or "application/json";

    // Compared as hashes, so that neither its length nor where it goes wrong shows in the time that takes.
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
