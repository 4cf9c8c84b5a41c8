using StsFunctions.Core.Findings;

namespace StsFunctions.Core.Rules;

/// <summary>Findings about the network that this app runs in, which are no domain's fault.</summary>
internal static class NetworkFindings
{
    private static readonly FindingKind OutboundSmtpBlockedKind = new(
        "outbound.smtp.blocked", "warning, to the operator", "the network blocks outbound connections to port 25; this is no fault of a domain",
        "This network blocks outbound connections to port 25: the MX hosts of your domains are not checked, and you get no warning about them.",
        "Allow outbound connections to port 25 (in Azure: VNet integration on an EA or MCA-E subscription), or run a probe agent in a network that allows them (docs/AGENT.md). If your network allows them but the reference MX hosts do not answer it, set Sts__ReferenceMxHosts.",
        "RFC 8461 §4");

    /// <summary>All of these kinds.</summary>
    public static IReadOnlyList<FindingKind> Kinds { get; } = [OutboundSmtpBlockedKind];

    /// <summary>The network blocks outbound connections to port 25.</summary>
    public static Finding OutboundSmtpBlocked { get; } = OutboundSmtpBlockedKind.Found(
        Severity.Warning, "port 25", "no MX host answered, and no reference MX host either");
}
