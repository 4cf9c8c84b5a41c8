using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;
using Microsoft.IdentityModel.Validators;
using StsFunctions.App.Http;
using StsFunctions.App.Options;
using StsFunctions.Core.Access;

namespace StsFunctions.App.Authentication;

/// <summary>
/// Authenticates callers by the bearer token of Entra ID in the request (RFC 6750 §2.1). The token handler is
/// created here and not by the app's services: serving policies and accepting reports never use it, and a start does not wait for it.
/// </summary>
internal sealed class BearerTokens(AuthOptions options, TimeProvider time, ILoggerFactory logs) : IDisposable
{
    private const string Invalid = "The access token is not valid for this API; get a new one, for this API and from its own tenant.";
    private const string Expired = "The access token has expired; get a new one.";

    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(2);
    private static readonly AuthenticationScheme Scheme = new(JwtBearerDefaults.AuthenticationScheme, null, typeof(JwtBearerHandler));

    private readonly SigningKeys? _keys = options.IsConfigured ? new(options, time, logs.CreateLogger<SigningKeys>()) : null;
    private readonly ILogger _log = logs.CreateLogger<BearerTokens>();

    /// <summary>Authenticates the caller.</summary>
    /// <exception cref="ProblemException">There is no token, it is not valid here, or tokens cannot be validated now.</exception>
    public async Task<Caller> CallerOfAsync(HttpContext context)
    {
        if (TokenOf(context.Request) is not { } token)
        {
            throw ProblemException.NoToken();
        }

        if (_keys is null)
        {
            throw Refused("Sts__Auth__Tenant is not set, so no caller has access", Invalid);
        }

        if (!IsWorthAKey(token))
        {
            throw Refused("it is not a signed token of Entra ID", Invalid);
        }

        try
        {
            var known = await _keys.GetAsync(context.RequestAborted);
            var result = await AuthenticateAsync(context, known);
            if (result.Failure is SecurityTokenSignatureKeyNotFoundException && await _keys.RefreshAsync(context.RequestAborted) is { } newer && newer != known)
            {
                result = await AuthenticateAsync(context, newer);
            }

            return result.Succeeded
                ? CallerOf(result, options.GroupClaim)
                : throw Refused(result.Failure?.GetType().Name ?? "no result", result.Failure is SecurityTokenExpiredException ? Expired : Invalid);
        }
        catch (KeysUnavailableException)
        {
            throw ProblemException.Unavailable("Access tokens cannot be checked at the moment; try again shortly.");
        }
    }

    public void Dispose() => _keys?.Dispose();

    private static string? TokenOf(HttpRequest request)
    {
        const string scheme = "Bearer ";
        var header = request.Headers.Authorization.ToString();
        return header.StartsWith(scheme, StringComparison.OrdinalIgnoreCase) && header[scheme.Length..].Trim() is { Length: > 0 } token ? token : null;
    }

    // Check the token before asking the issuer: an invalid token from an unknown caller costs little here, and nothing there.
    private static bool IsWorthAKey(string token)
    {
        try
        {
            return new JsonWebToken(token) is { Alg: SecurityAlgorithms.RsaSha256, Kid.Length: > 0 };
        }
        catch (Exception e) when (e is ArgumentException or SecurityTokenException or FormatException or System.Text.Json.JsonException)
        {
            return false;
        }
    }

    private async Task<AuthenticateResult> AuthenticateAsync(HttpContext context, OpenIdConnectConfiguration found)
    {
        var handler = new JwtBearerHandler(new Always(OptionsFor(found)), logs, UrlEncoder.Default);
        await handler.InitializeAsync(Scheme, context);
        return await handler.AuthenticateAsync();
    }

    private JwtBearerOptions OptionsFor(OpenIdConnectConfiguration found)
    {
        var bearer = new JwtBearerOptions
        {
            // SigningKeys alone decides when the keys are read again.
            ConfigurationManager = new StaticConfigurationManager<OpenIdConnectConfiguration>(found) { UseLastKnownGoodConfiguration = false },
            MapInboundClaims = false,
            TokenValidationParameters = new TokenValidationParameters
            {
                ValidIssuers = options.Issuers,
                ValidAudiences = options.Audiences,
                ValidAlgorithms = [SecurityAlgorithms.RsaSha256],
                // Use only the key that the token names.
                TryAllIssuerSigningKeys = false,
                ValidateIssuerSigningKey = true,
                ClockSkew = ClockSkew,
            },
        };
        // Entra's keys say which issuers may sign with them.
        bearer.TokenValidationParameters.EnableAadSigningKeyIssuerValidation();
        return bearer;
    }

    private Caller CallerOf(AuthenticateResult result, string? groupClaim)
    {
        var claims = result.Principal!;
        // Entra writes the calling application into every access token, and into no ID token, which is meant for a client only.
        if ((claims.FindFirst("azp") ?? claims.FindFirst("appid")) is not { } application)
        {
            throw Refused("it is not an access token", Invalid);
        }

        var roles = claims.FindAll("roles").Select(claim => claim.Value).ToHashSet(StringComparer.Ordinal);
        if (!roles.Overlaps(Roles.Callers))
        {
            throw ProblemException.Forbidden("The access token carries no role for this API; have one assigned to you, then get a new token.");
        }

        // A missing claim gives access to no group: Entra omits groups if there are too many or none.
        var groups = groupClaim is null || roles.Contains(Roles.AllGroups)
            ? GroupScope.Every
            : GroupScope.Of(claims.FindAll(groupClaim).Select(claim => claim.Value));
        return new Caller(roles, groups, application.Value);
    }

    private ProblemException Refused(string reason, string detail)
    {
        _log.LogInformation("A token was refused: {Reason}", reason);
        return ProblemException.InvalidToken(detail);
    }

    private sealed class Always(JwtBearerOptions options) : IOptionsMonitor<JwtBearerOptions>
    {
        public JwtBearerOptions CurrentValue => options;

        public JwtBearerOptions Get(string? name) => options;

        public IDisposable? OnChange(Action<JwtBearerOptions, string?> listener) => null;
    }
}
