using System.Globalization;
using System.Net;
using StsFunctions.Protocol;

namespace StsFunctions.CheckDomain;

/// <summary>Looks at a domain as a strict sender does: all of a check's I/O is here, and no opinion.</summary>
internal sealed class Observer(
    DnsObserver dns, IAddressProbe addresses, SmtpProbe probe, PolicyFetcher policies, Repetition repetition, CheckOptions options, TimeProvider time)
{
    // A domain of more is walked through this far; a sender tries no more either.
    private const int MaxHosts = 20;
    private const int MaxAddresses = 16;

    // Enough that a large domain is done in time, and few for whoever stands behind all of its addresses.
    private const int AtOnce = 4;

    /// <summary>Looks once at everything, within the settings' deadline.</summary>
    public async Task<Observation> LookAsync(DomainName domain, RoundLook look, CancellationToken cancellation)
    {
        var at = time.GetUtcNow();
        using var clock = new CheckTime(options.CheckDeadline, time, cancellation);
        var stsRecords = AskAsync($"_mta-sts.{domain}", dns.TxtAsync, clock);
        var tlsRptRecords = AskAsync($"_smtp._tls.{domain}", dns.TxtAsync, clock);
        var dmarc = AskAsync($"_dmarc.{domain}", (_, limit) => dns.DmarcAsync(domain.Value, limit), clock);
        var policyHost = LookAtPolicyHostAsync(domain, clock);
        var mail = LookAtMailAsync(domain, look, clock);
        await Task.WhenAll(stsRecords, tlsRptRecords, dmarc, policyHost, mail);

        var (mx, hosts, port25) = await mail;
        return AgentEyes.Reckoned(new Observation(
            Observation.CurrentVersion, domain.Value, look.Key, at,
            mx, await stsRecords, await tlsRptRecords, await dmarc, await policyHost, hosts, port25, clock.RanOut));
    }

    private async Task<PolicyHostObservation> LookAtPolicyHostAsync(DomainName domain, CheckTime clock)
    {
        var host = $"mta-sts.{domain}";
        var a = AskAsync(host, dns.AAsync, clock);
        var aaaa = AskAsync(host, dns.AaaaAsync, clock);
        var caa = AskAsync(host, dns.CaaAsync, clock);
        var fetch = clock.LookAsync<PolicyFetch?>(
            async limit => await repetition.RunAsync(() => policies.FetchAsync(domain, limit), MayPass, limit),
            undone: null,
            failed: e => new PolicyFetch(PolicyFetcher.UrlOf(domain), PolicyFetchOutcome.BrokenOff, Detail: FailureIsolation.Describe(e)));
        await Task.WhenAll(a, aaaa, caa, fetch);
        return new PolicyHostObservation(host, await a, await aaaa, await caa, await fetch);
    }

    // A certificate that is not good, or a page that is not there, is no better a moment later.
    private static bool MayPass(PolicyFetch fetch) =>
        fetch is { Outcome: PolicyFetchOutcome.NotReached or PolicyFetchOutcome.BrokenOff or PolicyFetchOutcome.TimedOut }
            or { Outcome: PolicyFetchOutcome.TlsFailed, Tls: null }
            or { Status: >= 500 };

    private async Task<(DnsAnswer Mx, IReadOnlyList<MxHostObservation> Hosts, Port25 Port25)> LookAtMailAsync(DomainName domain, RoundLook look, CheckTime clock)
    {
        var mx = await AskAsync(domain.Value, dns.MxAsync, clock);
        var found = await EachAsync([.. HostsOf(domain, mx)], host => FindAsync(host, clock));
        var probes = await EachAsync(found, async host => (Host: host, Probe: await clock.LookAsync(limit => addresses.ForHostAsync(host.Host, [.. AddressesOf(host)], look, limit), undone: addresses)));
        var looks = await EachAsync(
            [.. probes.SelectMany(pair => AddressesOf(pair.Host).Select(address => (pair.Host.Host, pair.Probe, address)))],
            async pair => (pair.Host, Look: await clock.LookAsync(
                limit => pair.Probe.LookAsync(pair.Host, pair.address, look, before: null, limit),
                undone: new AddressLook(new SmtpSession(pair.address.ToString(), SmtpOutcome.OutOfTime), Narrow: []),
                failed: e => new AddressLook(new SmtpSession(pair.address.ToString(), SmtpOutcome.NotObserved, Detail: FailureIsolation.Describe(e)), Narrow: []))));
        var byHost = looks.ToLookup(look => look.Host, look => look.Look);
        IReadOnlyList<MxHostObservation> hosts = [.. found.Select(host => host with { Looks = [.. byHost[host.Host]] })];
        return (mx, hosts, await LookAtPort25Async(hosts, clock));
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

    private async Task<MxHostObservation> FindAsync((string Host, int Preference, bool Implicit) mx, CheckTime clock)
    {
        var a = AskAsync(mx.Host, dns.AAsync, clock);
        var aaaa = AskAsync(mx.Host, dns.AaaaAsync, clock);
        var tlsa = AskAsync($"_25._tcp.{mx.Host}", dns.TlsaAsync, clock);
        await Task.WhenAll(a, aaaa, tlsa);
        return new MxHostObservation(mx.Host, mx.Preference, mx.Implicit, await a, await aaaa, await tlsa, Looks: []);
    }

    private static IEnumerable<IPAddress> AddressesOf(MxHostObservation host) =>
        host.A.Records.Concat(host.Aaaa.Records).Take(MaxAddresses).Select(IPAddress.Parse);

    // Only where nobody could be connected to is there a reason to doubt the network rather than the MX hosts (MX-7). A refusal may be
    // a firewall's on the way out.
    private async Task<Port25> LookAtPort25Async(IReadOnlyList<MxHostObservation> hosts, CheckTime clock)
    {
        // What an agent saw says nothing of this network.
        var outcomes = hosts.SelectMany(host => host.Looks).Where(look => look.Agent is null).Select(look => look.Session.Outcome)
            .Where(outcome => outcome is not (SmtpOutcome.NoRoute or SmtpOutcome.AddressNotAllowed or SmtpOutcome.OutOfTime or SmtpOutcome.NotObserved)).ToList();
        if (outcomes is [])
        {
            return Port25.NotAsked;
        }

        if (outcomes.Exists(outcome => outcome is not (SmtpOutcome.ConnectionTimedOut or SmtpOutcome.ConnectionRefused))
            || (options.ReferenceMxHosts is [] && outcomes.Contains(SmtpOutcome.ConnectionRefused)))
        {
            return Port25.Open;
        }

        // Who rejects on the way out lets nobody run into a time-out.
        var isRefusalAnswer = outcomes.Contains(SmtpOutcome.ConnectionTimedOut);
        var isOpen = await clock.LookAtLastAsync(limit => ReferenceHosts.AnyAnswersAsync(options.ReferenceMxHosts, dns, probe, repetition, isRefusalAnswer, limit), undone: false);
        return isOpen ? Port25.Open : Port25.Closed;
    }

    private Task<DnsAnswer> AskAsync(string name, Func<string, CancellationToken, Task<DnsAnswer>> ask, CheckTime clock) => clock.LookAsync(
        limit => repetition.RunAsync(() => ask(name, limit), answer => answer.Outcome is DnsOutcome.Failed or DnsOutcome.TimedOut, limit),
        undone: DnsAnswer.NotAsked(name),
        failed: e => new DnsAnswer(name, DnsOutcome.Failed, [], Detail: FailureIsolation.Describe(e)));

    private static async Task<IReadOnlyList<TResult>> EachAsync<T, TResult>(IReadOnlyList<T> items, Func<T, Task<TResult>> look)
    {
        var results = new TResult[items.Count];
        await Parallel.ForAsync(0, items.Count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (n, _) => results[n] = await look(items[n]));
        return results;
    }
}
