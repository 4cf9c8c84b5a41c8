using System.Net;
using StsFunctions.Core.Observations;
using StsFunctions.Storage.Probes;

namespace StsFunctions.UseCases.Checks;

/// <summary>Asks probe agents to probe the MX hosts that this app cannot reach from its own network.</summary>
internal sealed class RemoteProbeRequester(AgentStore agents, ProbeTaskStore tasks)
{
    /// <summary>How long agents have to answer before the hosts are reported as not observed.</summary>
    public static readonly TimeSpan Timeout = AgentStore.InUse;

    /// <summary>Asks agents to probe the addresses that this app could not reach because of its network.</summary>
    /// <returns>Whether agents were asked: there was something to probe, and an agent in use.</returns>
    public async Task<bool> RequestAsync(Observation observation, CancellationToken cancellationToken)
    {
        var notObserved = observation.MxHosts.SelectMany(host => host.Probes.Where(probe => RemoteProbes.IsWanted(probe, observation.OutboundSmtp)).Select(probe => (host.Host, probe.Default.Address))).ToList();
        if (notObserved is [] || !await agents.AnyInUseAsync(cancellationToken))
        {
            return false;
        }

        await tasks.RequestAsync([.. notObserved.Select(missing => (missing.Host, IPAddress.Parse(missing.Address)))], observation.CheckRun, observation.Domain, cancellationToken);
        return true;
    }
}
