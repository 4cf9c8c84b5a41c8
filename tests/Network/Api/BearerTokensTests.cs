using CsCheck;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.App.Authentication;
using StsFunctions.App.Http;
using StsFunctions.App.Options;
using StsFunctions.Core.Access;
using StsFunctions.Local.Tokens;
using Xunit;

namespace StsFunctions.Tests.Api;

/// <summary>Which tokens are good, and what a caller may do and see by one.</summary>
public sealed class BearerTokensTests : IAsyncLifetime
{
    // Lifetimes are validated by the system clock; this one is for the keys.
    private readonly FakeTimeProvider _time = new(TestStorage.Noon);
    private readonly RecordedLog _log = new();
    private readonly ILoggerFactory _logs;
    private TokenIssuer _issuer = null!;
    private BearerTokens _tokens = null!;

    public BearerTokensTests() => _logs = LoggerFactory.Create(logging => logging.AddProvider(_log));

    public static TheoryData<string> Wrong => [.. TestTokens.Wrong.Keys];

    public static TheoryData<string> Garbage => [.. TestTokens.Garbage.Keys];

    public static TheoryData<string> Nothing => [.. TestTokens.Nothing.Keys];

    public static TheoryData<string> Right => [.. TestTokens.Right.Keys];

    public async ValueTask InitializeAsync()
    {
        _issuer = await TokenIssuer.StartAsync(TimeProvider.System, TestContext.Current.CancellationToken);
        _tokens = new BearerTokens(OptionsFor("groups"), _time, _logs);
    }

    public ValueTask DisposeAsync()
    {
        _tokens.Dispose();
        _logs.Dispose();
        return _issuer.DisposeAsync();
    }

    [Theory]
    [MemberData(nameof(Right))]
    public async Task A_good_token_of_either_version_is_accepted(string name) =>
        Assert.Contains(Roles.Admin, (await CallerOfAsync(TestTokens.Right[name])).Roles);

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_token_with_one_thing_wrong_is_refused(string name)
    {
        var refused = await RefusedAsync("Bearer " + _issuer.Issue(TestTokens.Wrong[name]));

        Assert.Equal(401, refused.Status);
        Assert.StartsWith("Bearer realm=\"api\", error=\"invalid_token\", error_description=\"", refused.Challenge, StringComparison.Ordinal);
        Assert.Equal(name == "expired", refused.Detail.Contains("expired", StringComparison.Ordinal));
        // The operator can find out which it was.
        Assert.Contains(_log.Lines, line => line is { Level: LogLevel.Information, Category: "StsFunctions.App.Authentication.BearerTokens" });
    }

    [Theory]
    [MemberData(nameof(Garbage))]
    public async Task Garbage_is_refused_without_a_request_to_the_issuer(string name)
    {
        var refused = await RefusedAsync(TestTokens.Garbage[name]);

        Assert.Equal(401, refused.Status);
        Assert.Contains("error=\"invalid_token\"", refused.Challenge, StringComparison.Ordinal);
        Assert.Equal(0, _issuer.DiscoveryRequests);
    }

    [Theory]
    [MemberData(nameof(Nothing))]
    public async Task The_challenge_without_a_token_names_no_error(string name)
    {
        var refused = await RefusedAsync(TestTokens.Nothing[name]);

        Assert.Equal((401, "Bearer realm=\"api\""), (refused.Status, refused.Challenge));
        Assert.Equal(0, _issuer.DiscoveryRequests);
    }

    [Fact]
    public async Task No_header_throws_anything_but_a_refusal()
    {
        var good = _issuer.Issue(new TokenSpec { Roles = [Roles.Admin] }).Split('.');
        var part = Gen.OneOf(Gen.Int[0, 2].Select(n => good[n]), Gen.String, Gen.Char.AlphaNumeric.Array[0, 40].Select(chars => new string(chars)));
        await part.Array[0, 6].Select(parts => string.Join('.', parts)).Where(token => token != string.Join('.', good)).SampleAsync(
            async token => Assert.Equal(401, (await RefusedAsync("Bearer " + token)).Status), iter: 2_000);
        Assert.InRange(_issuer.DiscoveryRequests, 0, 1);
    }

    [Theory]
    [InlineData()]
    [InlineData("Sts.AllGroups")]
    [InlineData("sts.admin")]
    [InlineData("Sts.Admin ")]
    [InlineData("Sts.Owner", "User.Read.All")]
    public async Task A_token_without_a_role_of_this_API_is_403(params string[] roles)
    {
        var refused = await RefusedAsync("Bearer " + _issuer.Issue(new TokenSpec { Roles = roles, Groups = ["blue"] }));

        Assert.Equal(403, refused.Status);
        Assert.StartsWith("Bearer realm=\"api\", error=\"insufficient_scope\"", refused.Challenge, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true, "blue", "green")]
    [InlineData(false, "green")]
    [InlineData(false, "Blue")]
    [InlineData(false, "")]
    [InlineData(false, "*")]
    [InlineData(false)]
    public async Task A_caller_has_the_groups_of_the_claim_compared_exactly(bool seesBlue, params string[] groups)
    {
        var caller = await CallerOfAsync(new TokenSpec { Roles = [Roles.Reader], Groups = groups });

        Assert.Equal(seesBlue, caller.Groups.Include("blue"));
        Assert.Equal(groups.Length == 0, caller.Groups.IsNone);
    }

    [Fact]
    public async Task Groups_that_did_not_fit_into_the_token_count_as_none()
    {
        // Entra's overage: the claim is missing, and other claims say where to query the groups.
        var overage = new TokenSpec { Roles = [Roles.Admin] }
            .With("_claim_names", new System.Text.Json.Nodes.JsonObject { ["groups"] = "src1" })
            .With("_claim_sources", new System.Text.Json.Nodes.JsonObject { ["src1"] = new System.Text.Json.Nodes.JsonObject { ["endpoint"] = "https://graph.example/" } });

        Assert.True((await CallerOfAsync(overage)).Groups.IsNone);
    }

    [Fact]
    public async Task A_caller_with_the_role_for_it_has_every_group()
    {
        var caller = await CallerOfAsync(new TokenSpec { Roles = [Roles.Reader, Roles.AllGroups], Groups = ["green"] });

        Assert.True(caller.Groups.Include("blue"));
    }

    [Fact]
    public async Task Every_caller_has_every_group_where_no_claim_is_configured()
    {
        using var tokens = new BearerTokens(OptionsFor(groupClaim: null), _time, _logs);

        var caller = await CallerOfAsync(new TokenSpec { Roles = [Roles.Reader], Groups = ["green"] }, tokens);

        Assert.True(caller.Groups.Include("blue"));
    }

    [Fact]
    public async Task Groups_can_be_app_roles()
    {
        using var tokens = new BearerTokens(OptionsFor("roles"), _time, _logs);

        var caller = await CallerOfAsync(new TokenSpec { Roles = [Roles.Reader, "blue"] }, tokens);

        Assert.Equal((true, false), (caller.Groups.Include("blue"), caller.Groups.Include("green")));
        Assert.True(caller.IsAny(Roles.Readers.Split(',')));
    }

    [Fact]
    public async Task A_new_key_is_accepted_after_the_refresh_interval_and_the_withdrawn_one_no_longer()
    {
        var before = _issuer.Issue(new TokenSpec { Roles = [Roles.Reader] });
        await _tokens.CallerOfAsync(With("Bearer " + before));
        _issuer.Rotate();
        var after = _issuer.Issue(new TokenSpec { Roles = [Roles.Reader] });

        Assert.Equal(401, (await RefusedAsync("Bearer " + after)).Status);
        _time.Advance(SigningKeys.MinRefreshInterval);
        await _tokens.CallerOfAsync(With("Bearer " + after));
        Assert.Equal(401, (await RefusedAsync("Bearer " + before)).Status);
    }

    [Fact]
    public async Task An_issuer_that_is_down_leaves_tokens_of_known_keys_valid_and_all_others_503()
    {
        var known = _issuer.Issue(new TokenSpec { Roles = [Roles.Reader] });
        await _tokens.CallerOfAsync(With("Bearer " + known));
        _issuer.Behaviour = IssuerBehaviour.Fails;
        _time.Advance(SigningKeys.MinRefreshInterval);

        await _tokens.CallerOfAsync(With("Bearer " + known));
        var refused = await RefusedAsync("Bearer " + _issuer.Issue(new TokenSpec { Roles = [Roles.Reader], Signature = TokenSignature.UnknownKey }));
        Assert.Equal((503, "", "10"), (refused.Status, refused.Challenge, refused.RetryAfter));
    }

    [Theory]
    [InlineData("Bearer a.b.c", 401)]
    [InlineData(null, 401)]
    [InlineData("good", 503)]
    public async Task Only_a_token_that_needs_a_key_is_503_while_there_are_no_keys(string? header, int status)
    {
        _issuer.Behaviour = IssuerBehaviour.Garbage;

        var refused = await RefusedAsync(header == "good" ? "Bearer " + _issuer.Issue(new TokenSpec { Roles = [Roles.Reader] }) : header);

        Assert.Equal(status, refused.Status);
    }

    [Fact]
    public async Task Nobody_is_authorized_and_no_issuer_is_called_without_settings()
    {
        using var tokens = new BearerTokens(new AuthOptions(), _time, _logs);

        Assert.Equal(401, (await RefusedAsync("Bearer " + _issuer.Issue(TestTokens.Right["v2"]), tokens)).Status);
        Assert.Equal((401, "Bearer realm=\"api\""), await RefusedAsync(null, tokens) is var refused ? (refused.Status, refused.Challenge) : default);
        Assert.Equal(0, _issuer.DiscoveryRequests);
        Assert.Contains(_log.Lines, line => line.Text.Contains("Sts__Auth__Tenant", StringComparison.Ordinal));
    }

    private AuthOptions OptionsFor(string? groupClaim) => new()
    {
        Tenant = _issuer.Tenant,
        Audiences = [_issuer.Application, $"api://{_issuer.Application}"],
        GroupClaim = groupClaim,
        Authority = _issuer.Address,
    };

    private Task<Caller> CallerOfAsync(TokenSpec spec, BearerTokens? tokens = null) => (tokens ?? _tokens).CallerOfAsync(With("Bearer " + _issuer.Issue(spec)));

    private async Task<Refusal> RefusedAsync(string? authorization, BearerTokens? tokens = null)
    {
        var context = With(authorization);
        var refused = await Assert.ThrowsAsync<ProblemException>(() => (tokens ?? _tokens).CallerOfAsync(context));
        await refused.AnswerAsync(context);
        return new Refusal(context.Response.StatusCode, context.Response.Headers.WWWAuthenticate.ToString(), context.Response.Headers.RetryAfter.ToString(), refused.Message);
    }

    private static DefaultHttpContext With(string? authorization)
    {
        var context = new DefaultHttpContext();
        context.Request.Headers.Authorization = authorization;
        return context;
    }

    private sealed record Refusal(int Status, string Challenge, string RetryAfter, string Detail);
}
