using System.Net;
using System.Net.Sockets;

namespace StsFunctions.Network.Egress;

/// <summary>
/// Which addresses are globally reachable, by the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890, RFC 8190)
/// as of 2025-10-09. An address that carries an IPv4 address is reachable only if that one is.
/// </summary>
/// <remarks>
/// A network's own prefix for NAT64 (RFC 6052 §2.2) or 6rd (RFC 5969) cannot be recognized, so an IPv4 address in it is not checked.
/// </remarks>
internal static class IanaSpecialPurpose
{
    private static readonly IPNetwork[] NotReachable =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24",
            "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
            "224.0.0.0/4", "240.0.0.0/4",
            "168.63.129.16/32", // Azure's own wire server: reachable from inside Azure, and never a mail host.
            "2001::/23", "2001:db8::/32", "3fff::/20",
        }.Select(IPNetwork.Parse),
    ];

    // The exceptions of the registries within 192.0.0.0/24 and 2001::/23.
    private static readonly IPNetwork[] ReachableExceptions =
    [
        .. new[]
        {
            "192.0.0.9/32", "192.0.0.10/32", "2001:1::1/128", "2001:1::2/128", "2001:1::3/128", "2001:3::/32",
            "2001:4:112::/48", "2001:20::/28", "2001:30::/28",
        }.Select(IPNetwork.Parse),
    ];

    private static readonly IPNetwork GlobalUnicast = IPNetwork.Parse("2000::/3");
    private static readonly IPNetwork Nat64 = IPNetwork.Parse("64:ff9b::/96");
    private static readonly IPNetwork SixToFour = IPNetwork.Parse("2002::/16");

    /// <summary>Whether <paramref name="address"/> is globally reachable.</summary>
    public static bool IsGloballyReachable(IPAddress address)
    {
        if (address.AddressFamily == AddressFamily.InterNetwork)
        {
            return IsReachable(address);
        }

        // A zone is a link of this machine (RFC 4007 §6).
        if (address.ScopeId != 0)
        {
            return false;
        }

        var bytes = address.GetAddressBytes();
        if (address.IsIPv4MappedToIPv6 || Nat64.Contains(address))
        {
            return IsReachable(Carried(bytes, at: 12));
        }

        // Anything but global unicast is local, multicast, deprecated or unassigned.
        return GlobalUnicast.Contains(address)
            && IsReachable(address)
            && (!SixToFour.Contains(address) || IsReachable(Carried(bytes, at: 2)))
            && (!IsIsatap(bytes) || IsReachable(Carried(bytes, at: 12)));
    }

    private static bool IsReachable(IPAddress address) =>
        ReachableExceptions.Any(network => network.Contains(address)) || !NotReachable.Any(network => network.Contains(address));

    private static IPAddress Carried(byte[] bytes, int at) => new(bytes.AsSpan(at, 4));

    // An interface identifier of ISATAP, with any u and g bits (RFC 5214 §6.1).
    private static bool IsIsatap(byte[] bytes) =>
        (bytes[8] & 0xFC) == 0 && bytes.AsSpan(9, 3).SequenceEqual([(byte)0x00, (byte)0x5E, (byte)0xFE]);
}
