namespace StsFunctions.Domains;

/// <summary>
/// Which findings of a partition are one writer's own. Several write into it, each from what it alone looks at: what a
/// writer does not own it neither opens nor resolves.
/// </summary>
internal sealed class FindingScope
{
    private const string ReportPrefix = "report.";
    private const string NetworkPrefix = "network.";
    private const string AgentPrefix = "agent.";

    private readonly Func<string, bool> _owns;

    private FindingScope(Func<string, bool> owns) => _owns = owns;

    /// <summary>What a look at a domain finds: everything but what reports tell.</summary>
    public static FindingScope Checks { get; } = new(code => !Begins(code, ReportPrefix));

    /// <summary>What probe agents contradict each other in: <c>agent.…</c></summary>
    public static FindingScope Agents { get; } = new(code => Begins(code, AgentPrefix));

    /// <summary>What senders' reports tell: <c>report.…</c></summary>
    public static FindingScope Reports { get; } = new(code => Begins(code, ReportPrefix));

    /// <summary>What is wrong with the place that we look from: <c>network.…</c></summary>
    public static FindingScope Network { get; } = new(code => Begins(code, NetworkPrefix));

    /// <summary>Whether findings of this code are the writer's own.</summary>
    public bool Owns(string code) => _owns(code);

    private static bool Begins(string code, string prefix) => code.StartsWith(prefix, StringComparison.Ordinal);
}
