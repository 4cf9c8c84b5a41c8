using StsFunctions.Core.Options;
using StsFunctions.Protocol;

namespace StsFunctions.Core.Hosts;

/// <summary>What is expected of the policy hosts, <c>mta-sts.&lt;domain&gt;</c>.</summary>
internal sealed record PolicyHostOptions
{
    /// <summary>The host names to point them at, if Front Door is in front of the app: one per profile. By default none, which means the app's own.</summary>
    public IReadOnlyList<string> EdgeHosts { get; init; } = [];

    /// <summary>
    /// The CA that renews their certificates, as CAA records name it; null if the operator brings certificates. By default
    /// DigiCert, which issues the managed certificates of Functions and of Front Door.
    /// </summary>
    public string? CertificateAuthority { get; init; } = "digicert.com";

    /// <summary>Binds the options to their settings.</summary>
    public static PolicyHostOptions Bind(SettingsBinder settings) => new()
    {
        EdgeHosts = settings.List("Sts__EdgeHosts", text => DomainName.TryParse(text, out _) ? text : null, "write the host names that mta-sts.<domain> is pointed at, separated by commas"),
        CertificateAuthority = settings.Parsed("Sts__CertificateAuthority", ParseAuthority, "write the CA as CAA records name it, for example digicert.com, or none") switch
        {
            null => new PolicyHostOptions().CertificateAuthority,
            "none" => null,
            var authority => authority,
        },
    };

    private static string? ParseAuthority(string text) => text == "none" || DomainName.TryParse(text, out _) ? text.ToLowerInvariant() : null;
}
