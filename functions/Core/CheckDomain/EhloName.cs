using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using StsFunctions.Protocol;

namespace StsFunctions.CheckDomain;

/// <summary>
/// The name that is given in EHLO: a fully qualified host name, and where there is none the address literal of the connection
/// (RFC 5321 §4.1.1.1, §4.1.4). Many servers reject a name without a dot, which would say nothing of how they treat senders.
/// </summary>
internal static class EhloName
{
    /// <summary>The setting that names it.</summary>
    public const string Setting = "Sts__HeloName";

    /// <summary>This machine's own name, with its domain where the system knows one.</summary>
    public static string OfMachine()
    {
        var machine = IPGlobalProperties.GetIPGlobalProperties();
        var name = machine.DomainName.Length == 0 ? machine.HostName : $"{machine.HostName}.{machine.DomainName}";
        return name.Length == 0 ? "localhost" : name;
    }

    /// <summary>What is said over a connection.</summary>
    /// <param name="name">The name that is set, or the machine's.</param>
    /// <param name="local">This end of the connection.</param>
    public static string For(string name, EndPoint? local) =>
        IsFullyQualified(name) || local is not IPEndPoint { Address: var address } ? name
        : address.AddressFamily == AddressFamily.InterNetworkV6 && !address.IsIPv4MappedToIPv6 ? $"[IPv6:{WithoutZone(address)}]"
        : $"[{(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address)}]";

    private static bool IsFullyQualified(string name) => DomainName.TryParse(name, out var parsed) && parsed.Value.Contains('.', StringComparison.Ordinal);

    private static IPAddress WithoutZone(IPAddress address) => new(address.GetAddressBytes());
}
