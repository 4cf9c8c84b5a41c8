using StsFunctions.Core.Options;
using StsFunctions.Network.Egress;
using StsFunctions.Protocol;

namespace StsFunctions.Network.Probes;

/// <summary>How a domain is checked.</summary>
internal sealed record CheckOptions
{
    /// <summary>The port of mail servers. By default 25; another only in a lab.</summary>
    public int SmtpPort { get; init; } = 25;

    /// <summary>The name in EHLO; by default null for the app's own host name.</summary>
    public string? HeloName { get; init; }

    /// <summary>Well-known MX hosts, which distinguish a network without port 25 from an MX host that is down. By default those of three large providers.</summary>
    public IReadOnlyList<string> ReferenceMxHosts { get; init; } =
        ["gmail-smtp-in.l.google.com", "outlook-com.olc.protection.outlook.com", "mx-eu.mail.am0.yahoodns.net"];

    /// <summary>The time limit of one SMTP session. 1 second to 2 minutes; by default 30 seconds.</summary>
    public TimeSpan SessionTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The pause before a failed probe is retried. Up to a minute; by default 10 seconds.</summary>
    public TimeSpan RetryDelay { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The time limit of a domain's check, which must be less than the Functions host's. 10 seconds to 25 minutes; by default 4 minutes.</summary>
    public TimeSpan CheckDeadline { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>The time limit of fetching a policy. 1 second to a minute, as long as senders wait (RFC 8461 §3.3); by default a minute.</summary>
    public TimeSpan PolicyTimeout { get; init; } = EgressHttp.DefaultTimeout;

    /// <summary>The time limit of all sessions of one probe of an address: the default one with its retry, then the restricted ones.</summary>
    public TimeSpan ProbeTimeout => (Retry.Attempts * (SessionTimeout + RetryDelay)) + SessionTimeout;

    /// <summary>Binds the options to their settings.</summary>
    public static CheckOptions Bind(SettingsBinder settings)
    {
        var defaults = new CheckOptions();
        return new()
        {
            SmtpPort = settings.Port("Sts__Lab__SmtpPort", defaults.SmtpPort),
            HeloName = settings.Parsed("Sts__EhloName", text => DomainName.TryParse(text, out var name) ? name.Value : null, "write the host name to give in EHLO, for example check.example.com"),
            ReferenceMxHosts = settings.List("Sts__ReferenceMxHosts", text => DomainName.TryParse(text, out _) ? text : null, "write host names, separated by commas") is { Count: > 0 } hosts
                ? hosts
                : defaults.ReferenceMxHosts,
            SessionTimeout = settings.Time("Sts__SessionTimeout", defaults.SessionTimeout, least: TimeSpan.FromSeconds(1), most: TimeSpan.FromMinutes(2)),
            RetryDelay = settings.Time("Sts__RetryDelay", defaults.RetryDelay, least: TimeSpan.Zero, most: TimeSpan.FromMinutes(1)),
            CheckDeadline = settings.Time("Sts__CheckDeadline", defaults.CheckDeadline, least: TimeSpan.FromSeconds(10), most: TimeSpan.FromMinutes(25)),
            PolicyTimeout = settings.Time("Sts__PolicyTimeout", defaults.PolicyTimeout, least: TimeSpan.FromSeconds(1), most: EgressHttp.DefaultTimeout),
        };
    }
}
