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

    private TimeSpan Lease => options.LookTimeout + Slack;

    public async Task<AddressLook> LookAsync(string mxHost, IPAddress address, RoundLook look, AddressLook? before, CancellationToken cancellation)
    {
        for (var pause = FirstPause; ; pause = pause < LongestPause ? pause * 2 : LongestPause)
        {
            switch (await hosts.ClaimAsync(mxHost, address, look.Key, Lease, look.Oldest, cancellation))
            {
                case MxClaim.Seen seen when AddressLook.FromJson(seen.Content) is { } shared:
                    return shared;
                case MxClaim.Leased leased:
                    var kept = leased.Before is { } content ? AddressLook.FromJson(content) : null;
                    return await LookAndKeepAsync(leased.Lease, look, kept ?? before, cancellation);
                case MxClaim.Busy busy:
                    var left = busy.Until - time.GetUtcNow();
                    await Task.Delay(left > TimeSpan.Zero && left < pause ? left : pause, time, cancellation);
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
        try
        {
            await hosts.KeepAsync(lease, look.Key, ContentOf(own), cancellation);
        }
        catch (RequestFailedException e) when (e.Status is 400 or 413)
        {
            await hosts.HandBackAsync(lease);
        }
    }

    // Four chains as long as OpenSSL takes them are more than a row holds: then those go that decide nothing.
    private static byte[] ContentOf(AddressLook look)
    {
        var whole = look.ToJson();
        return whole.Length <= MxHostStore.MaxContent ? whole : (look with { Narrow = [] }).ToJson();
    }
}
