namespace StsFunctions.Api;

/// <summary>Whose tokens open <c>api/</c>, and which claim limits a caller to groups.</summary>
/// <param name="Tenant">The Entra tenant's id.</param>
/// <param name="Audiences">What a token for this app says in <c>aud</c>: the application's id in a v2 token; in a v1 token that, or the URI that was asked for.</param>
/// <param name="GroupClaim">The claim that names the groups a caller may see; null: callers are not limited to groups.</param>
/// <param name="Authority">Where the tenant's discovery document is.</param>
internal sealed record AuthSettings(string Tenant, IReadOnlyList<string> Audiences, string? GroupClaim, Uri Authority)
{
    /// <summary>Entra ID in Azure's public cloud.</summary>
    public static Uri Entra { get; } = new("https://login.microsoftonline.com/");

    /// <summary>The issuer that the discovery document names: of v2 tokens.</summary>
    public string Issuer => $"{Authority}{Tenant}/v2.0";

    /// <summary>Which of the two a tenant issues is up to the app's registration (<c>requestedAccessTokenVersion</c>); both are signed with the same keys.</summary>
    public IReadOnlyList<string> Issuers => [Issuer, $"https://sts.windows.net/{Tenant}/"];

    public string Discovery => $"{Issuer}/.well-known/openid-configuration";
}
