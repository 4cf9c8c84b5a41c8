using System.Collections.Concurrent;
using StsFunctions.Domains;
using StsFunctions.Protocol;

namespace StsFunctions.Serving;

/// <summary>Storage could not be asked, and no copy is young enough to be served.</summary>
internal sealed class PolicyUnavailableException(DomainName domain, Exception cause)
    : Exception($"The policy of {domain} could not be read from storage, and no copy is young enough to serve.", cause);

/// <summary>
/// Policies in memory. A copy is looked at again in storage after <see cref="ServingOptions.CacheTime"/>; many who ask
/// at once share one read; while storage is down the last good copy is served up to <see cref="ServingOptions.MaxStale"/>.
/// Names that are not hosted are remembered as long, apart, and only so many, so that strangers push nobody out.
/// </summary>
internal sealed class PolicyCache(PolicyBlobs blobs, ServingOptions options, TimeProvider time, ILogger<PolicyCache> log)
{
    /// <summary>How many strangers are remembered at most.</summary>
    public const int MaxStrangers = 10_000;

    // Whoever has a copy that may be served does not wait for a slow storage longer than this.
    private static readonly TimeSpan Patience = TimeSpan.FromMilliseconds(500);

    // While storage is down, it is asked about a domain no more often than this.
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<DomainName, Copy> _copies = new();
    private readonly ConcurrentDictionary<DomainName, DateTimeOffset> _strangers = new();
    private readonly ConcurrentDictionary<DomainName, Lazy<Task<Copy?>>> _reads = new();

    /// <summary>The policy to serve for a domain, or null for one that is not hosted.</summary>
    /// <exception cref="PolicyUnavailableException">Storage is down and there is no copy to serve.</exception>
    public ValueTask<ServedPolicy?> GetAsync(DomainName domain, CancellationToken cancellation)
    {
        var now = time.GetUtcNow();
        if (_copies.TryGetValue(domain, out var copy) && now < copy.LookAgainAt)
        {
            return ValueTask.FromResult<ServedPolicy?>(copy.Policy);
        }

        if (copy is null && _strangers.TryGetValue(domain, out var until) && now < until)
        {
            return ValueTask.FromResult<ServedPolicy?>(null);
        }

        return new ValueTask<ServedPolicy?>(LookAgainAsync(domain, copy, now, cancellation));
    }

    private async Task<ServedPolicy?> LookAgainAsync(DomainName domain, Copy? copy, DateTimeOffset now, CancellationToken cancellation)
    {
        var mayServe = copy is not null && now < copy.SeenAt + options.MaxStale;
        // A read belongs to all who wait for it: no single caller's hanging up ends it, the storage client's limits do.
        // Lazy, because GetOrAdd may call its factory for several at once, and only the one that is kept may read.
        var read = _reads.GetOrAdd(domain, static (domain, cache) => new Lazy<Task<Copy?>>(() => cache.ReadAsync(domain)), this).Value;
        try
        {
            return (mayServe
                ? await read.WaitAsync(Patience, time, cancellation)
                : await read.WaitAsync(cancellation))?.Policy;
        }
        // A storage client that ran out of time throws a cancellation too: only the caller's own means that nobody waits.
        catch (Exception e) when (mayServe && !cancellation.IsCancellationRequested)
        {
            if (e is not TimeoutException)
            {
                log.LogWarning(e, "Storage did not answer for {Domain}; serving the copy of {SeenAt:u}", domain, copy!.SeenAt);
                _copies.TryUpdate(domain, copy with { LookAgainAt = now + Pause }, copy);
            }

            return copy!.Policy;
        }
        catch (Exception e) when (!cancellation.IsCancellationRequested)
        {
            throw new PolicyUnavailableException(domain, e);
        }
    }

    private async Task<Copy?> ReadAsync(DomainName domain)
    {
        // Let the reading be stored before it can end.
        await Task.Yield();
        try
        {
            _copies.TryGetValue(domain, out var copy);
            var look = await blobs.LookAsync(domain, copy?.Policy, CancellationToken.None);
            var now = time.GetUtcNow();
            switch (look)
            {
                case PolicyLook.Found found:
                    _strangers.TryRemove(domain, out _);
                    return _copies[domain] = new Copy(found.Policy, now, now + options.CacheTime);
                case PolicyLook.Unchanged:
                    return _copies[domain] = copy! with { SeenAt = now, LookAgainAt = now + options.CacheTime };
                default:
                    _copies.TryRemove(domain, out _);
                    RememberStranger(domain, now);
                    return null;
            }
        }
        finally
        {
            _reads.TryRemove(domain, out _);
        }
    }

    private void RememberStranger(DomainName domain, DateTimeOffset now)
    {
        if (_strangers.Count >= MaxStrangers)
        {
            // Forgetting them all costs each one read at most; keeping order would cost more.
            _strangers.Clear();
        }

        _strangers[domain] = now + options.CacheTime;
    }

    /// <param name="Policy">What is served.</param>
    /// <param name="SeenAt">When storage last said so.</param>
    /// <param name="LookAgainAt">When storage is asked again.</param>
    private sealed record Copy(ServedPolicy Policy, DateTimeOffset SeenAt, DateTimeOffset LookAgainAt);
}
