using StsFunctions.Core.Options;

namespace StsFunctions.Notifications;

/// <summary>A mail relay of the operator's.</summary>
internal sealed record SmtpRelayOptions
{
    /// <summary>Its name or address.</summary>
    public required string Host { get; init; }

    /// <summary>Its port; 465 means TLS from the first byte, any other STARTTLS. By default 587.</summary>
    public int Port { get; init; } = 587;

    /// <summary>The user to sign in as; by default null, and nobody signs in.</summary>
    public string? User { get; init; }

    /// <summary>That user's password.</summary>
    public string? Password { get; init; }

    /// <summary>Whether mail is sent without TLS, which is for a relay on the same machine or network alone. By default false.</summary>
    public bool Plain { get; init; }

    /// <summary>Binds the options to their settings; null where no relay is set.</summary>
    public static SmtpRelayOptions? Bind(SettingsBinder settings)
    {
        // Every setting must be valid, even without a host to use it with.
        var host = settings.Text("Sts__SmtpHost");
        var relay = new SmtpRelayOptions
        {
            Host = host ?? "",
            Port = settings.Port("Sts__SmtpPort", byDefault: 587),
            User = settings.Text("Sts__SmtpUser"),
            Password = settings.Text("Sts__SmtpPassword"),
            Plain = settings.Flag("Sts__SmtpPlain"),
        };
        return host is null ? null : relay;
    }
}
