using System.Collections.Concurrent;
using StsFunctions.Core.Domains;
using StsFunctions.Protocol;
using StsFunctions.Storage.Domains;

namespace StsFunctions.UseCases.Policies;

/// <summary>Storage does not answer, and no copy is recent enough to be served.</summary>
internal sealed class PolicyUnavailableException(DomainName domain, Exception cause)
    : Exception($"The policy of {domain} could not be read from storage, and no copy is recent enough to serve.", cause);

/// <summary>
/// The cache of policies in memory. A copy is refreshed from storage after <see cref="ServingOptions.CacheTime"/>; concurrent requests
/// share one read; while storage is down, the last good copy is served up to <see cref="ServingOptions.MaxStale"/>.
/// Unknown hosts are remembered for the same time in a separate, limited list, so that they evict no hosted domain.
/// </summary>
internal sealed class PolicyCache(PolicyBlobs blobs, ServingOptions options, TimeProvider time, ILogger<PolicyCache> log)
{
    /// <summary>The most unknown hosts that are remembered.</summary>
    public const int MaxUnknownHosts = 10_000;

    // A request with a copy that may be served waits no longer than this for slow storage.
    private static readonly TimeSpan Timeout = TimeSpan.FromMilliseconds(500);

    // While storage is down, a domain is read no more often than this.
    private static readonly TimeSpan MinRefreshInterval = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<DomainName, Copy> _copies = new();
    private readonly ConcurrentDictionary<DomainName, DateTimeOffset> _unknownHosts = new();
    private readonly ConcurrentDictionary<DomainName, Lazy<Task<Copy?>>> _reads = new();

    /// <summary>The policy to serve for a domain, or null for one that is not hosted.</summary>
    /// <exception cref="PolicyUnavailableException">Storage is down and there is no copy to serve.</exception>
    public ValueTask<ServedPolicy?> GetAsync(DomainName domain, CancellationToken cancellationToken)
    {
        var now = time.GetUtcNow();
        if (_copies.TryGetValue(domain, out var copy) && now < copy.RefreshAt)
        {
            return ValueTask.FromResult<ServedPolicy?>(copy.Policy);
        }

        if (copy is null && _unknownHosts.TryGetValue(domain, out var until) && now < until)
        {
            return ValueTask.FromResult<ServedPolicy?>(null);
        }

        return new ValueTask<ServedPolicy?>(RefreshAsync(domain, copy, now, cancellationToken));
    }

    private async Task<ServedPolicy?> RefreshAsync(DomainName domain, Copy? copy, DateTimeOffset now, CancellationToken cancellationToken)
    {
        var mayServe = copy is not null && now < copy.ReadAt + options.MaxStale;
        // All waiting requests share a read, so no single caller can cancel it; the storage client's limits end it.
        // Lazy, because GetOrAdd may call its factory several times at once, and only the stored one may read.
        var read = _reads.GetOrAdd(domain, static (domain, cache) => new Lazy<Task<Copy?>>(() => cache.ReadAsync(domain)), this).Value;
        try
        {
            return (mayServe
                ? await read.WaitAsync(Timeout, time, cancellationToken)
                : await read.WaitAsync(cancellationToken))?.Policy;
        }
        // A storage client that times out also throws a cancellation; only the caller's own token means that the caller is gone.
        catch (Exception e) when (mayServe && !cancellationToken.IsCancellationRequested)
        {
            if (e is not TimeoutException)
            {
                log.LogWarning(e, "Storage did not answer for {Domain}; serving the copy of {ReadAt:u}", domain, copy!.ReadAt);
                _copies.TryUpdate(domain, copy with { RefreshAt = now + MinRefreshInterval }, copy);
            }

            return copy!.Policy;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            throw new PolicyUnavailableException(domain, e);
        }
    }

    private async Task<Copy?> ReadAsync(DomainName domain)
    {
        // Let GetOrAdd store the read before it can end.
        await Task.Yield();
        try
        {
            _copies.TryGetValue(domain, out var copy);
            var read = await blobs.ReadAsync(domain, copy?.Policy, CancellationToken.None);
            var now = time.GetUtcNow();
            switch (read)
            {
                case PolicyRead.Found found:
                    _unknownHosts.TryRemove(domain, out _);
                    return _copies[domain] = new Copy(found.Policy, now, now + options.CacheTime);
                case PolicyRead.NotModified:
                    return _copies[domain] = copy! with { ReadAt = now, RefreshAt = now + options.CacheTime };
                default:
                    _copies.TryRemove(domain, out _);
                    RememberUnknownHost(domain, now);
                    return null;
            }
        }
        finally
        {
            _reads.TryRemove(domain, out _);
        }
    }

    private void RememberUnknownHost(DomainName domain, DateTimeOffset now)
    {
        if (_unknownHosts.Count >= MaxUnknownHosts)
        {
            // Clearing the list costs each host one more read at most; an ordered eviction would cost more.
            _unknownHosts.Clear();
        }

        _unknownHosts[domain] = now + options.CacheTime;
    }

    /// <param name="Policy">The policy to serve.</param>
    /// <param name="ReadAt">When storage last confirmed it.</param>
    /// <param name="RefreshAt">When storage is read again.</param>
    private sealed record Copy(ServedPolicy Policy, DateTimeOffset ReadAt, DateTimeOffset RefreshAt);
}
