using System.Net;

namespace StsFunctions.CheckDomain;

/// <summary>Well-known MX hosts, which tell a network without port 25 from an MX host that is down (MX-7).</summary>
internal static class ReferenceHosts
{
    private const int AddressesOfAHost = 2;

    /// <summary>Whether one of them answers on port 25.</summary>
    public static async Task<bool> AnyAnswersAsync(IReadOnlyList<string> hosts, DnsObserver dns, SmtpProbe probe, CancellationToken cancellation)
    {
        foreach (var host in hosts)
        {
            var answer = await dns.AAsync(host, cancellation);
            foreach (var address in answer.Records.Take(AddressesOfAHost).Select(IPAddress.Parse))
            {
                if (await probe.AnswersAsync(address, cancellation))
                {
                    return true;
                }
            }
        }

        return false;
    }
}
