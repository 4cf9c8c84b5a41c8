namespace StsFunctions.Hosting;

/// <summary>The app's own host names, from <c>Sts__AppHost</c> and <c>WEBSITE_HOSTNAME</c>; the first is the one that operators point DNS at.</summary>
internal sealed class AppHosts(IReadOnlyList<string> names)
{
    /// <summary>The names as they are set.</summary>
    public IReadOnlyList<string> Names { get; } = names;

    /// <summary>The name to print into DNS records (a port, as a lab has, is kept), or null when none is set.</summary>
    public string? Primary { get; } = names is [var first, ..] ? first : null;

    private readonly HashSet<string> _hosts = names.Select(name => HostOf(name)).ToHashSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>A host name without its port.</summary>
    public static string HostOf(string authority) => Uri.TryCreate($"http://{authority}/", UriKind.Absolute, out var uri) ? uri.Host : authority;

    /// <summary>Whether a request's host name is the app's own.</summary>
    public bool Contains(string host) => _hosts.Contains(host);
}
