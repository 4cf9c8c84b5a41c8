using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>How many reports that came by mail or as files were taken of each sender today.</summary>
internal sealed class SignerCountStore(TableServiceClient tables, TimeProvider time)
{
    private readonly DailyCounts _counts = new(tables, Keys.SignerCounts);

    /// <summary>The day that is counted now, in UTC.</summary>
    public DateOnly Today => DateOnly.FromDateTime(time.GetUtcNow().UtcDateTime);

    /// <summary>Counts so many more for a sender today, up to <paramref name="most"/>.</summary>
    public Task<PostCountOutcome> CountAsync(ReportSender sender, int more, int most, CancellationToken cancellationToken) =>
        _counts.CountAsync(Keys.SignerCount(Today, sender), more, most, cancellationToken);
}

/// <summary>Whose reports are counted together.</summary>
/// <param name="Domain">The domain that signed them; where none did, the policy domain that they are on.</param>
/// <param name="IsSigner">Which of the two it is.</param>
internal sealed record ReportSender(string Domain, bool IsSigner);
