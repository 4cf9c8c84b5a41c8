using Microsoft.Extensions.Time.Testing;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using StsFunctions.App.Authentication;
using StsFunctions.App.Options;
using StsFunctions.Local.Tokens;
using Xunit;

namespace StsFunctions.Tests.Api;

/// <summary>When the issuer is asked for its keys, how often, and the behaviour while it does not answer.</summary>
public sealed class SigningKeysTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _time = new(TestStorage.Noon);
    private readonly RecordedLog _log = new();
    private TokenIssuer _issuer = null!;
    private SigningKeys _keys = null!;

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        _issuer = await TokenIssuer.StartAsync(_time, Cancellation);
        _keys = new SigningKeys(new AuthOptions { Tenant = _issuer.Tenant, Audiences = [_issuer.Application], Authority = _issuer.Address }, _time, _log.For<SigningKeys>());
    }

    public ValueTask DisposeAsync()
    {
        _keys.Dispose();
        return _issuer.DisposeAsync();
    }

    [Fact]
    public async Task The_keys_are_fetched_when_they_are_first_needed_and_concurrent_callers_share_one_request()
    {
        Assert.Equal(0, _issuer.DiscoveryRequests);

        var found = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => _keys.GetAsync(Cancellation)));

        Assert.Single(found.Distinct());
        Assert.Equal(1, _issuer.DiscoveryRequests);
    }

    [Fact]
    public async Task Unknown_key_ids_cause_one_request_per_refresh_interval()
    {
        var known = await _keys.GetAsync(Cancellation);
        for (var i = 0; i < 100; i++)
        {
            Assert.Same(known, await _keys.RefreshAsync(Cancellation));
        }

        Assert.Equal(1, _issuer.DiscoveryRequests);

        _time.Advance(SigningKeys.MinRefreshInterval);
        await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => _keys.RefreshAsync(Cancellation)));
        Assert.Equal(2, _issuer.DiscoveryRequests);
    }

    [Fact]
    public async Task A_new_key_is_found_after_the_refresh_interval_and_the_withdrawn_one_is_gone()
    {
        var before = KeyIn(await _keys.GetAsync(Cancellation));
        _issuer.Rotate();
        _time.Advance(SigningKeys.MinRefreshInterval);

        var after = KeyIn(await _keys.RefreshAsync(Cancellation));

        Assert.NotEqual(before, after);
        Assert.Equal(after, KeyIn(await _keys.GetAsync(Cancellation)));
    }

    [Fact]
    public async Task Old_keys_are_refreshed_in_the_background()
    {
        var before = await _keys.GetAsync(Cancellation);
        _time.Advance(SigningKeys.RefreshInterval);

        Assert.Same(before, await _keys.GetAsync(Cancellation));

        // The request in flight is joined, not repeated.
        var after = await _keys.RefreshAsync(Cancellation);
        Assert.NotSame(before, after);
        Assert.Same(after, await _keys.GetAsync(Cancellation));
        Assert.Equal(2, _issuer.DiscoveryRequests);
    }

    [Fact]
    public async Task The_last_keys_serve_for_a_day_while_the_issuer_is_down()
    {
        var known = await _keys.GetAsync(Cancellation);
        _issuer.Behaviour = IssuerBehaviour.Fails;

        _time.Advance(SigningKeys.MaxAge - TimeSpan.FromSeconds(1));
        Assert.Same(known, await _keys.GetAsync(Cancellation));

        _time.Advance(TimeSpan.FromSeconds(1));
        await Assert.ThrowsAsync<KeysUnavailableException>(() => _keys.GetAsync(Cancellation));
    }

    [Fact]
    public async Task An_issuer_that_is_down_is_not_called_again_until_the_refresh_interval_has_passed()
    {
        _issuer.Behaviour = IssuerBehaviour.Fails;
        for (var i = 0; i < 20; i++)
        {
            await Assert.ThrowsAsync<KeysUnavailableException>(() => _keys.GetAsync(Cancellation));
        }

        var requests = _issuer.DiscoveryRequests;
        _issuer.Behaviour = IssuerBehaviour.Answers;
        await Assert.ThrowsAsync<KeysUnavailableException>(() => _keys.GetAsync(Cancellation));
        Assert.Equal(requests, _issuer.DiscoveryRequests);

        _time.Advance(SigningKeys.MinRefreshInterval);
        KeyIn(await _keys.GetAsync(Cancellation));
    }

    [Theory]
    [InlineData(IssuerBehaviour.Fails)]
    [InlineData(IssuerBehaviour.Garbage)]
    [InlineData(IssuerBehaviour.Floods)]
    [InlineData(IssuerBehaviour.NamesAnother)]
    [InlineData(IssuerBehaviour.HasNoKeys)]
    [InlineData(IssuerBehaviour.Redirects)]
    public async Task Any_other_answer_of_the_issuer_gives_no_key_and_is_logged(IssuerBehaviour behaviour)
    {
        _issuer.Behaviour = behaviour;

        await Assert.ThrowsAsync<KeysUnavailableException>(() => _keys.GetAsync(Cancellation));

        Assert.Contains(_log.Lines, line => line.Text.Contains(_issuer.Address.ToString(), StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_issuer_that_hangs_times_out()
    {
        _issuer.Behaviour = IssuerBehaviour.Hangs;
        var waiting = _keys.GetAsync(Cancellation);
        await AskedAsync();

        _time.Advance(SigningKeys.FetchTimeout);

        await Assert.ThrowsAsync<KeysUnavailableException>(() => waiting);
    }

    [Fact]
    public async Task A_caller_that_cancels_ends_its_own_wait_and_not_the_request_of_the_others()
    {
        _issuer.Behaviour = IssuerBehaviour.Hangs;
        using var hangUp = new CancellationTokenSource();
        var first = _keys.GetAsync(hangUp.Token);
        var second = _keys.GetAsync(Cancellation);
        await AskedAsync();

        await hangUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        Assert.False(second.IsCompleted);
        _time.Advance(SigningKeys.FetchTimeout);
        await Assert.ThrowsAsync<KeysUnavailableException>(() => second);
    }

    [Fact]
    public async Task An_issuer_that_refuses_connections_has_no_keys()
    {
        await _issuer.DisposeAsync();

        await Assert.ThrowsAsync<KeysUnavailableException>(() => _keys.GetAsync(Cancellation));
    }

    // One key, though it shows twice: as itself, and in its certificate.
    private static string KeyIn(OpenIdConnectConfiguration found) => Assert.Single(found.SigningKeys.Select(key => key.KeyId).Distinct());

    private async Task AskedAsync()
    {
        while (_issuer.DiscoveryRequests == 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(5), Cancellation);
        }
    }
}
