using Azure.Data.Tables;
using StsFunctions.Protocol;

namespace StsFunctions.Storage.Reports;

/// <summary>The number of posted reports accepted for each policy domain today.</summary>
internal sealed class PostCountStore(TableServiceClient tables, TimeProvider time)
{
    private readonly DailyCounts _counts = new(tables, Keys.PostCounts);

    /// <summary>Adds to a domain's count of today, up to <paramref name="most"/>.</summary>
    public Task<PostCountOutcome> CountAsync(DomainName domain, int more, int most, CancellationToken cancellationToken) =>
        _counts.CountAsync(Keys.PostCount(DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime), domain), more, most, cancellationToken);
}
