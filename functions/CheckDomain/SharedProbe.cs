using System.Net;
using StsFunctions.Domains;

namespace StsFunctions.CheckDomain;

/// <summary>
/// One look a round at each address of each MX host, for all the domains behind it. Whoever is first looks, under a
/// lease; the others wait for what it sees. A lease outlives its holder's longest look, so who waits it out may look itself.
/// </summary>
internal sealed class SharedProbe(MxHostStore hosts, IAddressProbe direct, CheckSettings settings, TimeProvider time) : IAddressProbe
{
    private static readonly TimeSpan Slack = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(4);

    private TimeSpan Lease => (Repetition.Attempts * (settings.SessionTimeout + settings.RetryDelay)) + Slack;

    public async Task<AddressLook> LookAsync(string mxHost, IPAddress address, string round, CancellationToken cancellation)
    {
        for (var pause = FirstPause; ; pause = pause < LongestPause ? pause * 2 : LongestPause)
        {
            switch (await hosts.ClaimAsync(mxHost, address, round, Lease, cancellation))
            {
                case MxClaim.Seen seen when AddressLook.FromJson(seen.Content) is { } look:
                    return look;
                case MxClaim.Leased leased:
                    var own = await direct.LookAsync(mxHost, address, round, cancellation);
                    await hosts.KeepAsync(leased.Lease, round, own.ToJson(), cancellation);
                    return own;
                case MxClaim.Busy busy:
                    var left = busy.Until - time.GetUtcNow();
                    await Task.Delay(left > TimeSpan.Zero && left < pause ? left : pause, time, cancellation);
                    break;
                default:
                    // Kept by another version of the app, in a layout of its own.
                    return await direct.LookAsync(mxHost, address, round, cancellation);
            }
        }
    }
}
