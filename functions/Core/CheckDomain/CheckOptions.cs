using StsFunctions.Options;
using StsFunctions.Outgoing;
using StsFunctions.Protocol;

namespace StsFunctions.CheckDomain;

/// <summary>How a domain is checked.</summary>
internal sealed record CheckOptions
{
    /// <summary>The port of mail servers. By default 25, and another in a lab alone.</summary>
    public int SmtpPort { get; init; } = 25;

    /// <summary>The name given in EHLO; by default null, which is the app's own host name.</summary>
    public string? HeloName { get; init; }

    /// <summary>Well-known MX hosts, which tell a network without port 25 from an MX host that is down. By default those of three large providers.</summary>
    public IReadOnlyList<string> ReferenceMxHosts { get; init; } =
        ["gmail-smtp-in.l.google.com", "outlook-com.olc.protection.outlook.com", "mx-eu.mail.am0.yahoodns.net"];

    /// <summary>The longest that one SMTP session may take. 1 second to 2 minutes; by default 30 seconds.</summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The pause before a look that failed is repeated. Up to a minute; by default 10 seconds.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The longest that the check of a domain may take, which must be less than the Functions host gives it. 10 seconds to 25 minutes; by default 4 minutes.</summary>
    public TimeSpan CheckDeadline { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>The longest that a policy may take to come. 1 second to a minute, as long as senders wait (RFC 8461 §3.3); by default a minute.</summary>
    public TimeSpan PolicyTimeout { get; init; } = OutgoingHttp.DefaultTimeout;

    /// <summary>The longest that all the sessions of one look at an address may take: the default one with its repetition, then the narrow ones.</summary>
    public TimeSpan LookTimeout => (Repetition.Attempts * (SessionTimeout + RetryDelay)) + SessionTimeout;

    /// <summary>Binds the options to their settings.</summary>
    public static CheckOptions Bind(SettingsBinder settings)
    {
        var defaults = new CheckOptions();
        return new()
        {
            SmtpPort = settings.Port("Sts__Lab__SmtpPort", defaults.SmtpPort),
            HeloName = settings.Parsed("Sts__HeloName", text => DomainName.TryParse(text, out var name) ? name.Value : null, "write the host name to give in EHLO, for example check.example.com"),
            ReferenceMxHosts = settings.List("Sts__ReferenceMxHosts", text => DomainName.TryParse(text, out _) ? text : null, "write host names, separated by commas") is { Count: > 0 } hosts
                ? hosts
                : defaults.ReferenceMxHosts,
            SessionTimeout = settings.Time("Sts__SessionTimeout", defaults.SessionTimeout, least: TimeSpan.FromSeconds(1), most: TimeSpan.FromMinutes(2)),
            RetryDelay = settings.Time("Sts__RetryDelay", defaults.RetryDelay, least: TimeSpan.Zero, most: TimeSpan.FromMinutes(1)),
            CheckDeadline = settings.Time("Sts__CheckDeadline", defaults.CheckDeadline, least: TimeSpan.FromSeconds(10), most: TimeSpan.FromMinutes(25)),
            PolicyTimeout = settings.Time("Sts__PolicyTimeout", defaults.PolicyTimeout, least: TimeSpan.FromSeconds(1), most: OutgoingHttp.DefaultTimeout),
        };
    }
}
