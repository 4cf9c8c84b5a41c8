using System.Globalization;
using System.Net;
using StsFunctions.Protocol;

namespace StsFunctions.CheckDomain;

/// <summary>Looks at a domain as a strict sender does: all of a check's I/O is here, and no opinion.</summary>
internal sealed class Observer(DnsObserver dns, IAddressProbe addresses, SmtpProbe probe, Repetition repetition, CheckSettings settings, TimeProvider time)
{
    // A domain of more is walked through this far; a sender tries no more either.
    private const int MaxHosts = 20;
    private const int MaxAddresses = 16;

    /// <summary>Looks once at everything.</summary>
    public async Task<Observation> LookAsync(DomainName domain, string round, CancellationToken cancellation)
    {
        var at = time.GetUtcNow();
        var mx = await AskAsync(() => dns.MxAsync(domain.Value, cancellation), cancellation);
        var stsRecords = await AskAsync(() => dns.TxtAsync($"_mta-sts.{domain}", cancellation), cancellation);
        var tlsRptRecords = await AskAsync(() => dns.TxtAsync($"_smtp._tls.{domain}", cancellation), cancellation);

        var hosts = new List<MxHostObservation>();
        foreach (var (host, preference, isImplicit) in HostsOf(domain, mx))
        {
            hosts.Add(await LookAtHostAsync(host, preference, isImplicit, round, cancellation));
        }

        return AgentEyes.Reckoned(new Observation(
            Observation.CurrentVersion, domain.Value, round, at, mx, stsRecords, tlsRptRecords,
            DnsAnswer.NotAsked($"_dmarc.{domain}"), new PolicyHostObservation($"mta-sts.{domain}", DnsAnswer.NotAsked(""), DnsAnswer.NotAsked(""), DnsAnswer.NotAsked(""), null), hosts, await LookAtPort25Async(hosts, cancellation)));
    }

    private static IEnumerable<(string Host, int Preference, bool Implicit)> HostsOf(DomainName domain, DnsAnswer mx)
    {
        if (mx.Outcome == DnsOutcome.Empty)
        {
            // No MX record: the domain itself is the MX (RFC 5321 §5.1).
            return [(domain.Value, 0, true)];
        }

        return mx.Records
            .Select(record => record.Split(' ', 2))
            .Select(pair => (Host: pair[1].ToLowerInvariant(), Preference: int.Parse(pair[0], CultureInfo.InvariantCulture), Implicit: false))
            .Where(mx => mx.Host != ".")
            .OrderBy(mx => mx.Preference)
            .ThenBy(mx => mx.Host, StringComparer.Ordinal)
            .DistinctBy(mx => mx.Host)
            .Take(MaxHosts);
    }

    private async Task<MxHostObservation> LookAtHostAsync(string host, int preference, bool isImplicit, string round, CancellationToken cancellation)
    {
        var a = await AskAsync(() => dns.AAsync(host, cancellation), cancellation);
        var aaaa = await AskAsync(() => dns.AaaaAsync(host, cancellation), cancellation);
        var sessions = new List<AddressLook>();
        foreach (var address in a.Records.Concat(aaaa.Records).Take(MaxAddresses).Select(IPAddress.Parse))
        {
            sessions.Add(await addresses.LookAsync(host, address, round, cancellation));
        }

        return new MxHostObservation(host, preference, isImplicit, a, aaaa, DnsAnswer.NotAsked($"_25._tcp.{host}"), sessions);
    }

    // Only where every session timed out is there a reason to doubt the network rather than the MX hosts (MX-7).
    private async Task<Port25> LookAtPort25Async(IReadOnlyList<MxHostObservation> hosts, CancellationToken cancellation)
    {
        // What an agent saw says nothing of this network.
        var sessions = hosts.SelectMany(host => host.Looks).Where(look => look.Agent is null).Select(look => look.Session).Where(s => s.Outcome is not (SmtpOutcome.NoRoute or SmtpOutcome.AddressNotAllowed)).ToList();
        if (sessions is [])
        {
            return Port25.NotAsked;
        }

        if (sessions.Any(s => s.Outcome is not SmtpOutcome.ConnectionTimedOut))
        {
            return Port25.Open;
        }

        return await ReferenceHosts.AnyAnswersAsync(settings.ReferenceMxHosts, dns, probe, cancellation) ? Port25.Open : Port25.Closed;
    }

    private Task<DnsAnswer> AskAsync(Func<Task<DnsAnswer>> ask, CancellationToken cancellation) =>
        repetition.RunAsync(ask, answer => !answer.IsKnown, cancellation);
}
