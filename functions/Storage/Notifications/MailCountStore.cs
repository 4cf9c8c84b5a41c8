using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;

namespace StsFunctions.Storage.Notifications;

/// <summary>The number of mails sent in the last hour: one row of the operator's partition, so that all instances share it and it survives restarts.</summary>
internal sealed class MailCountStore
{
    private const string Minutes = "Minutes";
    private const string MinuteFormat = "yyyyMMddHHmm";

    private static readonly TimeSpan Period = TimeSpan.FromHours(1);

    private readonly TableClient _table;
    private readonly TimeProvider _time;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public MailCountStore(TableServiceClient tables, TimeProvider time) => (_table, _time) = (tables.GetTableClient(StorageNames.DomainsTable), time);

    /// <summary>Reads how many mails were sent in the last hour.</summary>
    public async Task<int> ReadAsync(CancellationToken cancellationToken)
    {
        var found = await _table.GetEntityIfExistsAsync<TableEntity>(Installation.Partition, Keys.MailCount, cancellationToken: cancellationToken);
        return found.HasValue ? Read(found.Value!.GetString(Minutes), _time.GetUtcNow()).Values.Sum() : 0;
    }

    /// <summary>
    /// Counts mails before they are sent: an interrupted run counts some that were not sent, which is the safe side.
    /// </summary>
    /// <param name="choose">Chooses the number to send, given the number that were sent in the last hour.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public Task CountAsync(Func<int, int> choose, CancellationToken cancellationToken) => OptimisticConcurrency.RetryAsync(Installation.Partition, async () =>
    {
        var now = _time.GetUtcNow();
        var found = await _table.GetEntityIfExistsAsync<TableEntity>(Installation.Partition, Keys.MailCount, cancellationToken: cancellationToken);
        var sent = found.HasValue ? Read(found.Value!.GetString(Minutes), now) : [];
        var more = choose(sent.Values.Sum());
        if (more == 0)
        {
            return;
        }

        var minute = now.UtcDateTime.ToString(MinuteFormat, CultureInfo.InvariantCulture);
        sent[minute] = sent.GetValueOrDefault(minute) + more;
        var row = new TableEntity(Installation.Partition, Keys.MailCount) { [Minutes] = string.Join(' ', sent.Select(one => string.Create(CultureInfo.InvariantCulture, $"{one.Key}:{one.Value}"))) };
        await (found.HasValue
            ? _table.UpdateEntityAsync(row, found.Value!.ETag, TableUpdateMode.Replace, cancellationToken)
            : _table.AddEntityAsync(row, cancellationToken));
    });

    // Drop times that are past, or in the future because of a wrong clock.
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
