using MimeKit;
using StsFunctions.Core.Options;

namespace StsFunctions.Notifications;

/// <summary>Who is warned by mail, and by which of three ways; with none, warnings go to the log alone.</summary>
internal sealed record EmailOptions
{
    // What Communication Services takes from a domain that Azure manages.
    private const int AcsMailsPerHour = 10;

    /// <summary>The sender; needed with any way.</summary>
    public MailboxAddress? From { get; init; }

    /// <summary>The recipients; needed with any way.</summary>
    public IReadOnlyList<MailboxAddress> To { get; init; } = [];

    /// <summary>A resource of Azure Communication Services; null where mail does not go this way.</summary>
    public Uri? AcsEndpoint { get; init; }

    /// <summary>The access key of that resource; by default null, and a managed identity is used.</summary>
    public byte[]? AcsKey { get; init; }

    /// <summary>A mail relay; null where mail does not go this way.</summary>
    public SmtpRelayOptions? Smtp { get; init; }

    /// <summary>A folder into which mail is written, on a developer's machine; null where mail does not go this way.</summary>
    public string? MailFolder { get; init; }

    /// <summary>How many mails may leave in an hour. 2 to 10,000; by default 10 by Communication Services, and any number by another way, which is null.</summary>
    public int? MailsPerHour { get; init; }

    /// <summary>Binds the options to their settings.</summary>
    public static EmailOptions Bind(SettingsBinder settings)
    {
        var acs = settings.Parsed(
            "Sts__AcsEndpoint",
            text => Uri.TryCreate(text, UriKind.Absolute, out var uri) && (uri.Scheme == Uri.UriSchemeHttps || uri.IsLoopback) ? uri : null,
            "write the https address of the Communication Services resource");
        return new()
        {
            From = settings.Parsed("Sts__EmailFrom", ParseMailbox, "write one mail address, for example postmaster@example.com"),
            To = settings.Parsed("Sts__EmailTo", ParseMailboxes, "write one or more mail addresses, separated by commas") ?? [],
            AcsEndpoint = acs,
            AcsKey = settings.Parsed("Sts__AcsKey", ParseBase64, "write the access key as Azure shows it (base64)", isSecret: true),
            Smtp = SmtpRelayOptions.Bind(settings),
            MailFolder = settings.Text("Sts__EmailPickupFolder"),
            MailsPerHour = settings.OptionalNumber("Sts__EmailsPerHour", example: AcsMailsPerHour, least: 2, most: 10_000) ?? (acs is null ? null : AcsMailsPerHour),
        };
    }

    private static MailboxAddress? ParseMailbox(string text) =>
        MailboxAddress.TryParse(text, out var mailbox) && mailbox.Address.Contains('@', StringComparison.Ordinal) ? mailbox : null;

    private static IReadOnlyList<MailboxAddress>? ParseMailboxes(string text)
    {
        var addresses = text.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        var mailboxes = addresses.Select(ParseMailbox).OfType<MailboxAddress>().ToList();
        return mailboxes is [] || mailboxes.Count < addresses.Length ? null : mailboxes;
    }

    private static byte[]? ParseBase64(string text)
    {
        var bytes = new byte[text.Length];
        return Convert.TryFromBase64String(text, bytes, out var length) ? bytes[..length] : null;
    }
}
