using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Azure;
using StsFunctions.Domains;
using StsFunctions.Reports;

namespace StsFunctions.ReceiveMail;

/// <summary>
/// HTTP: takes a whole mail by POST from the operator's mail provider, and answers 201 once it is stored. The provider shows a
/// secret; who sent the mail itself is IngestReport's to find out, by its DKIM signatures.
/// </summary>
internal sealed class ReceiveMailFunction(PostedBodyReader bodies, ReportInbox inbox, ReportSettings settings, ArrivalSettings arrivals, ILogger<ReceiveMailFunction> log)
{
    /// <summary>The path on the app's own host name.</summary>
    public const string Path = "/v1/mail";

    /// <summary>When to come back while storage does not answer.</summary>
    public static readonly TimeSpan StorageAwaited = TimeSpan.FromMinutes(5);

    public async Task RunAsync(HttpContext context)
    {
        if (arrivals.MailSecret is not { } secret)
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        if (!Shows(context.Request, secret))
        {
            context.Response.Headers.WWWAuthenticate = "Bearer, Basic realm=\"mail\"";
            await Refusal.WriteAsync(context, StatusCodes.Status401Unauthorized, "Show the secret in the Authorization header: as a Bearer token, or as the password of Basic.");
            return;
        }

        try
        {
            await TakeAsync(context);
        }
        catch (UnreadableReportException e)
        {
            await Refusal.WriteAsync(context, e.IsTooLarge ? StatusCodes.Status413PayloadTooLarge : StatusCodes.Status400BadRequest, e.Message);
        }
        catch (IntakeRefusedException e)
        {
            await Refusal.WriteAsync(context, e.Status, e.Message, e.RetryAfter);
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException || (e is OperationCanceledException && !context.RequestAborted.IsCancellationRequested))
        {
            log.LogError(e, "A posted mail could not be stored");
            await Refusal.WriteAsync(context, StatusCodes.Status503ServiceUnavailable, "Mail cannot be stored at the moment; send it again later.", StorageAwaited);
        }
    }

    private async Task TakeAsync(HttpContext context)
    {
        var cancellation = context.RequestAborted;
        if (context.Request.ContentLength > settings.MaxBytes)
        {
            throw new UnreadableReportException($"The mail is larger than {settings.MaxBytes} bytes.", isTooLarge: true);
        }

        if (IsWrapped(context.Request.ContentType))
        {
            // Unwrapped by us, it would have to come out byte for byte: a signature is over just those.
            await Refusal.WriteAsync(context, StatusCodes.Status415UnsupportedMediaType, "Post the mail itself, unchanged, as the body (message/rfc822), not within a form or JSON.");
            return;
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
