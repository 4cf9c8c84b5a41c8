using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage.Reports;

namespace StsFunctions.Storage.Domains;

/// <summary>The reported sessions of one day.</summary>
internal sealed record DailySessions(DateOnly Day, long Sessions, long Failures);

/// <summary>The summary of one domain, for the list of domains.</summary>
internal sealed record DomainSummary(
    string Domain,
    string Group,
    PolicyMode Mode,
    string PolicyId,
    Severity? WorstFinding,
    int OpenFindings,
    DateTimeOffset? NextExpiry,
    DateTimeOffset? LastCheckAt,
    bool Observed,
    int PendingNotifications,
    IReadOnlyList<DailySessions> Days);

/// <summary>A summary as it was read.</summary>
/// <param name="Line">The summary; null if the domain has none.</param>
/// <param name="Version">Its version: a write is conditional on it.</param>
/// <param name="Revision">The revision of the domain that it shows.</param>
internal sealed record DomainSummaryEntry(DomainSummary? Line, ETag Version, long Revision)
{
    /// <summary>No summary.</summary>
    public static DomainSummaryEntry None { get; } = new(null, default, 0);
}

/// <summary>
/// The <c>DomainSummaries</c> table: a projection of the partitions and the reports for lists, in 16 shards. A summary is written over the version
/// that was read. It never goes back to an earlier revision of its domain, and its report counts were read after that version: so of
/// two concurrent writers the one with older data fails and reads again.
/// </summary>
internal sealed class DomainSummaryStore
{
    /// <summary>The number of days that reports are counted for, including today.</summary>
    public const int RetainedDays = 30;

    private readonly TableClient _table;
    private readonly DomainStore _domains;
    private readonly ReportStore _reports;
    private readonly TimeProvider _time;
    private readonly CoalescingRunner _projections = new();

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public DomainSummaryStore(TableServiceClient tables, DomainStore domains, ReportStore reports, TimeProvider time) =>
        (_table, _domains, _reports, _time) = (tables.GetTableClient(StorageNames.DomainSummariesTable), domains, reports, time);

    /// <summary>
    /// Rewrites a domain's summary from the stored state. Concurrent callers in one process share a run, or they would make each other
    /// fail until their messages are in the poison queue.
    /// </summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public Task ProjectAsync(DomainName domain, CancellationToken cancellationToken) => _projections.RunAsync(
        domain.Value,
        () => OptimisticConcurrency.RetryAsync(domain.Value, async () =>
        {
            // The order matters: what is read after the summary is at least as new as the summary.
            var entry = await FindAsync(domain, CancellationToken.None);
            var partition = await _domains.ReadAsync(Keys.Domain(domain), CancellationToken.None);
            await WriteAsync(domain, entry, partition, partition.IsActive ? await ReadDaysAsync(domain, CancellationToken.None) : [], CancellationToken.None);
        }),
        cancellationToken);

    /// <summary>Updates a domain's summary to a state of its partition, from a commit or a read. The report counts stay.</summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public Task ProjectAsync(DomainName domain, DomainPartition partition, CancellationToken cancellationToken) => OptimisticConcurrency.RetryAsync(domain.Value, async () =>
    {
        var entry = await FindAsync(domain, cancellationToken);
        var isNew = partition.Revision == 1;
        if (entry.Revision > partition.Revision || (entry.Line is null && partition.IsActive && !isNew))
        {
            // Another writer has newer data, or has deleted the summary.
            partition = await _domains.ReadAsync(partition.Key, cancellationToken);
        }

        // A domain that was never hosted before has no reports.
        var days = entry.Line?.Days ?? (isNew || !partition.IsActive ? [] : await ReadDaysAsync(domain, cancellationToken));
        await WriteAsync(domain, entry, partition, days, cancellationToken);
    });

    /// <summary>Updates a domain's summary to its reports and, if that was read too, its partition.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="entry">The summary, read before the others.</param>
    /// <param name="partition">The partition; null if the summary already shows it.</param>
    /// <param name="reports">The reports of the counted days.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public async Task ProjectAsync(DomainName domain, DomainSummaryEntry entry, DomainPartition? partition, IEnumerable<Report> reports, CancellationToken cancellationToken)
    {
        var days = RecentDaysOf(reports);
        try
        {
            if (partition is not null && partition.Revision >= entry.Revision)
            {
                await WriteAsync(domain, entry, partition, days, cancellationToken);
                return;
            }

            if (partition is null && entry.Line is { } line)
            {
                await WriteAsync(entry, line with { Days = days }, entry.Revision, cancellationToken);
                return;
            }
        }
        catch (Exception e) when (OptimisticConcurrency.IsConflict(e))
        {
            // Another writer was first.
        }

        await ProjectAsync(domain, cancellationToken);
    }

    /// <summary>Finds a domain's summary.</summary>
    public async Task<DomainSummaryEntry> FindAsync(DomainName domain, CancellationToken cancellationToken)
    {
        var row = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.Shard(domain), domain.Value, cancellationToken: cancellationToken);
        return row.HasValue ? DomainSummaryRow.ToEntry(row.Value!) : DomainSummaryEntry.None;
    }

    /// <summary>Lists the summaries of all hosted domains, shard by shard.</summary>
    public IAsyncEnumerable<DomainSummary> ListAsync(CancellationToken cancellationToken) => ListEntriesAsync(cancellationToken).Select(entry => entry.Line!);

    /// <summary>Lists the same with the versions needed to write them.</summary>
    public async IAsyncEnumerable<DomainSummaryEntry> ListEntriesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var shard in Keys.Shards)
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {shard}");
            await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken))
            {
                yield return DomainSummaryRow.ToEntry(row);
            }
        }
    }

    /// <summary>Lists the summaries after a given domain in pages of <paramref name="rowsPerCall"/> rows per storage call.</summary>
    public async IAsyncEnumerable<DomainSummary> ListAfterAsync(
        DomainName? after, int rowsPerCall, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var first = after is null ? "" : Keys.Shard(after);
        foreach (var shard in Keys.Shards.Where(shard => string.CompareOrdinal(shard, first) >= 0))
        {
            var from = shard == first ? after!.Value : "";
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {shard} and RowKey gt {from}");
            await foreach (var row in _table.QueryAsync<TableEntity>(filter, rowsPerCall, cancellationToken: cancellationToken))
            {
                yield return DomainSummaryRow.ToEntry(row).Line!;
            }
        }
    }

    /// <summary>Sums the counted reports by day.</summary>
    public static IReadOnlyList<DailySessions> DailySessionsOf(IEnumerable<Report> reports) =>
        [.. reports
            .Where(report => report.IsCounted)
            .GroupBy(report => report.Day)
            .OrderBy(day => day.Key)
            .Select(day => new DailySessions(day.Key, SumOfSigners(day, report => report.Sessions), SumOfSigners(day, report => report.Failures)))];

    private DateOnly Today => DateOnly.FromDateTime(_time.GetUtcNow().UtcDateTime);

    private async Task<IReadOnlyList<DailySessions>> ReadDaysAsync(DomainName domain, CancellationToken cancellationToken) =>
        RecentDaysOf(await _reports.ScanFiguresAsync(domain, ReportRange.From(Today.AddDays(1 - RetainedDays)), cancellationToken).Where(report => report.IsCounted).ToListAsync(cancellationToken));

    // Anybody may send a report of any day; a day too far ahead for a wrong clock would only make the row grow.
    private IReadOnlyList<DailySessions> RecentDaysOf(IEnumerable<Report> reports) =>
        DailySessionsOf(reports.Where(report => report.Day > Today.AddDays(-RetainedDays) && report.Day <= Today.AddDays(1)));

    // A signer's figures for a day are limited, however large it reports them.
    private static long SumOfSigners(IEnumerable<Report> reports, Func<Report, long> countOf) => Report.Sum(reports
        .GroupBy(report => report.SignedBy, countOf)
        .Select(signer => Math.Min(Report.Sum(signer), SigningDomain.MaxDailySessions)));

    private async Task WriteAsync(DomainName domain, DomainSummaryEntry entry, DomainPartition partition, IReadOnlyList<DailySessions> days, CancellationToken cancellationToken)
    {
        if (partition is { IsActive: true, Record: { } record })
        {
            // Between two revisions an outbox can only become shorter.
            var pending = entry.Line is { } line && entry.Revision == partition.Revision ? Math.Min(partition.Outbox.Count, line.PendingNotifications) : partition.Outbox.Count;
            Severity? worst = partition.Findings.Count == 0 ? null : partition.Findings.Max(open => open.Finding.Severity);
            await WriteAsync(
                entry,
                new DomainSummary(
                    domain.Value, record.Group, record.Mode, record.PolicyId, worst, partition.Findings.Count, StorableTime.Clamp(record.NextExpiry), record.LastCheckAt, record.Observed, pending, days),
                partition.Revision,
                cancellationToken);
        }
        else if (entry.Line is not null)
        {
            await _table.DeleteEntityAsync(Keys.Shard(domain), domain.Value, entry.Version, cancellationToken);
        }
    }

    private async Task WriteAsync(DomainSummaryEntry entry, DomainSummary line, long revision, CancellationToken cancellationToken)
    {
        var row = DomainSummaryRow.ToEntity(Keys.Shard(DomainName.Parse(line.Domain)), line, revision);
        if (entry.Line is not { } before)
        {
            await _table.AddEntityAsync(row, cancellationToken);
        }
        else if (revision != entry.Revision || before with { Days = line.Days } != line || !before.Days.SequenceEqual(line.Days))
        {
            await _table.UpdateEntityAsync(row, entry.Version, TableUpdateMode.Replace, cancellationToken);
        }
    }
}
