using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Azure.Data.Tables;

namespace StsFunctions.Domains;

/// <summary>How many mails were sent in the last hour: one row of the operator's partition, so that the number is one for all instances and outlives each of them.</summary>
internal sealed class MailCountStore
{
    private const string Minutes = "Minutes";
    private const string MinuteFormat = "yyyyMMddHHmm";

    private static readonly TimeSpan Period = TimeSpan.FromHours(1);

    private readonly TableClient _table;
    private readonly TimeProvider _time;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public MailCountStore(TableServiceClient tables, TimeProvider time) => (_table, _time) = (tables.GetTableClient(StorageLayout.DomainsTable), time);

    /// <summary>How many were sent in the last hour.</summary>
    public async Task<int> ReadAsync(CancellationToken cancellation)
    {
        var found = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.Operator, Keys.MailCount, cancellationToken: cancellation);
        return found.HasValue ? Read(found.Value!.GetString(Minutes), _time.GetUtcNow()).Values.Sum() : 0;
    }

    /// <summary>
    /// Counts mails that are about to be sent: a kill counts some that were not, which is the careful side.
    /// </summary>
    /// <param name="choose">How many, by the number that were sent in the last hour.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="ConcurrentChangeException">Others were first, again and again.</exception>
    public Task CountAsync(Func<int, int> choose, CancellationToken cancellation) => OptimisticConcurrency.RetryAsync(Keys.Operator, async () =>
    {
        var now = _time.GetUtcNow();
        var found = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.Operator, Keys.MailCount, cancellationToken: cancellation);
        var sent = found.HasValue ? Read(found.Value!.GetString(Minutes), now) : [];
        var more = choose(sent.Values.Sum());
        if (more == 0)
        {
            return;
        }

        var minute = now.UtcDateTime.ToString(MinuteFormat, CultureInfo.InvariantCulture);
        sent[minute] = sent.GetValueOrDefault(minute) + more;
        var row = new TableEntity(Keys.Operator, Keys.MailCount) { [Minutes] = string.Join(' ', sent.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Key}:{one.Value}"))) };
        await (found.HasValue
            ? _table.UpdateEntityAsync(row, found.Value!.ETag, TableUpdateMode.Replace, cancellation)
            : _table.AddEntityAsync(row, cancellation));
    });

    // What is past, or of a clock that went wrong, is forgotten.
    private static SortedDictionary<string, int> Read(string? text, DateTimeOffset now)
    {
        var sent = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var minute in (text ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(one => one.Split(':')))
        {
            if (minute is [var at, var count]
                && DateTimeOffset.TryParseExact(at, MinuteFormat, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) && time > now - Period && time <= now
                && int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var number))
            {
                sent[at] = number;
            }
        }

        return sent;
    }
}
