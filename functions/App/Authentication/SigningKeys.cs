using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using StsFunctions.App.Options;

namespace StsFunctions.App.Authentication;

/// <summary>The issuer's keys could not be read, so no token can be validated.</summary>
internal sealed class KeysUnavailableException(Exception cause)
    : Exception("The keys that tokens are signed with could not be read.", cause);

/// <summary>
/// The issuer's signing keys for tokens, from its discovery document. Concurrent callers share one read, which
/// is limited in time and size. Reads are limited in number: whatever tokens unknown callers send, the issuer is
/// asked no more often than every <see cref="MinRefreshInterval"/>.
/// </summary>
internal sealed class SigningKeys(AuthOptions options, TimeProvider time, ILogger<SigningKeys> log) : IDisposable
{
    /// <summary>Keys of this age are read again while they remain in use, so that a withdrawn key is removed.</summary>
    public static readonly TimeSpan RefreshInterval = TimeSpan.FromHours(1);

    /// <summary>While the issuer cannot be reached, the last keys are used up to this age.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromHours(24);

    /// <summary>The result of a read, good or bad, is used for this long after the read started.</summary>
    public static readonly TimeSpan MinRefreshInterval = TimeSpan.FromSeconds(10);

    /// <summary>The time limit of a read.</summary>
    public static readonly TimeSpan FetchTimeout = TimeSpan.FromSeconds(5);

    // Entra's documents have some 20 KB.
    private const int MaxBytes = 1 << 20;

    // The limit covers both documents together.
#pragma warning disable RS0030 // One client for the life of the app, for the issuer that the operator configures.
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { MaxResponseContentBufferSize = MaxBytes, Timeout = Timeout.InfiniteTimeSpan };
#pragma warning restore RS0030
    private readonly Lock _gate = new();
    private Keys? _newest;
    private Task<Keys>? _fetch;
    private DateTimeOffset _fetchedAt;

    /// <summary>The issuer's discovery document and keys.</summary>
    /// <exception cref="KeysUnavailableException">There are no keys, or none recent enough, and the issuer does not return any.</exception>
    public async Task<OpenIdConnectConfiguration> GetAsync(CancellationToken cancellationToken)
    {
        var newest = _newest;
        var age = newest is null ? TimeSpan.MaxValue : time.GetUtcNow() - newest.FetchedAt;
        if (age < RefreshInterval)
        {
            return newest!.Configuration;
        }

        var fetch = FetchAsync();
        return age < MaxAge ? newest!.Configuration : (await fetch.WaitAsync(cancellationToken)).Configuration;
    }

    /// <summary>Gets the keys for a token with an unknown key: reads them again, unless they were just read.</summary>
    /// <exception cref="KeysUnavailableException">The issuer does not answer.</exception>
    public async Task<OpenIdConnectConfiguration> RefreshAsync(CancellationToken cancellationToken) =>
        (await FetchAsync().WaitAsync(cancellationToken)).Configuration;

    public void Dispose() => _http.Dispose();

    private Task<Keys> FetchAsync()
    {
        lock (_gate)
        {
            var now = time.GetUtcNow();
            if (_fetch is null || (_fetch.IsCompleted && now >= _fetchedAt + MinRefreshInterval))
            {
                (_fetch, _fetchedAt) = (ReadAsync(), now);
            }

            return _fetch;
        }
    }

    private async Task<Keys> ReadAsync()
    {
        // Outside the lock.
        await Task.Yield();
        try
        {
            using var limit = new CancellationTokenSource(FetchTimeout, time);
            var configuration = await OpenIdConnectConfigurationRetriever.GetAsync(options.Discovery, new Documents(_http, options.Authority.Scheme), limit.Token);
            if (configuration.Issuer != options.Issuer)
            {
                // OpenID Connect Discovery 1.0 §4.3: the issuer must be the one that was asked.
                throw new InvalidDataException("The discovery document belongs to another issuer.");
            }

            return _newest = configuration.SigningKeys.Count > 0
                ? new Keys(configuration, time.GetUtcNow())
                : throw new InvalidDataException("The discovery document names no key.");
        }
        catch (Exception e)
        {
            log.LogError(e, "The keys that tokens are signed with could not be read from {Discovery}", options.Discovery);
            throw new KeysUnavailableException(e);
        }
    }

    // Replaces the library's reader, which continues after a cancellation.
    private sealed class Documents(HttpClient http, string scheme) : IDocumentRetriever
    {
        public Task<string> GetDocumentAsync(string address, CancellationToken cancel) => new Uri(address).Scheme == scheme
            ? http.GetStringAsync(new Uri(address), cancel)
            : throw new InvalidDataException($"The document at {address} must be read by {scheme}.");
    }

    private sealed record Keys(OpenIdConnectConfiguration Configuration, DateTimeOffset FetchedAt);
}
