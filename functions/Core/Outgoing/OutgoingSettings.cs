using System.Net;

namespace StsFunctions.Outgoing;

/// <summary>How the world outside is found, and what of it may be called. All but the resolver and what it does is for a lab on one machine.</summary>
/// <param name="DnsServer">The resolver to ask; null means the system's.</param>
/// <param name="AllowedNetworks">Networks that may be called although the world cannot reach them. Empty in production.</param>
/// <param name="HttpsPort">What is called where a URL means port 443.</param>
/// <param name="TrustedRoots">The roots of a lab; null means the system's.</param>
/// <param name="DnsValidates">Whether that resolver validates DNSSEC and is reached in a way that nobody forges: only then does its word count.</param>
internal sealed record OutgoingSettings(
    IPEndPoint? DnsServer,
    IReadOnlyList<IPNetwork> AllowedNetworks,
    int HttpsPort,
    TrustedRoots? TrustedRoots,
    bool DnsValidates = false);
