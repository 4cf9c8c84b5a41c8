using System.Text.Json.Nodes;
using StsFunctions.Local.Tokens;

namespace StsFunctions.Tests.Api;

/// <summary>What callers may present instead of a good token, by name.</summary>
internal static class TestTokens
{
    private static readonly TokenSpec Admin = new() { Roles = ["Sts.Admin", "Sts.AllGroups"] };

    /// <summary>Tokens of the tenant's issuer, or that resemble them, each with one thing wrong.</summary>
    public static IReadOnlyDictionary<string, TokenSpec> Wrong { get; } = new Dictionary<string, TokenSpec>
    {
        ["another issuer"] = Admin.With("iss", "https://login.microsoftonline.com/72f988bf-86f1-41af-91ab-2d7cd011db47/v2.0"),
        ["another tenant's v1 issuer"] = Admin.With("iss", "https://sts.windows.net/72f988bf-86f1-41af-91ab-2d7cd011db47/"),
        ["the issuer but for a slash"] = (Admin with { Version = 1 }).With("iss", "https://sts.windows.net"),
        ["no issuer"] = Admin.With("iss", null),
        ["another tenant under the same key"] = Admin.With("tid", "72f988bf-86f1-41af-91ab-2d7cd011db47"),
        ["another audience"] = Admin.With("aud", "https://graph.microsoft.com"),
        ["another application"] = Admin.With("aud", "7c3d1c88-0000-4000-8000-000000000000"),
        ["no audience"] = Admin.With("aud", null),
        ["another key under the same id"] = Admin with { Signature = TokenSignature.OtherKey },
        ["a key that is not published"] = Admin with { Signature = TokenSignature.UnknownKey },
        ["a key that is not named"] = Admin with { Signature = TokenSignature.UnnamedKey },
        ["another algorithm"] = Admin with { Signature = TokenSignature.Rs384 },
        ["a claim changed after it was signed"] = new TokenSpec { Roles = ["Sts.Agent"], Signature = TokenSignature.Broken },
        ["alg none"] = Admin with { Signature = TokenSignature.None },
        ["HS256 with the public key"] = Admin with { Signature = TokenSignature.HmacOfPublicKey },
        ["expired"] = Admin with { NotBeforeFromNow = TimeSpan.FromHours(-2), ExpiresFromNow = TimeSpan.FromHours(-1) },
        ["not yet valid"] = Admin with { NotBeforeFromNow = TimeSpan.FromHours(1), ExpiresFromNow = TimeSpan.FromHours(2) },
        ["no expiry"] = Admin.With("exp", null),
        ["an expiry that is no time"] = Admin.With("exp", "soon"),
        ["an ID token"] = Admin.With("azp", null),
    };

    /// <summary>Headers that hold no token at all: what was sent in place of one.</summary>
    public static IReadOnlyDictionary<string, string> Garbage { get; } = new Dictionary<string, string>
    {
        ["a word"] = "Bearer secret",
        ["dots"] = "Bearer ..",
        ["three words"] = "Bearer a.b.c",
        ["five parts"] = "Bearer eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.a.b.c.d",
        ["no JSON"] = "Bearer bm90.anNvbg.c2ln",
        ["a long text"] = "Bearer " + new string('a', 20_000),
        ["two tokens"] = "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.c2ln, Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.e30.c2ln",
    };

    /// <summary>Headers without a bearer token.</summary>
    public static IReadOnlyDictionary<string, string?> Nothing { get; } = new Dictionary<string, string?>
    {
        ["no header"] = null,
        ["an empty header"] = "",
        ["the scheme alone"] = "Bearer ",
        ["another scheme"] = "Basic YWRtaW46YWRtaW4=",
        ["a token without a scheme"] = "eyJhbGciOiJSUzI1NiJ9.e30.c2ln",
    };

    /// <summary>Good tokens of both versions, in every spelling that Entra has.</summary>
    public static IReadOnlyDictionary<string, TokenSpec> Right { get; } = new Dictionary<string, TokenSpec>
    {
        ["v2"] = Admin,
        ["v1, asked for by URI"] = Admin with { Version = 1 },
        ["v1, of a clock that is a minute ahead"] = Admin with { Version = 1, NotBeforeFromNow = TimeSpan.FromMinutes(1) },
        ["just expired, by a clock that is a minute behind"] = Admin with { ExpiresFromNow = TimeSpan.FromMinutes(-1) },
        ["one role, not as an array"] = Admin.With("roles", "Sts.Admin").With("groups", new JsonArray("default")),
    };
}
