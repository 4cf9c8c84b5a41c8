using StsFunctions.Core.Options;

namespace StsFunctions.Core.Hosts;

/// <summary>The app's own host names: report senders and people come to these, and not to the policy hosts.</summary>
internal sealed record AppHostOptions
{
    private readonly HashSet<string> _hosts = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The names as they are set, and as the platform calls the app; a port, as in a lab, remains. By default none.</summary>
    public IReadOnlyList<string> Names
    {
        get;
        init
        {
            field = value;
            _hosts = value.Select(HostOf).ToHashSet(StringComparer.OrdinalIgnoreCase);
        }
    } = [];

    /// <summary>The name to print into DNS records; null where none is set.</summary>
    public string? Primary => Names is [var first, ..] ? first : null;

    /// <summary>Whether a request's host name is the app's own.</summary>
    public bool Contains(string host) => _hosts.Contains(host);

    /// <summary>A host name without its port.</summary>
    public static string HostOf(string authority) => Uri.TryCreate($"http://{authority}/", UriKind.Absolute, out var uri) ? uri.Host : authority;

    /// <summary>Binds the options to their settings.</summary>
    public static AppHostOptions Bind(SettingsBinder settings) => new()
    {
        Names =
        [
            .. settings.List("Sts__AppHost", text => IsHost(text) ? text : null, "write the app's host name alone, for example app.example.com"),
            .. settings.List("WEBSITE_HOSTNAME"),
        ],
    };

    // A name or an address, with a port where a lab has one; a URL would match no request.
    private static bool IsHost(string text) =>
        Uri.TryCreate($"http://{text}/", UriKind.Absolute, out var uri) && uri.Authority.Equals(text, StringComparison.OrdinalIgnoreCase);
}
