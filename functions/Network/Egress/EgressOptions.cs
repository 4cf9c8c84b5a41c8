using System.Net;
using StsFunctions.Core.Options;

namespace StsFunctions.Network.Egress;

/// <summary>How hosts of other parties are resolved, and which of them may be connected to. Except for the resolver settings, these are for a lab on one machine.</summary>
internal sealed record EgressOptions
{
    /// <summary>The resolver; by default null for the system's.</summary>
    public IPEndPoint? DnsServer { get; init; }

    /// <summary>Whether that resolver validates DNSSEC and its answers cannot be forged on the way: only then is its AD bit trusted. By default false.</summary>
    public bool DnsValidates { get; init; }

    /// <summary>Networks that may be connected to although they are not globally reachable. By default none, as in production.</summary>
    public IReadOnlyList<IPNetwork> AllowedNetworks { get; init; } = [];

    /// <summary>The port to connect to for URLs with port 443. By default 443.</summary>
    public int HttpsPort { get; init; } = 443;

    /// <summary>The trusted root certificates; by default null for the system's.</summary>
    public TrustedRoots? TrustedRoots { get; init; }

    /// <summary>Binds the options to their settings.</summary>
    public static EgressOptions Bind(SettingsBinder settings) => new()
    {
        DnsServer = settings.EndPoint("Sts__DnsServer", defaultPort: 53),
        DnsValidates = settings.Flag("Sts__DnsValidates"),
        AllowedNetworks = settings.List("Sts__Lab__AllowedNetworks", text => IPNetwork.TryParse(text, out _) ? text : null, "write networks, separated by commas, for example 127.0.0.0/8,::1/128") is { Count: > 0 } networks
            ? [.. networks.Select(IPNetwork.Parse)]
            : [],
        HttpsPort = settings.Port("Sts__Lab__HttpsPort", byDefault: 443),
        TrustedRoots = settings.Parsed("Sts__Lab__TrustedRoots", TrustedRoots.FromPemFile, "name a readable PEM file with one or more CA certificates"),
    };
}
