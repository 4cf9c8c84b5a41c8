using StsFunctions.Outgoing;

namespace StsFunctions.CheckDomain;

/// <summary>How domains are looked at.</summary>
/// <param name="SmtpPort">25, except in a lab.</param>
/// <param name="HeloName">The name given in EHLO; null means the app's own host name.</param>
/// <param name="ReferenceMxHosts">Well-known MX hosts that tell a network without port 25 from an MX that is down.</param>
/// <param name="SessionTimeout">The longest that one SMTP session may take.</param>
/// <param name="RetryDelay">The pause before a failed look is repeated.</param>
internal sealed record CheckSettings(
    int SmtpPort,
    string? HeloName,
    IReadOnlyList<string> ReferenceMxHosts,
    TimeSpan SessionTimeout,
    TimeSpan RetryDelay)
{
    /// <summary>The longest that a whole check may take; the Functions host must have more patience.</summary>
    public TimeSpan CheckDeadline { get; init; } = TimeSpan.FromMinutes(4);

    /// <summary>The longest that a policy may take to come: senders wait a minute (RFC 8461 §3.3).</summary>
    public TimeSpan PolicyTimeout { get; init; } = OutgoingHttp.DefaultTimeout;

    /// <summary>The longest that all the sessions of one look at an address may take: the default one with its repetition, then the narrow ones.</summary>
    public TimeSpan LookTimeout => (Repetition.Attempts * (SessionTimeout + RetryDelay)) + SessionTimeout;
}
