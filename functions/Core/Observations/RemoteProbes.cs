namespace StsFunctions.Core.Observations;

/// <summary>The changes of an observation by remote probes.</summary>
internal static class RemoteProbes
{
    /// <summary>
    /// The observation with port 25 open if agents observed something, although it is blocked here: rules may evaluate their results. A
    /// time-out here then says no more about the MX host than a missing route does.
    /// </summary>
    public static Observation Merge(Observation observation) =>
        observation.OutboundSmtp == OutboundSmtp.Open || !observation.MxHosts.SelectMany(host => host.Probes).Any(probe => probe.Agent is not null)
            ? observation
            : observation with { OutboundSmtp = OutboundSmtp.Open, MxHosts = [.. observation.MxHosts.Select(host => host with { Probes = [.. host.Probes.Select(WithoutLocalTimeouts)] })] };

    /// <summary>Whether a remote probe may observe what this app's probe could not.</summary>
    public static bool IsWanted(MxProbeResult probe, OutboundSmtp port25) => probe.Agent is null
        && (probe.Default.Outcome is SmtpOutcome.ConnectionTimedOut or SmtpOutcome.NoRoute || (port25 == OutboundSmtp.Blocked && probe.Default.Outcome == SmtpOutcome.ConnectionRefused));

    private static MxProbeResult WithoutLocalTimeouts(MxProbeResult probe) => probe is { Agent: null, Default.Outcome: SmtpOutcome.ConnectionTimedOut or SmtpOutcome.ConnectionRefused }
        ? probe with { Default = probe.Default with { Outcome = SmtpOutcome.NoRoute, Detail = "port 25 is blocked here" } }
        : probe;
}
