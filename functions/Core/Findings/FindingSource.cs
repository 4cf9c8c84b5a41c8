namespace StsFunctions.Core.Findings;

/// <summary>
/// Which findings of a partition belong to one source. Several sources write into a partition; a source neither opens nor
/// resolves a finding that it does not own.
/// </summary>
internal sealed class FindingSource
{
    private const string ReportPrefix = "report.";
    private const string NetworkPrefix = "outbound.";
    private const string AgentPrefix = "probe.";

    private readonly Func<string, bool> _owns;

    private FindingSource(Func<string, bool> owns) => _owns = owns;

    /// <summary>The findings of a domain's checks: all but those of reports.</summary>
    public static FindingSource Checks { get; } = new(code => !Begins(code, ReportPrefix));

    /// <summary>Contradictions between probe agents: <c>probe.…</c></summary>
    public static FindingSource RemoteProbes { get; } = new(code => Begins(code, AgentPrefix));

    /// <summary>The findings of senders' reports: <c>report.…</c></summary>
    public static FindingSource Reports { get; } = new(code => Begins(code, ReportPrefix));

    /// <summary>Faults of the network that this app runs in: <c>outbound.…</c></summary>
    public static FindingSource OutboundNetwork { get; } = new(code => Begins(code, NetworkPrefix));

    /// <summary>Whether findings of this code belong to the source.</summary>
    public bool Owns(string code) => _owns(code);

    private static bool Begins(string code, string prefix) => code.StartsWith(prefix, StringComparison.Ordinal);
}
