using System.Net;
using Azure;
using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>
/// One look a round at each address of each MX host, for all the domains behind it. Whoever is first looks, under a
/// lease; the others wait for what it sees. A lease outlives its holder's longest look, so who waits it out may look itself.
/// A look that is to confirm another must be younger than that: of one session nobody makes three sightings.
/// </summary>
internal sealed class SharedProbe(MxHostStore hosts, IAddressProbe direct, CheckOptions options, TimeProvider time) : IAddressProbe
{
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(4);

    private readonly RecentLooks _recent = new(time);

    private TimeSpan Lease => options.LookTimeout + Slack;

    public async Task<IAddressProbe> ForHostAsync(string mxHost, IReadOnlyList<IPAddress> addresses, RoundLook look, CancellationToken cancellationToken)
    {
        var unknown = addresses.Where(address => _recent.Find(mxHost, address, look) is null).ToList();
        return unknown is [] ? this : new HostProbe(this, await hosts.ReadAsync(mxHost, unknown, cancellationToken));
    }

    public Task<AddressLook> LookAsync(string mxHost, IPAddress address, RoundLook look, AddressLook? before, CancellationToken cancellation) =>
        LookAsync(mxHost, address, look, before, known: null, cancellation);

    private async Task<AddressLook> LookAsync(string mxHost, IPAddress address, RoundLook look, AddressLook? before, MxHostRows? known, CancellationToken cancellation)
    {
        if (_recent.Find(mxHost, address, look) is { } recent)
        {
            return recent;
        }

        for (var pause = FirstPause; ; pause = pause < LongestPause ? pause * 2 : LongestPause)
        {
            switch (await hosts.ClaimAsync(mxHost, address, look.Key, Lease, look.Oldest, cancellation, known))
            {
                case MxClaim.Seen seen when AddressLook.FromJson(seen.Content) is { } shared:
                    _recent.Note(mxHost, address, shared, seen.Round, seen.At, seen.Content.Length);
                    return shared;
                case MxClaim.Leased leased:
                    var kept = leased.Before is { } content ? AddressLook.FromJson(content) : null;
                    return await LookAndKeepAsync(leased.Lease, look, kept ?? before, cancellation);
                case MxClaim.Busy busy:
                    var left = busy.Until - time.GetUtcNow();
                    await Task.Delay(left > TimeSpan.Zero && left < pause ? left : pause, time, cancellation);
                    // Who waits looks for what has changed.
                    known = null;
                    break;
                default:
                    // Kept by another version of the app, in a layout of its own.
                    return await direct.LookAsync(mxHost, address, look, before, cancellation);
            }
        }
    }

    private async Task<AddressLook> LookAndKeepAsync(MxLease lease, RoundLook look, AddressLook? before, CancellationToken cancellation)
    {
        try
        {
            var own = await direct.LookAsync(lease.Host, lease.Address, look, before, cancellation);
            await KeepAsync(lease, look, own, cancellation);
            return own;
        }
        catch
        {
            await hosts.HandBackAsync(lease);
            throw;
        }
    }

    // What storage refuses for its content is not shared: each domain then looks itself.
    private async Task KeepAsync(MxLease lease, RoundLook look, AddressLook own, CancellationToken cancellation)
    {
        var (shared, content) = Shareable(own);
        try
        {
            if (await hosts.KeepAsync(lease, look.Key, content, cancellation))
            {
                _recent.Note(lease.Host, lease.Address, shared, look.Key, time.GetUtcNow(), content.Length);
            }
        }
        catch (RequestFailedException e) when (e.Status is 400 or 413)
        {
            await hosts.HandBackAsync(lease);
        }
    }

    // Four chains as long as OpenSSL takes them are more than a row holds: then those go that decide nothing.
    private static (AddressLook Look, byte[] Content) Shareable(AddressLook look)
    {
        var whole = look.ToJson();
        if (whole.Length <= MxHostStore.MaxContent)
        {
            return (look, whole);
        }

        var less = look with { Narrow = [] };
        return (less, less.ToJson());
    }

    /// <summary>The same over rows that were read once for all addresses of a host.</summary>
    private sealed class HostProbe(SharedProbe shared, MxHostRows known) : IAddressProbe
    {
        public Task<AddressLook> LookAsync(string mxHost, IPAddress address, RoundLook look, AddressLook? before, CancellationToken cancellation) =>
            shared.LookAsync(mxHost, address, look, before, known, cancellation);
    }
}
