using StsFunctions.Core.Options;

namespace StsFunctions.App.Options;

/// <summary>The issuer of tokens for <c>api/</c>, and the claim that limits a caller to groups.</summary>
internal sealed record AuthOptions
{
    /// <summary>Entra ID in Azure's public cloud.</summary>
    public static Uri Entra { get; } = new("https://login.microsoftonline.com/");

    /// <summary>The Entra tenant's id; by default null, and no caller has access.</summary>
    public string? Tenant { get; init; }

    /// <summary>The <c>aud</c> of a token for this app: the application's id in a v2 token; that or the requested URI in a v1 token. Required with the tenant.</summary>
    public IReadOnlyList<string> Audiences { get; init; } = [];

    /// <summary>The claim with the groups that a caller may see; by default null, and callers are not limited to groups.</summary>
    public string? GroupClaim { get; init; }

    /// <summary>The authority of the tenant's discovery document. By default <see cref="Entra"/>.</summary>
    public Uri Authority { get; init; } = Entra;

    /// <summary>Whether anybody has access.</summary>
    public bool IsConfigured => Tenant is not null;

    /// <summary>The issuer in the discovery document, which is that of v2 tokens.</summary>
    public string Issuer => $"{Authority}{Tenant}/v2.0";

    /// <summary>The app's registration decides which of the two a tenant issues (<c>requestedAccessTokenVersion</c>); both are signed with the same keys.</summary>
    public IReadOnlyList<string> Issuers => [Issuer, $"https://sts.windows.net/{Tenant}/"];

    /// <summary>The address of the discovery document.</summary>
    public string Discovery => $"{Issuer}/.well-known/openid-configuration";

    /// <summary>Binds the options to their settings.</summary>
    public static AuthOptions Bind(SettingsBinder settings) => new()
    {
        Tenant = settings.Parsed("Sts__Auth__Tenant", SettingsBinder.ParseGuid, "write the tenant's id, as `az account show --query tenantId` prints it"),
        Audiences =
        [
            .. settings.List("Sts__Auth__Audience", text => IsAudience(text) ? text : null, "write the application's (client) id or its application ID URI, or both with a comma between")
                .SelectMany(Spellings),
        ],
        GroupClaim = settings.Parsed("Sts__Auth__GroupClaim", text => text.Any(char.IsWhiteSpace) ? null : text, "write the name of one claim, for example groups"),
        Authority = settings.LoopbackAddress("Sts__Lab__Authority", "a token issuer") ?? Entra,
    };

    // A registration's default application ID URI is api:// and its id: naming one means both.
    private static IEnumerable<string> Spellings(string audience) => SettingsBinder.ParseGuid(audience) is { } id ? [id, $"api://{id}"] : [audience];

    private static bool IsAudience(string text) =>
        SettingsBinder.ParseGuid(text) is not null || (Uri.IsWellFormedUriString(text, UriKind.Absolute) && !text.Contains(' ', StringComparison.Ordinal));
}
