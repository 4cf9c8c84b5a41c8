using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>What is wrong with the place that we look from, and no domain's fault.</summary>
internal static class NetworkFindings
{
    private static readonly FindingKind Port25ClosedKind = new(
        "network.port25.closed", "warning, to the operator", "this network lets nothing out on port 25; no domain is blamed for it",
        "This network lets no connection to port 25 out: the MX hosts of your domains are not looked at, and no warning about them can come.",
        "Give the app a way out to port 25 (in Azure: VNet integration on an EA or MCA-E subscription), run a probe agent where it is open (docs/AGENT.md), or set Sts__ReferenceMxHosts if those hosts are wrong for your network.",
        "RFC 8461 §4");

    /// <summary>Every kind of them.</summary>
    public static IReadOnlyList<FindingKind> Kinds { get; } = [Port25ClosedKind];

    /// <summary>Nothing comes out on port 25.</summary>
    public static Finding Port25Closed { get; } = Port25ClosedKind.Found(
        Severity.Warning, "port 25", "no MX host answered, and no reference MX host either");
}
