using MimeKit;

namespace StsFunctions.SendWarning;

/// <summary>Who is warned and which way; with no way set, warnings go to the log alone. <c>MailsPerHour</c> is how many mails may leave in an hour; null for any number.</summary>
internal sealed record WarningSettings(
    MailboxAddress? From,
    IReadOnlyList<MailboxAddress> To,
    Uri? AcsEndpoint,
    byte[]? AcsKey,
    SmtpSettings? Smtp,
    string? MailFolder,
    int? MailsPerHour = null);

/// <summary>A mail relay.</summary>
/// <param name="Host">Its name or address.</param>
/// <param name="Port">Its port; 465 means TLS from the first byte, any other STARTTLS.</param>
/// <param name="User">The user to sign in as, or null.</param>
/// <param name="Password">That user's password.</param>
/// <param name="Plain">Send without TLS: for a relay on the same machine or network only.</param>
internal sealed record SmtpSettings(string Host, int Port, string? User, string? Password, bool Plain);
