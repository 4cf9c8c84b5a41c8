using System.Net;
using StsFunctions.Core.Observations;

namespace StsFunctions.Network.Probes;

/// <summary>Probes one address of an MX host.</summary>
internal interface IMxProbe
{
    /// <summary>Returns a probe for the addresses of one MX host in one check, which reads the stored results once.</summary>
    /// <param name="mxHost">The MX host.</param>
    /// <param name="addresses">Its addresses.</param>
    /// <param name="attempt">The attempt of the check run.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<IMxProbe> ForHostAsync(string mxHost, IReadOnlyList<IPAddress> addresses, CheckAttempt attempt, CancellationToken cancellationToken) => Task.FromResult(this);

    /// <summary>Probes the address for a check run. Any behaviour of the server gives a result.</summary>
    /// <param name="mxHost">The MX host.</param>
    /// <param name="address">Its address.</param>
    /// <param name="attempt">The attempt of the check run.</param>
    /// <param name="before">The earlier result, if there is one: its restricted sessions are valid for a day.</param>
    /// <param name="cancellationToken">Gives up.</param>
    Task<MxProbeResult> ProbeAsync(string mxHost, IPAddress address, CheckAttempt attempt, MxProbeResult? before, CancellationToken cancellationToken);
}
