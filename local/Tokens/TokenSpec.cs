using System.Text.Json.Nodes;

namespace StsFunctions.Local.Tokens;

/// <summary>How a token is signed.</summary>
public enum TokenSignature
{
    /// <summary>RS256, with the key that the issuer publishes.</summary>
    Good,

    /// <summary>RS256, with another party's key, under the id of the issuer's key.</summary>
    OtherKey,

    /// <summary>RS256, with a key that the issuer does not publish, under an id of its own.</summary>
    UnknownKey,

    /// <summary>RS256, with the issuer's key, and naming none.</summary>
    UnnamedKey,

    /// <summary>RS384, with the issuer's key.</summary>
    Rs384,

    /// <summary>HS256, with the issuer's public key as the secret, which is public.</summary>
    HmacOfPublicKey,

    /// <summary><c>alg: none</c>, and no signature.</summary>
    None,

    /// <summary>Valid, then a claim was changed.</summary>
    Broken,
}

/// <summary>A token to be issued: as Entra ID does for a caller with roles, or with one fault.</summary>
public sealed record TokenSpec
{
    /// <summary>The app roles that the caller was assigned.</summary>
    public IReadOnlyList<string> Roles { get; init; } = [];

    /// <summary>The groups that the token names; null leaves the claim out.</summary>
    public IReadOnlyList<string>? Groups { get; init; }

    /// <summary>1 or 2: they differ in issuer and audience, and in how the calling application is named.</summary>
    public int Version { get; init; } = 2;

    /// <summary>From when it is valid.</summary>
    public TimeSpan NotBeforeFromNow { get; init; } = TimeSpan.FromMinutes(-5);

    /// <summary>Until when.</summary>
    public TimeSpan ExpiresFromNow { get; init; } = TimeSpan.FromMinutes(75);

    /// <summary>How it is signed.</summary>
    public TokenSignature Signature { get; init; } = TokenSignature.Good;

    /// <summary>Claims in place of those that would be there, or beside them; null takes one out.</summary>
    public IReadOnlyDictionary<string, JsonNode?> Claims { get; init; } = new Dictionary<string, JsonNode?>();

    /// <summary>The same with a claim in place of the one that would be there.</summary>
    public TokenSpec With(string claim, JsonNode? value) => this with { Claims = new Dictionary<string, JsonNode?>(Claims) { [claim] = value } };
}
