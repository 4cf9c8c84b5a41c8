using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using Azure;
using Azure.Data.Tables;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;

namespace StsFunctions.Domains;

/// <summary>Sessions that senders reported of one day.</summary>
internal sealed record DailySessions(DateOnly Day, long Sessions, long Failures);

/// <summary>One line of the list of domains.</summary>
internal sealed record FleetRow(
    string Domain,
    string Group,
    PolicyMode Mode,
    string PolicyId,
    Severity? WorstFinding,
    int OpenFindings,
    DateTimeOffset? NextExpiry,
    DateTimeOffset? LastCheckAt,
    bool Observed,
    int WarningsPending,
    IReadOnlyList<DailySessions> Days);

/// <summary>The <c>Fleet</c> table: a projection of the partitions for lists, in 16 shards, always rewritten whole from what it projects.</summary>
internal sealed class FleetStore
{
    private const int DaysKept = 30;
    private const int MaxAttempts = 5;

    private readonly TableClient _table;
    private readonly DomainStore _domains;
    private readonly ReportStore _reports;
    private readonly TimeProvider _time;
    private readonly SharedRuns _projections = new();

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public FleetStore(TableServiceClient tables, DomainStore domains, ReportStore reports, TimeProvider time) =>
        (_table, _domains, _reports, _time) = (tables.GetTableClient(StorageLayout.FleetTable), domains, reports, time);

    /// <summary>
    /// Rewrites a domain's row. The old row's version is read before the partition is, so of two at once the one that
    /// read the older partition loses and reads again. A hundred reports on one domain arrive at once: those who ask in one
    /// process share a run, or they would make each other lose until their messages are on the poison queue.
    /// </summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first, again and again.</exception>
    public Task ProjectAsync(DomainName domain, CancellationToken cancellation) =>
        _projections.RunAsync(domain.Value, () => RewriteAsync(domain, CancellationToken.None), cancellation);

    private async Task RewriteAsync(DomainName domain, CancellationToken cancellation)
    {
        for (var attempt = 1; ; attempt++)
        {
            var shard = Keys.Shard(domain);
            var old = await _table.GetEntityIfExistsAsync<TableEntity>(shard, domain.Value, ["RowKey"], cancellation);
            var partition = await _domains.ReadAsync(Keys.Domain(domain), cancellation);
            try
            {
                if (!partition.IsActive)
                {
                    if (old.HasValue)
                    {
                        await _table.DeleteEntityAsync(shard, domain.Value, old.Value!.ETag, cancellation);
                    }

                    return;
                }

                var days = await DaysAsync(domain, cancellation);
                var row = ToRow(shard, domain, partition, days);
                await (old.HasValue
                    ? _table.UpdateEntityAsync(row, old.Value!.ETag, TableUpdateMode.Replace, cancellation)
                    : _table.AddEntityAsync(row, cancellation));
                return;
            }
            catch (RequestFailedException e) when (e.Status is 404 or 409 or 412)
            {
                if (attempt == MaxAttempts)
                {
                    throw new ConcurrentChangeException(domain.Value, e);
                }
            }
        }
    }

    /// <summary>Every domain that is hosted, shard by shard.</summary>
    public async IAsyncEnumerable<FleetRow> ListAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        foreach (var shard in Keys.Shards)
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {shard}");
            await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellation))
            {
                yield return ToFleetRow(row);
            }
        }
    }

    /// <summary>The same in parts: what comes after a given domain, <paramref name="rowsPerCall"/> with a call of storage.</summary>
    public async IAsyncEnumerable<FleetRow> ListAfterAsync(
        DomainName? after, int rowsPerCall, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        var first = after is null ? "" : Keys.Shard(after);
        foreach (var shard in Keys.Shards.Where(shard => string.CompareOrdinal(shard, first) >= 0))
        {
            var from = shard == first ? after!.Value : "";
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {shard} and RowKey gt {from}");
            await foreach (var row in _table.QueryAsync<TableEntity>(filter, rowsPerCall, cancellationToken: cancellation))
            {
                yield return ToFleetRow(row);
            }
        }
    }

    private async Task<IReadOnlyList<DailySessions>> DaysAsync(DomainName domain, CancellationToken cancellation)
    {
        var today = DateOnly.FromDateTime(_time.GetUtcNow().UtcDateTime);
        // Anybody may send a report of any day; what is further ahead than a clock may be wrong would make the row grow.
        var reports = await _reports.ScanFiguresAsync(domain, ReportRange.From(today.AddDays(1 - DaysKept)), cancellation)
            .Where(report => report.Counts && report.Day <= today.AddDays(1))
            .ToListAsync(cancellation);
        return DailySessionsOf(reports);
    }

    /// <summary>Sums what counts, day by day.</summary>
    public static IReadOnlyList<DailySessions> DailySessionsOf(IEnumerable<Report> reports) =>
        [.. reports
            .Where(report => report.Counts)
            .GroupBy(report => report.Day)
            .OrderBy(day => day.Key)
            .Select(day => new DailySessions(day.Key, SumOfSigners(day, report => report.Sessions), SumOfSigners(day, report => report.Failures)))];

    // One signer's figures of a day are bounded, however large it says they are.
    private static long SumOfSigners(IEnumerable<Report> reports, Func<Report, long> countOf) => Report.Sum(reports
        .GroupBy(report => report.SignedBy, countOf)
        .Select(signer => Math.Min(Report.Sum(signer), SigningDomain.MaxDailySessions)));

    private static TableEntity ToRow(string shard, DomainName domain, DomainPartition partition, IReadOnlyList<DailySessions> days)
    {
        var record = partition.Record!;
        return new TableEntity(shard, domain.Value)
        {
            ["Group"] = record.Group,
            ["State"] = record.State.ToString(),
            ["Mode"] = record.Mode.ToString(),
            ["PolicyId"] = record.PolicyId,
            ["WorstFinding"] = partition.Findings.Count == 0 ? null : partition.Findings.Max(f => f.Finding.Severity).ToString(),
            ["OpenFindings"] = partition.Findings.Count,
            ["NextExpiry"] = StorableTime.Clamp(record.NextExpiry),
            ["LastCheckAt"] = record.LastCheckAt,
            ["Observed"] = record.Observed,
            ["WarningsPending"] = partition.Outbox.Count,
            ["Days"] = string.Join(' ', days.Select(d => string.Create(CultureInfo.InvariantCulture, $"{d.Day:yyyyMMdd}:{d.Sessions}/{d.Failures}"))),
        };
    }

    private static FleetRow ToFleetRow(TableEntity row) => new(
        row.RowKey,
        row.GetString("Group"),
        Enum.Parse<PolicyMode>(row.GetString("Mode")),
        row.GetString("PolicyId"),
        row.GetString("WorstFinding") is { } worst ? Enum.Parse<Severity>(worst) : null,
        row.GetInt32("OpenFindings")!.Value,
        row.GetDateTimeOffset("NextExpiry"),
        row.GetDateTimeOffset("LastCheckAt"),
        row.GetBoolean("Observed")!.Value,
        row.GetInt32("WarningsPending")!.Value,
        [.. (row.GetString("Days") ?? "").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(ToDay)]);

    private static DailySessions ToDay(string text)
    {
        var parts = text.Split(':', '/');
        return new DailySessions(
            DateOnly.ParseExact(parts[0], "yyyyMMdd", CultureInfo.InvariantCulture),
            long.Parse(parts[1], CultureInfo.InvariantCulture),
            long.Parse(parts[2], CultureInfo.InvariantCulture));
    }
}
