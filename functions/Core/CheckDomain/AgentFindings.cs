using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>What is wrong with probe agents, and no domain's fault.</summary>
internal static class AgentFindings
{
    private static readonly FindingKind ContradictionKind = new(
        "agent.contradiction", "warning, to the operator", "two probe agents saw one server, and not the same thing",
        "Something between one of the agents and this server changes what is sent, or one of the agents does not tell the truth: what it says of other servers may be as wrong.",
        "Run openssl s_client -starttls smtp -connect <address>:25 where each of them runs. A firewall that inspects SMTP (Cisco's fixup does) takes STARTTLS away or puts its own certificate in place: let the agent pass it, or stop that agent.",
        "RFC 8461 §10");

    /// <summary>Every kind of them.</summary>
    public static IReadOnlyList<FindingKind> Kinds { get; } = [ContradictionKind];

    /// <summary>The code of <see cref="Contradiction"/>.</summary>
    public static string ContradictionCode => ContradictionKind.Code;

    /// <summary>Two agents saw one address, and one of them saw what the other cannot have.</summary>
    /// <param name="place">The MX host and its address.</param>
    /// <param name="evidence">Who saw what.</param>
    public static Finding Contradiction(string place, string evidence) => ContradictionKind.Found(Severity.Warning, place, evidence);
}
