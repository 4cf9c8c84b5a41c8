using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using StsFunctions.Protocol;

namespace StsFunctions.Network.Probes;

/// <summary>
/// The name in EHLO: a fully qualified host name, or the address literal of the connection if there is none
/// (RFC 5321 §4.1.1.1, §4.1.4). Many servers reject a name without a dot, which would not show how they treat senders.
/// </summary>
internal static class EhloName
{
    /// <summary>The setting of the name.</summary>
    public const string Setting = "Sts__EhloName";

    /// <summary>This machine's name, with its domain if the system knows one.</summary>
    public static string OfMachine()
    {
        var machine = IPGlobalProperties.GetIPGlobalProperties();
        var name = machine.DomainName.Length == 0 ? machine.HostName : $"{machine.HostName}.{machine.DomainName}";
        return name.Length == 0 ? "localhost" : name;
    }

    /// <summary>The name for a connection.</summary>
    /// <param name="name">The configured name, or the machine's.</param>
    /// <param name="local">The local address of the connection.</param>
    public static string For(string name, EndPoint? local) =>
        IsFullyQualified(name) || local is not IPEndPoint { Address: var address } ? name
        : address.AddressFamily == AddressFamily.InterNetworkV6 && !address.IsIPv4MappedToIPv6 ? $"[IPv6:{WithoutZone(address)}]"
        : $"[{(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address)}]";

    private static bool IsFullyQualified(string name) => DomainName.TryParse(name, out var parsed) && parsed.Value.Contains('.', StringComparison.Ordinal);

    private static IPAddress WithoutZone(IPAddress address) => new(address.GetAddressBytes());
}
