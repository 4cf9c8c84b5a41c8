using Azure;
using Azure.Data.Tables.Models;
using StsFunctions.CheckDomain;
using StsFunctions.Domains;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.CommandLine;

/// <summary>A domain that stands in the way of taking everything down.</summary>
/// <param name="Domain">Its name.</param>
/// <param name="Group">Whose it is.</param>
/// <param name="Mode">The mode of the policy that is served, or is about to be.</param>
/// <param name="SafeFrom">From when record and file may go (RFC 8461 §8.3); null while a policy is served that asks for something.</param>
/// <param name="PointsTo">Where its policy host's CNAME leads today; null where there is none.</param>
/// <param name="DnsAnswered">Whether DNS could be asked at all.</param>
internal sealed record RemainingDomain(string Domain, string Group, PolicyMode Mode, DateTimeOffset? SafeFrom, string? PointsTo, bool DnsAnswered);

/// <summary><c>domain remaining</c>: what would break if everything were taken down now.</summary>
internal static class RemainingCommand
{
    private const int LookupsAtOnce = 16;

    /// <summary>Lists the domains. The exit code is 0 only where none is left.</summary>
    public static async Task<int> RunAsync(IServiceProvider services, bool json, CancellationToken cancellation)
    {
        var remaining = await FindAsync(services, cancellation);
        if (json)
        {
            CommandJson.Write(remaining, CommandJson.Default.IReadOnlyListRemainingDomain);
        }
        else
        {
            Write(remaining, services.GetRequiredService<TimeProvider>().GetUtcNow());
        }

        return remaining.Count == 0 ? Commands.Ok : Commands.Refused;
    }

    private static async Task<IReadOnlyList<RemainingDomain>> FindAsync(IServiceProvider services, CancellationToken cancellation)
    {
        var domains = new List<RemainingDomain>();
        try
        {
            var looks = new ParallelOptions { MaxDegreeOfParallelism = LookupsAtOnce, CancellationToken = cancellation };
            // Not by the list, which is a copy and may have lost one.
            await Parallel.ForEachAsync(services.GetRequiredService<DomainStore>().ListUnfinishedOrActiveAsync(cancellation), looks, async (domain, token) =>
            {
                var found = await LookAsync(services, domain, token);
                lock (domains)
                {
                    domains.Add(found);
                }
            });
        }
        catch (RequestFailedException e) when (e.ErrorCode == TableErrorCode.TableNotFound)
        {
            // Nothing was ever added.
        }

        return [.. domains.OrderBy(domain => domain.Domain, StringComparer.Ordinal)];
    }

    private static async Task<RemainingDomain> LookAsync(IServiceProvider services, string domain, CancellationToken cancellation)
    {
        var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
        var partition = await services.GetRequiredService<DomainStore>().ReadAsync(domain, cancellation);
        var dns = await services.GetRequiredService<DnsObserver>().AAsync($"mta-sts.{domain}", cancellation);
        // Whoever is listed has a policy, but a record only once nothing is half done.
        var newest = partition.Newest!;
        return new RemainingDomain(domain, partition.Record?.Group ?? newest.Group, newest.Mode, partition.Policies.SafeToRemoveAt(now, services.GetRequiredService<ServingOptions>()), dns.CnameTo, dns.IsKnown);
    }

    private static void Write(IReadOnlyList<RemainingDomain> remaining, DateTimeOffset now)
    {
        if (remaining.Count == 0)
        {
            Console.WriteLine("No domain is hosted here any more.");
            return;
        }

        var table = Tables.Of("domain", "group", "mode", "safe to remove", "its policy host in DNS");
        foreach (var domain in remaining)
        {
            table.AddCells(domain.Domain, domain.Group, domain.Mode.ToToken(), SafeFrom(domain, now), InDns(domain));
        }

        Tables.Write(table);
        Console.WriteLine($"{remaining.Count} domain(s) are still hosted. A sender that holds a policy goes on applying it after everything here is gone (RFC 8461 §8.3);");
        Console.WriteLine("a CNAME that is left behind leads to a name that is nobody's, or somebody else's.");
    }

    private static string SafeFrom(RemainingDomain domain, DateTimeOffset now) => domain.SafeFrom switch
    {
        null => "publish mode: none first",
        var safe when safe <= now => "now",
        var safe => Tables.Minute(safe),
    };

    private static string InDns(RemainingDomain domain) => domain switch
    {
        { PointsTo: { } target } => $"mta-sts.{domain.Domain}. CNAME {target}.",
        { DnsAnswered: false } => "DNS did not answer",
        _ => "no CNAME",
    };
}
