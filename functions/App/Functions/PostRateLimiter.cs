using System.Threading.RateLimiting;
using StsFunctions.ReportIntake;

namespace StsFunctions.App.Functions;

/// <summary>
/// Limits the posts that this app instance accepts in total. The platform starts further instances under load, each
/// with its own limit: the number of instances and the counts per domain in storage limit them together.
/// </summary>
internal sealed class PostRateLimiter(ReportIntakeOptions options) : IDisposable
{
    /// <summary>The period of the rate.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMinutes(1);

    private readonly TokenBucketRateLimiter _limiter = new(new TokenBucketRateLimiterOptions
    {
        TokenLimit = options.PostsPerMinute,
        TokensPerPeriod = options.PostsPerMinute,
        ReplenishmentPeriod = Period,
        QueueLimit = 0,
    });

    /// <summary>Whether one more post is accepted now.</summary>
    public bool TryTake()
    {
        using var lease = _limiter.AttemptAcquire();
        return lease.IsAcquired;
    }

    public void Dispose() => _limiter.Dispose();
}
