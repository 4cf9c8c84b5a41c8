using System.Net;

namespace StsFunctions.CheckDomain;

/// <summary>Well-known MX hosts, which tell a network without port 25 from an MX host that is down (MX-7).</summary>
internal static class ReferenceHosts
{
    private const int AddressesOfAHost = 2;

    /// <summary>Whether one of them answers on port 25; a refusal is an answer only if <paramref name="isRefusalAnswer"/>.</summary>
    public static async Task<bool> AnyAnswersAsync(IReadOnlyList<string> hosts, DnsObserver dns, SmtpProbe probe, Repetition repetition, bool isRefusalAnswer, CancellationToken cancellation)
    {
        foreach (var host in hosts)
        {
            var answer = await repetition.RunAsync(() => dns.AAsync(host, cancellation), answer => answer.Outcome is DnsOutcome.Failed or DnsOutcome.TimedOut, cancellation);
            foreach (var address in answer.Records.Take(AddressesOfAHost).Select(IPAddress.Parse))
            {
                if (await probe.AnswersAsync(address, isRefusalAnswer, cancellation))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
