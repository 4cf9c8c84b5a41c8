using System.Net;
using Azure;
using StsFunctions.Core.Observations;
using StsFunctions.Network.Probes;
using StsFunctions.Storage;
using StsFunctions.Storage.Probes;

namespace StsFunctions.UseCases.Checks;

/// <summary>
/// Probes each address of each MX host once per check run, for all the domains that use it. The first check probes under
/// a lease; the others wait for its result. A lease lasts longer than the longest probe, so a check may probe after the lease ends.
/// A probe that confirms another must be newer than it, so that one session is not counted three times.
/// </summary>
internal sealed class LeasedMxProbe(MxHostStore hosts, IMxProbe direct, CheckOptions options, TimeProvider time) : IMxProbe
{
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(4);

    private readonly RecentProbes _recent = new(time);

    private TimeSpan Lease => options.ProbeTimeout + Slack;

    public async Task<IMxProbe> ForHostAsync(string mxHost, IReadOnlyList<IPAddress> addresses, CheckAttempt attempt, CancellationToken cancellationToken)
    {
        var notCached = addresses.Where(address => _recent.Find(mxHost, address, attempt) is null).ToList();
        return notCached is [] ? this : new HostProbe(this, await OrAbortedAsync(mxHost, () => hosts.ReadAsync(mxHost, notCached, cancellationToken)));
    }

    public Task<MxProbeResult> ProbeAsync(string mxHost, IPAddress address, CheckAttempt attempt, MxProbeResult? before, CancellationToken cancellationToken) =>
        ProbeSharedAsync(mxHost, address, attempt, before, known: null, cancellationToken);

    private Task<MxProbeResult> ProbeSharedAsync(string mxHost, IPAddress address, CheckAttempt attempt, MxProbeResult? before, MxHostRows? known, CancellationToken cancellationToken) =>
        OrAbortedAsync(mxHost, () => ProbeInTurnAsync(mxHost, address, attempt, before, known, cancellationToken));

    // A storage failure aborts the whole check; it says nothing about the probed host.
    private static async Task<T> OrAbortedAsync<T>(string mxHost, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (e is RequestFailedException or AggregateException or ConcurrentChangeException)
        {
            throw new CheckAbortedException($"Storage failed while {mxHost} was probed: {e.Message}", e);
        }
    }

    private async Task<MxProbeResult> ProbeInTurnAsync(string mxHost, IPAddress address, CheckAttempt attempt, MxProbeResult? before, MxHostRows? known, CancellationToken cancellationToken)
    {
        if (_recent.Find(mxHost, address, attempt) is { } recent)
        {
            return recent;
        }

        for (var pause = FirstPause; ; pause = pause < LongestPause ? pause * 2 : LongestPause)
        {
            switch (await hosts.ClaimAsync(mxHost, address, attempt.Key, Lease, attempt.MaxAge, cancellationToken, known))
            {
                case MxClaim.Probed observed when MxProbeResult.FromJson(observed.Content) is { } shared:
                    _recent.Note(mxHost, address, shared, observed.CheckRun, observed.At, observed.Content.Length);
                    return shared;
                case MxClaim.Leased leased:
                    var stored = leased.Before is { } content ? MxProbeResult.FromJson(content) : null;
                    return await ProbeAndStoreAsync(leased.Lease, attempt, stored ?? before, cancellationToken);
                case MxClaim.Busy busy:
                    var left = busy.Until - time.GetUtcNow();
                    await Task.Delay(left > TimeSpan.Zero && left < pause ? left : pause, time, cancellationToken);
                    // The row has changed since it was read, so read it again.
                    known = null;
                    break;
                default:
                    // Another version of the app stored it in a different layout.
                    return await direct.ProbeAsync(mxHost, address, attempt, before, cancellationToken);
            }
        }
    }

    private async Task<MxProbeResult> ProbeAndStoreAsync(MxLease lease, CheckAttempt attempt, MxProbeResult? before, CancellationToken cancellationToken)
    {
        try
        {
            var own = await direct.ProbeAsync(lease.Host, lease.Address, attempt, before, cancellationToken);
            await StoreAsync(lease, attempt, own, cancellationToken);
            return own;
        }
        catch
        {
            await hosts.ReleaseAsync(lease);
            throw;
        }
    }

    // If storage rejects the content, the result is not shared and each domain probes for itself.
    private async Task StoreAsync(MxLease lease, CheckAttempt attempt, MxProbeResult own, CancellationToken cancellationToken)
    {
        var (shared, content) = Shareable(own);
        try
        {
            if (await hosts.StoreAsync(lease, attempt.Key, content, cancellationToken))
            {
                _recent.Note(lease.Host, lease.Address, shared, attempt.Key, time.GetUtcNow(), content.Length);
            }
        }
        catch (RequestFailedException e) when (e.Status is 400 or 413)
        {
            await hosts.ReleaseAsync(lease);
        }
    }

    // Four certificate chains of OpenSSL's maximum length exceed a row. Then the restricted sessions are left out: no finding depends on them alone.
    private static (MxProbeResult Result, byte[] Content) Shareable(MxProbeResult probe)
    {
        var whole = probe.ToJson();
        if (whole.Length <= MxHostStore.MaxContent)
        {
            return (probe, whole);
        }

        var less = probe with { Restricted = [] };
        return (less, less.ToJson());
    }

    /// <summary>A probe that uses rows read once for all addresses of a host.</summary>
    private sealed class HostProbe(LeasedMxProbe shared, MxHostRows known) : IMxProbe
    {
        public Task<MxProbeResult> ProbeAsync(string mxHost, IPAddress address, CheckAttempt attempt, MxProbeResult? before, CancellationToken cancellationToken) =>
            shared.ProbeSharedAsync(mxHost, address, attempt, before, known, cancellationToken);
    }
}
