using System.Globalization;
using System.Net;
using StsFunctions.Core.Observations;
using StsFunctions.Protocol;

namespace StsFunctions.Network.Probes;

/// <summary>Observes a domain as a strict sender does: it does all of a check's I/O and evaluates nothing.</summary>
internal sealed class Observer(
    DnsObserver dns, IMxProbe addresses, SmtpProbe probe, PolicyFetcher policies, Retry repetition, CheckOptions options, TimeProvider time)
{
    // The most MX hosts that are probed; a sender does not try more.
    private const int MaxHosts = 20;
    private const int MaxAddresses = 16;

    // Enough to finish a large domain in time, and few for one operator of all its addresses.
    private const int AtOnce = 4;

    /// <summary>Observes everything once, within the deadline of the settings.</summary>
    public async Task<Observation> ObserveAsync(DomainName domain, CheckAttempt attempt, CancellationToken cancellationToken)
    {
        var at = time.GetUtcNow();
        using var deadline = new CheckDeadline(options.CheckDeadline, time, cancellationToken);
        var stsRecords = AskAsync($"_mta-sts.{domain}", dns.TxtAsync, deadline);
        var tlsRptRecords = AskAsync($"_smtp._tls.{domain}", dns.TxtAsync, deadline);
        var dmarc = AskAsync($"_dmarc.{domain}", (_, limit) => dns.DmarcAsync(domain.Value, limit), deadline);
        var policyHost = ObservePolicyHostAsync(domain, deadline);
        var mail = ObserveMailAsync(domain, attempt, deadline);
        await Task.WhenAll(stsRecords, tlsRptRecords, dmarc, policyHost, mail);

        var (mx, hosts, port25) = await mail;
        return RemoteProbes.Merge(new Observation(
            Observation.CurrentVersion, domain.Value, attempt.Key, at,
            mx, await stsRecords, await tlsRptRecords, await dmarc, await policyHost, hosts, port25, deadline.Exceeded));
    }

    private async Task<PolicyHostObservation> ObservePolicyHostAsync(DomainName domain, CheckDeadline deadline)
    {
        var host = $"mta-sts.{domain}";
        var a = AskAsync(host, dns.AAsync, deadline);
        var aaaa = AskAsync(host, dns.AaaaAsync, deadline);
        var caa = AskAsync(host, dns.CaaAsync, deadline);
        var fetch = deadline.RunAsync<PolicyFetch?>(
            async limit => await repetition.RunAsync(() => policies.FetchAsync(domain, limit), IsTransient, limit),
            undone: null,
            failed: e => new PolicyFetch(PolicyFetcher.UrlOf(domain), PolicyFetchOutcome.ConnectionDropped, Detail: FailureIsolation.Describe(e)));
        await Task.WhenAll(a, aaaa, caa, fetch);
        return new PolicyHostObservation(host, await a, await aaaa, await caa, await fetch);
    }

    // A certificate that is not valid, or a missing page, would not change within moments.
    private static bool IsTransient(PolicyFetch fetch) =>
        fetch is { Outcome: PolicyFetchOutcome.NotReached or PolicyFetchOutcome.ConnectionDropped or PolicyFetchOutcome.TimedOut }
            or { Outcome: PolicyFetchOutcome.TlsFailed, Tls: null }
            or { Status: >= 500 };

    private async Task<(DnsAnswer Mx, IReadOnlyList<MxHostObservation> Hosts, OutboundSmtp Port25)> ObserveMailAsync(DomainName domain, CheckAttempt attempt, CheckDeadline deadline)
    {
        var mx = await AskAsync(domain.Value, dns.MxAsync, deadline);
        var found = await EachAsync([.. HostsOf(domain, mx)], host => FindAsync(host, deadline));
        var probes = await EachAsync(found, async host => (Host: host, Probe: await deadline.RunAsync(limit => addresses.ForHostAsync(host.Host, [.. AddressesOf(host)], attempt, limit), undone: addresses)));
        var results = await EachAsync(
            [.. probes.SelectMany(pair => AddressesOf(pair.Host).Select(address => (pair.Host.Host, pair.Probe, address)))],
            async pair => (pair.Host, Result: await deadline.RunAsync(
                limit => pair.Probe.ProbeAsync(pair.Host, pair.address, attempt, before: null, limit),
                undone: new MxProbeResult(new SmtpSession(pair.address.ToString(), SmtpOutcome.DeadlineExceeded), Restricted: []),
                failed: e => new MxProbeResult(new SmtpSession(pair.address.ToString(), SmtpOutcome.NotObserved, Detail: FailureIsolation.Describe(e)), Restricted: []))));
        var byHost = results.ToLookup(result => result.Host, result => result.Result);
        IReadOnlyList<MxHostObservation> hosts = [.. found.Select(host => host with { Probes = [.. byHost[host.Host]] })];
        return (mx, hosts, await TestOutboundSmtpAsync(hosts, deadline));
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

    private async Task<MxHostObservation> FindAsync((string Host, int Preference, bool Implicit) mx, CheckDeadline deadline)
    {
        var a = AskAsync(mx.Host, dns.AAsync, deadline);
        var aaaa = AskAsync(mx.Host, dns.AaaaAsync, deadline);
        var tlsa = AskAsync($"_25._tcp.{mx.Host}", dns.TlsaAsync, deadline);
        await Task.WhenAll(a, aaaa, tlsa);
        return new MxHostObservation(mx.Host, mx.Preference, mx.Implicit, await a, await aaaa, await tlsa, Probes: []);
    }

    private static IEnumerable<IPAddress> AddressesOf(MxHostObservation host) =>
        host.A.Records.Concat(host.Aaaa.Records).Take(MaxAddresses).Select(IPAddress.Parse);

    // Only if no connection succeeded is there a reason to suspect the network rather than the MX hosts (MX-7). A firewall for
    // outbound connections may cause a refusal.
    private async Task<OutboundSmtp> TestOutboundSmtpAsync(IReadOnlyList<MxHostObservation> hosts, CheckDeadline deadline)
    {
        // A result from an agent says nothing about this network.
        var outcomes = hosts.SelectMany(host => host.Probes).Where(probe => probe.Agent is null).Select(probe => probe.Default.Outcome)
            .Where(outcome => outcome is not (SmtpOutcome.NoRoute or SmtpOutcome.AddressNotAllowed or SmtpOutcome.DeadlineExceeded or SmtpOutcome.NotObserved)).ToList();
        if (outcomes is [])
        {
            return OutboundSmtp.NotTested;
        }

        if (outcomes.Exists(outcome => outcome is not (SmtpOutcome.ConnectionTimedOut or SmtpOutcome.ConnectionRefused))
            || (options.ReferenceMxHosts is [] && outcomes.Contains(SmtpOutcome.ConnectionRefused)))
        {
            return OutboundSmtp.Open;
        }

        // A firewall that rejects outbound connections causes no time-outs.
        var isRefusalAnswer = outcomes.Contains(SmtpOutcome.ConnectionTimedOut);
        var isOpen = await deadline.RunInReserveAsync(limit => ReferenceMxHosts.AnyAnswersAsync(options.ReferenceMxHosts, dns, probe, repetition, isRefusalAnswer, limit), undone: false);
        return isOpen ? OutboundSmtp.Open : OutboundSmtp.Blocked;
    }

    private Task<DnsAnswer> AskAsync(string name, Func<string, CancellationToken, Task<DnsAnswer>> ask, CheckDeadline deadline) => deadline.RunAsync(
        limit => repetition.RunAsync(() => ask(name, limit), answer => answer.Outcome is DnsOutcome.Failed or DnsOutcome.TimedOut, limit),
        undone: DnsAnswer.NotAsked(name),
        failed: e => new DnsAnswer(name, DnsOutcome.Failed, [], Detail: FailureIsolation.Describe(e)));

    private static async Task<IReadOnlyList<TResult>> EachAsync<T, TResult>(IReadOnlyList<T> items, Func<T, Task<TResult>> observe)
    {
        var results = new TResult[items.Count];
        await Parallel.ForAsync(0, items.Count, new ParallelOptions { MaxDegreeOfParallelism = AtOnce }, async (n, _) => results[n] = await observe(items[n]));
        return results;
    }
}
