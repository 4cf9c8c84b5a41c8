using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
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

/// <summary>A line as it was read.</summary>
/// <param name="Line">The line; null where the domain has none.</param>
/// <param name="Version">Its version: whoever writes it writes over this one.</param>
/// <param name="Revision">The revision of the domain that it shows.</param>
internal sealed record FleetEntry(FleetRow? Line, ETag Version, long Revision)
{
    /// <summary>No line.</summary>
    public static FleetEntry None { get; } = new(null, default, 0);
}

/// <summary>
/// The <c>Fleet</c> table: a projection for lists, in 16 shards, of what the partitions and the reports say. A line is written over the version
/// that was read. It never goes back to an earlier revision of its domain, and what it counts of reports was read after that version was: so of
/// two writers at once the one that knows less loses, and reads again.
/// </summary>
internal sealed class FleetStore
{
    /// <summary>From how many days ago on reports are counted, today included.</summary>
    public const int DaysKept = 30;

    private readonly TableClient _table;
    private readonly DomainStore _domains;
    private readonly ReportStore _reports;
    private readonly TimeProvider _time;
    private readonly SharedRuns _projections = new();

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public FleetStore(TableServiceClient tables, DomainStore domains, ReportStore reports, TimeProvider time) =>
        (_table, _domains, _reports, _time) = (tables.GetTableClient(StorageLayout.FleetTable), domains, reports, time);

    /// <summary>
    /// Rewrites a domain's line from all that is stored. Those who ask for it at once in one process share a run, or they would make each other
    /// lose until their messages are on the poison queue.
    /// </summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first, again and again.</exception>
    public Task ProjectAsync(DomainName domain, CancellationToken cancellationToken) => _projections.RunAsync(
        domain.Value,
        () => OptimisticConcurrency.RetryAsync(domain.Value, async () =>
        {
            // In this order: what is read after the line is not older than what the line shows.
            var entry = await FindAsync(domain, CancellationToken.None);
            var partition = await _domains.ReadAsync(Keys.Domain(domain), CancellationToken.None);
            await WriteAsync(domain, entry, partition, partition.IsActive ? await ReadDaysAsync(domain, CancellationToken.None) : [], CancellationToken.None);
        }),
        cancellationToken);

    /// <summary>Brings a domain's line up to a state of its partition, as a commit or a read brought it. What the line counts of reports stays.</summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first, again and again.</exception>
    public Task ProjectAsync(DomainName domain, DomainPartition partition, CancellationToken cancellationToken) => OptimisticConcurrency.RetryAsync(domain.Value, async () =>
    {
        var entry = await FindAsync(domain, cancellationToken);
        var isNew = partition.Revision == 1;
        if (entry.Revision > partition.Revision || (entry.Line is null && partition.IsActive && !isNew))
        {
            // Another writer knows more, or has taken the line out.
            partition = await _domains.ReadAsync(partition.Key, cancellationToken);
        }

        // A domain that was never hosted before has no reports.
        var days = entry.Line?.Days ?? (isNew || !partition.IsActive ? [] : await ReadDaysAsync(domain, cancellationToken));
        await WriteAsync(domain, entry, partition, days, cancellationToken);
    });

    /// <summary>Brings a domain's line up to its reports and, where that was read too, its partition.</summary>
    /// <param name="domain">The domain.</param>
    /// <param name="entry">The line as it was read before the others were.</param>
    /// <param name="partition">The partition; null for what the line shows already.</param>
    /// <param name="reports">The reports of the days that are kept.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    /// <exception cref="ConcurrentChangeException">Other writers were first, again and again.</exception>
    public async Task ProjectAsync(DomainName domain, FleetEntry entry, DomainPartition? partition, IEnumerable<Report> reports, CancellationToken cancellationToken)
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

    /// <summary>A domain's line.</summary>
    public async Task<FleetEntry> FindAsync(DomainName domain, CancellationToken cancellationToken)
    {
        var row = await _table.GetEntityIfExistsAsync<TableEntity>(Keys.Shard(domain), domain.Value, cancellationToken: cancellationToken);
        return row.HasValue ? FleetEntryRow.ToEntry(row.Value!) : FleetEntry.None;
    }

    /// <summary>Every domain that is hosted, shard by shard.</summary>
    public IAsyncEnumerable<FleetRow> ListAsync(CancellationToken cancellationToken) => ListEntriesAsync(cancellationToken).Select(entry => entry.Line!);

    /// <summary>The same, each with what it takes to write it.</summary>
    public async IAsyncEnumerable<FleetEntry> ListEntriesAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (var shard in Keys.Shards)
        {
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {shard}");
            await foreach (var row in _table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken))
            {
                yield return FleetEntryRow.ToEntry(row);
            }
        }
    }

    /// <summary>The lines of the list in parts: what comes after a given domain, <paramref name="rowsPerCall"/> with a call of storage.</summary>
    public async IAsyncEnumerable<FleetRow> ListAfterAsync(
        DomainName? after, int rowsPerCall, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var first = after is null ? "" : Keys.Shard(after);
        foreach (var shard in Keys.Shards.Where(shard => string.CompareOrdinal(shard, first) >= 0))
        {
            var from = shard == first ? after!.Value : "";
            var filter = TableClient.CreateQueryFilter($"PartitionKey eq {shard} and RowKey gt {from}");
            await foreach (var row in _table.QueryAsync<TableEntity>(filter, rowsPerCall, cancellationToken: cancellationToken))
            {
                yield return FleetEntryRow.ToEntry(row).Line!;
            }
        }
    }

    /// <summary>Sums what counts, day by day.</summary>
    public static IReadOnlyList<DailySessions> DailySessionsOf(IEnumerable<Report> reports) =>
        [.. reports
            .Where(report => report.Counts)
            .GroupBy(report => report.Day)
            .OrderBy(day => day.Key)
            .Select(day => new DailySessions(day.Key, SumOfSigners(day, report => report.Sessions), SumOfSigners(day, report => report.Failures)))];

    private DateOnly Today => DateOnly.FromDateTime(_time.GetUtcNow().UtcDateTime);

    private async Task<IReadOnlyList<DailySessions>> ReadDaysAsync(DomainName domain, CancellationToken cancellationToken) =>
        RecentDaysOf(await _reports.ReadAsync(domain, Today.AddDays(1 - DaysKept), cancellationToken));

    // Anybody may send a report of any day; what is further ahead than a clock may be wrong would make the row grow.
    private IReadOnlyList<DailySessions> RecentDaysOf(IEnumerable<Report> reports) =>
        DailySessionsOf(reports.Where(report => report.Day > Today.AddDays(-DaysKept) && report.Day <= Today.AddDays(1)));

    // One signer's figures of a day are bounded, however large it says they are.
    private static long SumOfSigners(IEnumerable<Report> reports, Func<Report, long> countOf) => Report.Sum(reports
        .GroupBy(report => report.SignedBy, countOf)
        .Select(signer => Math.Min(Report.Sum(signer), SigningDomain.MaxDailySessions)));

    private async Task WriteAsync(DomainName domain, FleetEntry entry, DomainPartition partition, IReadOnlyList<DailySessions> days, CancellationToken cancellationToken)
    {
        if (partition is { IsActive: true, Record: { } record })
        {
            // Between two revisions an outbox only becomes shorter.
            var pending = entry.Line is { } line && entry.Revision == partition.Revision ? Math.Min(partition.Outbox.Count, line.WarningsPending) : partition.Outbox.Count;
            Severity? worst = partition.Findings.Count == 0 ? null : partition.Findings.Max(open => open.Finding.Severity);
            await WriteAsync(
                entry,
                new FleetRow(
                    domain.Value, record.Group, record.Mode, record.PolicyId, worst, partition.Findings.Count, StorableTime.Clamp(record.NextExpiry), record.LastCheckAt, record.Observed, pending, days),
                partition.Revision,
                cancellationToken);
        }
        else if (entry.Line is not null)
        {
            await _table.DeleteEntityAsync(Keys.Shard(domain), domain.Value, entry.Version, cancellationToken);
        }
    }

    private async Task WriteAsync(FleetEntry entry, FleetRow line, long revision, CancellationToken cancellationToken)
    {
        var row = FleetEntryRow.ToEntity(Keys.Shard(DomainName.Parse(line.Domain)), line, revision);
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
