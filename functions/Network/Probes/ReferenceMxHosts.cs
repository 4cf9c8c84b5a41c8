using System.Net;
using StsFunctions.Core.Observations;

namespace StsFunctions.Network.Probes;

/// <summary>Well-known MX hosts, which distinguish a network without port 25 from an MX host that is down (MX-7).</summary>
internal static class ReferenceMxHosts
{
    private const int AddressesOfAHost = 2;

    /// <summary>Whether one of them answers on port 25; a refusal is an answer only if <paramref name="isRefusalAnswer"/>.</summary>
    public static async Task<bool> AnyAnswersAsync(IReadOnlyList<string> hosts, DnsObserver dns, SmtpProbe probe, Retry repetition, bool isRefusalAnswer, CancellationToken cancellationToken)
    {
        foreach (var host in hosts)
        {
            var answer = await repetition.RunAsync(() => dns.AAsync(host, cancellationToken), answer => answer.Outcome is DnsOutcome.Failed or DnsOutcome.TimedOut, cancellationToken);
            foreach (var address in answer.Records.Take(AddressesOfAHost).Select(IPAddress.Parse))
            {
                if (await probe.AnswersAsync(address, isRefusalAnswer, cancellationToken))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
