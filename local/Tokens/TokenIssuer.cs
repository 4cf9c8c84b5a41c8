using System.Buffers.Text;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;

namespace StsFunctions.Local.Tokens;

/// <summary>How the issuer answers requests for its documents.</summary>
public enum IssuerBehaviour
{
    /// <summary>Correctly.</summary>
    Answers,

    /// <summary>With 500.</summary>
    Fails,

    /// <summary>Never, until the client gives up.</summary>
    Hangs,

    /// <summary>With a body that is not JSON.</summary>
    Garbage,

    /// <summary>With more than a client should read.</summary>
    Floods,

    /// <summary>With the document of another issuer.</summary>
    NamesAnother,

    /// <summary>With an empty set of keys.</summary>
    HasNoKeys,

    /// <summary>With a redirect to a correct document.</summary>
    Redirects,
}

/// <summary>
/// A token issuer on loopback that does what Entra ID does for one tenant: it publishes a discovery document and its
/// keys, and issues access tokens for one application. It issues bad tokens too.
/// </summary>
public sealed class TokenIssuer : IAsyncDisposable
{
    private const int FloodBytes = 64 * 1024 * 1024;

    private readonly TimeProvider _time;
    private readonly WebApplication _app;
    private readonly IssuerKey _unknownKey;
    private readonly List<IssuerKey> _retired = [];
    private IssuerKey _key;
    private int _discoveryRequests;

    private TokenIssuer(TimeProvider time)
    {
        _time = time;
        (_key, _unknownKey) = (new IssuerKey(time.GetUtcNow()), new IssuerKey(time.GetUtcNow()));
        var builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0));
        builder.Services.AddRoutingCore();
        _app = builder.Build();
        _app.UseRouting();
        _app.MapGet($"/{Tenant}/v2.0/.well-known/openid-configuration", (RequestDelegate)(context =>
        {
            Interlocked.Increment(ref _discoveryRequests);
            return AnswerAsync(context, Discovery);
        }));
        _app.MapGet($"/{Tenant}/discovery/v2.0/keys", (RequestDelegate)(context => AnswerAsync(context, Keys)));
        _app.MapGet("/moved/{**path}", (RequestDelegate)(context => WriteAsync(context, context.Request.Path.Value!.EndsWith("keys", StringComparison.Ordinal) ? Keys() : Discovery())));
    }

    /// <summary>The tenant's id.</summary>
    public string Tenant { get; } = Guid.NewGuid().ToString();

    /// <summary>The application's id, for which tokens are issued.</summary>
    public string Application { get; } = Guid.NewGuid().ToString();

    /// <summary>Where it listens.</summary>
    public Uri Address { get; private set; } = null!;

    /// <summary>How it answers from now on.</summary>
    public IssuerBehaviour Behaviour { get; set; }

    /// <summary>How often its discovery document was requested.</summary>
    public int DiscoveryRequests => Volatile.Read(ref _discoveryRequests);

    /// <summary>The settings with which an app takes its tokens.</summary>
    public IReadOnlyDictionary<string, string> Settings => new Dictionary<string, string>
    {
        ["Sts__Auth__Tenant"] = Tenant,
        ["Sts__Auth__Audience"] = Application,
        ["Sts__Auth__GroupClaim"] = "groups",
        ["Sts__Lab__Authority"] = Address.ToString(),
    };

    /// <summary>Starts one, with a tenant, an application and a key of its own.</summary>
    public static async Task<TokenIssuer> StartAsync(TimeProvider time, CancellationToken cancellationToken)
    {
        var issuer = new TokenIssuer(time);
        await issuer._app.StartAsync(cancellationToken);
        issuer.Address = new Uri(issuer._app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());
        return issuer;
    }

    /// <summary>Signs with a new key from now on, and publishes only that one.</summary>
    public void Rotate()
    {
        _retired.Add(_key);
        _key = new IssuerKey(_time.GetUtcNow());
    }

    /// <summary>Issues a token as <paramref name="spec"/> says, including its faults.</summary>
    public string Issue(TokenSpec spec)
    {
        var header = new JsonObject { ["typ"] = "JWT", ["alg"] = AlgorithmOf(spec.Signature) };
        if (KeyIdOf(spec.Signature) is { } keyId)
        {
            header["kid"] = keyId;
        }

        var claims = ClaimsOf(spec);
        var signature = Base64Url.EncodeToString(Sign(spec.Signature, $"{Part(header)}.{Part(claims)}"));
        if (spec.Signature == TokenSignature.Broken)
        {
            claims["roles"] = new JsonArray("Sts.Admin", "Sts.AllGroups");
        }

        return $"{Part(header)}.{Part(claims)}.{signature}";
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        using var now = new CancellationTokenSource();
        await now.CancelAsync();
        await _app.StopAsync(now.Token);
        await _app.DisposeAsync();
        _key.Dispose();
        _unknownKey.Dispose();
        _retired.ForEach(key => key.Dispose());
    }

    private string Issuer => $"{Address}{Tenant}/v2.0";

    private static string AlgorithmOf(TokenSignature signature) => signature switch
    {
        TokenSignature.None => "none",
        TokenSignature.HmacOfPublicKey => "HS256",
        TokenSignature.Rs384 => "RS384",
        _ => "RS256",
    };

    private string? KeyIdOf(TokenSignature signature) => signature switch
    {
        TokenSignature.UnnamedKey => null,
        TokenSignature.UnknownKey => _unknownKey.Id,
        _ => _key.Id,
    };

    private byte[] Sign(TokenSignature signature, string text) => signature switch
    {
        TokenSignature.None => [],
        TokenSignature.HmacOfPublicKey => HMACSHA256.HashData(Encoding.ASCII.GetBytes(_key.PublicPem), Encoding.ASCII.GetBytes(text)),
        TokenSignature.Rs384 => _key.Sign(text, HashAlgorithmName.SHA384),
        TokenSignature.OtherKey or TokenSignature.UnknownKey => _unknownKey.Sign(text, HashAlgorithmName.SHA256),
        _ => _key.Sign(text, HashAlgorithmName.SHA256),
    };

    // The claims of an Entra access token that an API may rely on.
    private JsonObject ClaimsOf(TokenSpec spec)
    {
        var now = _time.GetUtcNow();
        var claims = new JsonObject
        {
            ["aud"] = spec.Version == 2 ? Application : $"api://{Application}",
            ["iss"] = spec.Version == 2 ? Issuer : $"https://sts.windows.net/{Tenant}/",
            ["iat"] = (now + spec.NotBeforeFromNow).ToUnixTimeSeconds(),
            ["nbf"] = (now + spec.NotBeforeFromNow).ToUnixTimeSeconds(),
            ["exp"] = (now + spec.ExpiresFromNow).ToUnixTimeSeconds(),
            [spec.Version == 2 ? "azp" : "appid"] = "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
            ["oid"] = "5f0c4b7e-0000-4000-8000-000000000001",
            ["sub"] = "lab",
            ["tid"] = Tenant,
            ["ver"] = spec.Version == 2 ? "2.0" : "1.0",
        };
        // Entra omits a claim that would be empty.
        if (spec.Roles.Count > 0)
        {
            claims["roles"] = new JsonArray([.. spec.Roles.Select(role => JsonValue.Create(role))]);
        }

        if (spec.Groups is { Count: > 0 } groups)
        {
            claims["groups"] = new JsonArray([.. groups.Select(group => JsonValue.Create(group))]);
        }

        foreach (var (name, value) in spec.Claims)
        {
            if (value is null)
            {
                claims.Remove(name);
            }
            else
            {
                claims[name] = value.DeepClone();
            }
        }
        return claims;
    }

    private static string Part(JsonObject json) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(json.ToJsonString()));

    private JsonObject Discovery() => new()
    {
        ["issuer"] = Behaviour == IssuerBehaviour.NamesAnother ? $"{Address}{Guid.Empty}/v2.0" : Issuer,
        ["jwks_uri"] = $"{Address}{Tenant}/discovery/v2.0/keys",
        ["id_token_signing_alg_values_supported"] = new JsonArray("RS256"),
        ["subject_types_supported"] = new JsonArray("pairwise"),
    };

    private JsonObject Keys() => new()
    {
        ["keys"] = Behaviour == IssuerBehaviour.HasNoKeys ? [] : new JsonArray(_key.ToJwk($"{Address}{{tenantid}}/v2.0")),
    };

    private async Task AnswerAsync(HttpContext context, Func<JsonObject> document)
    {
        switch (Behaviour)
        {
            case IssuerBehaviour.Fails:
                context.Response.StatusCode = StatusCodes.Status500InternalServerError;
                break;
            case IssuerBehaviour.Hangs:
                await Task.Delay(Timeout.Infinite, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                break;
            case IssuerBehaviour.Garbage:
                await context.Response.WriteAsync("<html>Sign in</html>", context.RequestAborted);
                break;
            case IssuerBehaviour.Floods:
                await FloodAsync(context);
                break;
            case IssuerBehaviour.Redirects:
                context.Response.Redirect($"{Address}moved{context.Request.Path}");
                break;
            default:
                await WriteAsync(context, document());
                break;
        }
    }

    private static Task WriteAsync(HttpContext context, JsonObject document)
    {
        context.Response.ContentType = "application/json";
        return context.Response.WriteAsync(document.ToJsonString(), context.RequestAborted);
    }

    private static async Task FloodAsync(HttpContext context)
    {
        var spaces = Encoding.ASCII.GetBytes(new string(' ', 64 * 1024));
        for (var sent = 0; sent < FloodBytes && !context.RequestAborted.IsCancellationRequested; sent += spaces.Length)
        {
            await context.Response.Body.WriteAsync(spaces, CancellationToken.None);
        }
    }
}
