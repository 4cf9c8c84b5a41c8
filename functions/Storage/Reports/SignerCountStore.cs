using Azure.Data.Tables;
using StsFunctions.Core.Reports;

namespace StsFunctions.Storage.Reports;

/// <summary>The number of reports by mail and as files accepted from each sender today.</summary>
internal sealed class SignerCountStore(TableServiceClient tables, TimeProvider time)
{
    private readonly DailyCounts _counts = new(tables, Keys.SignerCounts);

    /// <summary>The current day of the count, in UTC.</summary>
    public DateOnly Today => DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);

    /// <summary>Adds to a sender's count of today, up to <paramref name="most"/>.</summary>
    public Task<PostCountOutcome> CountAsync(ReportSender sender, int more, int most, CancellationToken cancellationToken) =>
        _counts.CountAsync(Keys.SignerCount(Today, sender), more, most, cancellationToken);
}
