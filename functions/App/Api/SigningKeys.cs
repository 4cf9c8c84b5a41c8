using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using StsFunctions.Options;

namespace StsFunctions.Api;

/// <summary>The issuer's keys could not be read, so that no token can be checked.</summary>
internal sealed class KeysUnavailableException(Exception cause)
    : Exception("The keys that tokens are signed with could not be read.", cause);

/// <summary>
/// The keys that tokens are signed with, out of the issuer's discovery document. Many who ask at once share one look, a
/// look is bounded in time and size, and looks are bounded in number: whatever tokens strangers make up, the issuer is
/// asked no more often than every <see cref="Pause"/>.
/// </summary>
internal sealed class SigningKeys(AuthOptions options, TimeProvider time, ILogger<SigningKeys> log) : IDisposable
{
    /// <summary>Keys this old are looked at again, while they go on being used: a key that was withdrawn goes.</summary>
    public static readonly TimeSpan LookAgainAfter = TimeSpan.FromHours(1);

    /// <summary>While the issuer cannot be reached, the last keys are used up to this age.</summary>
    public static readonly TimeSpan MaxAge = TimeSpan.FromHours(24);

    /// <summary>A look's outcome, good or bad, stands until this long after it began.</summary>
    public static readonly TimeSpan Pause = TimeSpan.FromSeconds(10);

    /// <summary>The longest that a look may take.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    // Entra's documents have some 20 KB.
    private const int MaxBytes = 1 << 20;

    // The limit of a look is the whole of it, both documents together.
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false }) { MaxResponseContentBufferSize = MaxBytes, Timeout = Timeout.InfiniteTimeSpan };
    private readonly Lock _turn = new();
    private Keys? _newest;
    private Task<Keys>? _look;
    private DateTimeOffset _lookedAt;

    /// <summary>The issuer's discovery document and keys.</summary>
    /// <exception cref="KeysUnavailableException">There are none, or none young enough, and the issuer does not give any.</exception>
    public async Task<OpenIdConnectConfiguration> GetAsync(CancellationToken cancellation)
    {
        var newest = _newest;
        var age = newest is null ? TimeSpan.MaxValue : time.GetUtcNow() - newest.SeenAt;
        if (age < LookAgainAfter)
        {
            return newest!.Configuration;
        }

        var look = LookAsync();
        return age < MaxAge ? newest!.Configuration : (await look.WaitAsync(cancellation)).Configuration;
    }

    /// <summary>The same for whoever has a token of a key that is not among the known ones: after a new look, unless the last one was just now.</summary>
    /// <exception cref="KeysUnavailableException">The issuer does not answer.</exception>
    public async Task<OpenIdConnectConfiguration> LookAgainAsync(CancellationToken cancellation) =>
        (await LookAsync().WaitAsync(cancellation)).Configuration;

    public void Dispose() => _http.Dispose();

    private Task<Keys> LookAsync()
    {
        lock (_turn)
        {
            var now = time.GetUtcNow();
            if (_look is null || (_look.IsCompleted && now >= _lookedAt + Pause))
            {
                (_look, _lookedAt) = (ReadAsync(), now);
            }

            return _look;
        }
    }

    private async Task<Keys> ReadAsync()
    {
        // Not under the lock.
        await Task.Yield();
        try
        {
            using var limit = new CancellationTokenSource(Patience, time);
            var configuration = await OpenIdConnectConfigurationRetriever.GetAsync(options.Discovery, new Documents(_http, options.Authority.Scheme), limit.Token);
            if (configuration.Issuer != options.Issuer)
            {
                // OpenID Connect Discovery 1.0 §4.3: the issuer must be the one that was asked.
                throw new InvalidDataException("The discovery document is another issuer's.");
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

    // In place of the library's own, which goes on reading when it is told to end.
    private sealed class Documents(HttpClient http, string scheme) : IDocumentRetriever
    {
        public Task<string> GetDocumentAsync(string address, CancellationToken cancel) => new Uri(address).Scheme == scheme
            ? http.GetStringAsync(new Uri(address), cancel)
            : throw new InvalidDataException($"The document at {address} is not to be read but by {scheme}.");
    }

    private sealed record Keys(OpenIdConnectConfiguration Configuration, DateTimeOffset SeenAt);
}
