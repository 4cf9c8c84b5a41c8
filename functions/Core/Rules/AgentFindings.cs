using StsFunctions.Core.Findings;

namespace StsFunctions.Core.Rules;

/// <summary>Findings about probe agents, which are no domain's fault.</summary>
internal static class AgentFindings
{
    private static readonly FindingKind ContradictionKind = new(
        "probe.result.contradiction", "warning, to the operator", "two probe agents report different results for the same server",
        "Something on the path of one agent changes the session with this server, or one agent reports false results: its results for other servers may be wrong too.",
        "Run openssl s_client -starttls smtp -connect <address>:25 on the machine of each agent. A firewall that inspects SMTP (such as Cisco's SMTP fixup) removes STARTTLS or replaces the certificate: exempt the agent from the inspection, or stop that agent.",
        "RFC 8461 §10");

    /// <summary>All of these kinds.</summary>
    public static IReadOnlyList<FindingKind> Kinds { get; } = [ContradictionKind];

    /// <summary>The code of <see cref="Contradiction"/>.</summary>
    public static string ContradictionCode => ContradictionKind.Code;

    /// <summary>Two agents report results for one address that cannot both be true.</summary>
    /// <param name="place">The MX host and its address.</param>
    /// <param name="evidence">What each agent observed.</param>
    public static Finding Contradiction(string place, string evidence) => ContradictionKind.Found(Severity.Warning, place, evidence);
}
