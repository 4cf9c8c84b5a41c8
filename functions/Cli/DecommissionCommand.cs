using Azure;
using StsFunctions.Core.Domains;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;

namespace StsFunctions.Cli;

/// <summary>A domain that prevents taking everything down.</summary>
/// <param name="Domain">Its name.</param>
/// <param name="Group">Its group.</param>
/// <param name="Mode">The mode of the policy that is served or about to be served.</param>
/// <param name="SafeFrom">When the record and the file may be removed (RFC 8461 §8.3); null while the served policy requires anything.</param>
/// <param name="PointsTo">The current CNAME target of its policy host; null if there is none.</param>
/// <param name="DnsAnswered">Whether DNS answered.</param>
internal sealed record DomainToDecommission(string Domain, string Group, PolicyMode Mode, DateTimeOffset? SafeFrom, string? PointsTo, bool DnsAnswered);

/// <summary><c>domain remaining</c>: what would break if everything were taken down now.</summary>
internal static class DecommissionCommand
{
    private const int LookupsAtOnce = 16;

    /// <summary>Lists the domains. The exit code is 0 only if none is left.</summary>
    public static async Task<int> RunAsync(IServiceProvider services, bool json, CancellationToken cancellationToken)
    {
        var remaining = await FindAsync(services, cancellationToken);
        if (json)
        {
            CommandJson.Write(remaining, CommandJson.Default.IReadOnlyListDomainToDecommission);
        }
        else
        {
            Write(remaining, services.GetRequiredService<TimeProvider>().GetUtcNow());
        }

        return remaining.Count == 0 ? Commands.Ok : Commands.Refused;
    }

    private static async Task<IReadOnlyList<DomainToDecommission>> FindAsync(IServiceProvider services, CancellationToken cancellationToken)
    {
        var domains = new List<DomainToDecommission>();
        try
        {
            var lookups = new ParallelOptions { MaxDegreeOfParallelism = LookupsAtOnce, CancellationToken = cancellationToken };
            // Do not use the summary list: it is a copy and may be incomplete.
            await Parallel.ForEachAsync(services.GetRequiredService<DomainStore>().ListUnfinishedOrActiveAsync(cancellationToken), lookups, async (domain, token) =>
            {
                var found = await InspectAsync(services, domain, token);
                lock (domains)
                {
                    domains.Add(found);
                }
            });
        }
        catch (RequestFailedException e) when (StorageLayout.LacksTable(e))
        {
            // No domain was added yet.
        }

        return [.. domains.OrderBy(domain => domain.Domain, StringComparer.Ordinal)];
    }

    private static async Task<DomainToDecommission> InspectAsync(IServiceProvider services, string domain, CancellationToken cancellationToken)
    {
        var now = services.GetRequiredService<TimeProvider>().GetUtcNow();
        var partition = await services.GetRequiredService<DomainStore>().ReadAsync(domain, cancellationToken);
        var dns = await services.GetRequiredService<DnsObserver>().AAsync($"mta-sts.{domain}", cancellationToken);
        // A listed domain has a policy, but a record only after its publication is complete.
        var newest = partition.Newest!;
        return new DomainToDecommission(domain, partition.Record?.Group ?? newest.Group, newest.Mode, partition.Policies.SafeToRemoveAt(now, services.GetRequiredService<ServingOptions>()), dns.CnameTo, dns.IsKnown);
    }

    private static void Write(IReadOnlyList<DomainToDecommission> remaining, DateTimeOffset now)
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
        Console.WriteLine($"{remaining.Count} domain(s) are still hosted. A sender with a cached policy continues to apply it after everything here is deleted (RFC 8461 §8.3);");
        Console.WriteLine("a CNAME that remains points to a name that does not exist, or that another party may register.");
    }

    private static string SafeFrom(DomainToDecommission domain, DateTimeOffset now) => domain.SafeFrom switch
    {
        null => "publish mode: none first",
        var safe when safe <= now => "now",
        var safe => Tables.Minute(safe),
    };

    private static string InDns(DomainToDecommission domain) => domain switch
    {
        { PointsTo: { } target } => $"mta-sts.{domain.Domain}. CNAME {target}.",
        { DnsAnswered: false } => "DNS did not answer",
        _ => "no CNAME",
    };
}
