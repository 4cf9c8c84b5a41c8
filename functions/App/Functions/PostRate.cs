using System.Threading.RateLimiting;
using StsFunctions.Reports;

namespace StsFunctions.Functions;

/// <summary>
/// How many posts this instance of the app takes in all, from anybody. The platform starts further instances under load, each
/// with a rate of its own: what bounds them together is how many instances there may be, and what is counted per domain in storage.
/// </summary>
internal sealed class PostRate(ReportIntakeOptions options) : IDisposable
{
    /// <summary>The rate is of this span.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private readonly TokenBucketRateLimiter _limiter = new(new TokenBucketRateLimiterOptions
    {
        TokenLimit = options.PostsPerMinute,
        TokensPerPeriod = options.PostsPerMinute,
        ReplenishmentPeriod = Period,
        QueueLimit = 0,
    });

    /// <summary>Whether one more may come now.</summary>
    public bool TryTake()
    {
        using var lease = _limiter.AttemptAcquire();
        return lease.IsAcquired;
    }

    public void Dispose() => _limiter.Dispose();
}
