using StsFunctions.Core.Reports;
using StsFunctions.ReportIntake;
using StsFunctions.ReportIntake.Limits;
using StsFunctions.Storage.Reports;

namespace StsFunctions.UseCases.Reports;

/// <summary>Stores a mail that the operator's mail provider posts, as it is; <see cref="ReportIngestion"/> reads it and checks its signatures.</summary>
internal sealed class PostedMailReception(PostedBodyReader bodies, ReportInbox inbox, ReportLimitsOptions limits, ILogger<PostedMailReception> log)
{
    /// <summary>Stores the mail.</summary>
    /// <param name="body">The body of the request.</param>
    /// <param name="contentLength">The length that the sender gives, in bytes; null where it gives none.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="UnreadableReportException">The mail is empty or too large.</exception>
    /// <exception cref="IntakeRefusedException">The app does not accept it now.</exception>
    public async Task TakeAsync(Stream body, long? contentLength, CancellationToken cancellationToken)
    {
        if (contentLength > limits.MaxBytes)
        {
            throw new UnreadableReportException($"The mail is larger than {limits.MaxBytes} bytes.", isTooLarge: true);
        }

        using var raw = await bodies.ReadMailAsync(body, contentLength, cancellationToken);
        if (raw.Length == 0)
        {
            throw new UnreadableReportException("The body is empty: post the mail itself (message/rfc822).");
        }

        var blob = await inbox.PutAsync(raw, ReportSource.Mail, cancellationToken);
        log.LogInformation("Accepted a mail by POST: {Blob}", blob);
    }
}
