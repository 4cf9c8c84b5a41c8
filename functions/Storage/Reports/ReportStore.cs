using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Text;
using StsFunctions.Protocol;

namespace StsFunctions.Storage.Reports;

/// <summary>
/// The <c>Reports</c> and <c>ReportFailures</c> tables. A report's failures are written first, under a generation id
/// that is derived from their content. The row that names the generation is written last, and readers read only that generation. So
/// nobody reads what an interrupted write left behind, and the same report again finds its row.
/// </summary>
internal sealed class ReportStore
{
    private static readonly string[] Figures =
        ["PartitionKey", "RowKey", "Submitter", "ReportId", "Start", "Sessions", "Failures", "Source", "Authentication", "SignedBy", "ArrivedAt", "BodyHash"];

    private readonly TableClient _reports;
    private readonly TableClient _failures;
    private readonly ReportAuthenticationPolicy _trust;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public ReportStore(TableServiceClient tables, ReportAuthenticationPolicy trust) =>
        (_reports, _failures, _trust) = (tables.GetTableClient(StorageNames.ReportsTable), tables.GetTableClient(StorageNames.ReportFailuresTable), trust);

    /// <summary>
    /// Stores a report once. The same body again changes nothing, unless its sender is now better authenticated; another body of
    /// the same identity gets its own row (RPT-6).
    /// </summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public async Task StoreAsync(Report report, IReadOnlyList<ReportFailure> failures, CancellationToken cancellationToken)
    {
        var whole = await WriteFailuresAsync(report, failures, cancellationToken);
        // Most reports are new, so insert without reading first.
        if (!await TryAddAsync(whole, cancellationToken))
        {
            await OptimisticConcurrency.RetryAsync(report.Domain, () => ImproveAsync(whole, cancellationToken));
        }
    }

    private async Task<bool> TryAddAsync(Report report, CancellationToken cancellationToken)
    {
        try
        {
            await _reports.AddEntityAsync(ReportRow.ToEntity(report), cancellationToken);
            return true;
        }
        catch (RequestFailedException e) when (e.ErrorCode == TableErrorCode.EntityAlreadyExists)
        {
            return false;
        }
    }

    // The same body in another way, or once more: the stored row stays, unless its sender is now better authenticated.
    private async Task ImproveAsync(Report report, CancellationToken cancellationToken)
    {
        var stored = await _reports.GetEntityIfExistsAsync<TableEntity>(report.Domain, report.Key, cancellationToken: cancellationToken);
        if (!stored.HasValue)
        {
            await _reports.AddEntityAsync(ReportRow.ToEntity(report), cancellationToken);
        }
        else if (ReportAuthenticationPolicy.Rank(report) > ReportAuthenticationPolicy.Rank(ReportRow.ToReport(stored.Value!)))
        {
            await _reports.UpdateEntityAsync(ReportRow.ToImprovement(report), stored.Value!.ETag, TableUpdateMode.Merge, cancellationToken);
        }
    }

    /// <summary>
    /// Replaces a stored report by the result of a second reading: writes the new generation, then the row that
    /// names it, and then deletes the old one.
    /// </summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first every time.</exception>
    public async Task ReplaceAsync(Report report, IReadOnlyList<ReportFailure> failures, CancellationToken cancellationToken)
    {
        var whole = await WriteFailuresAsync(report, failures, cancellationToken);
        await OptimisticConcurrency.RetryAsync(report.Domain, () => PutInPlaceAsync(whole, cancellationToken));
    }

    private async Task PutInPlaceAsync(Report report, CancellationToken cancellationToken)
    {
        var earlier = await _reports
            .QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {report.Domain} and BodyHash eq {report.BodyHash}"), cancellationToken: cancellationToken)
            .ToListAsync(cancellationToken);
        if (earlier.Select(ReportRow.ToReport).OrderByDescending(ReportAuthenticationPolicy.Rank).ThenBy(row => row.ArrivedAt).FirstOrDefault() is { } before)
        {
            // The arrival and its authentication were decided then: signature keys rotate (RFC 8460 §3).
            report = ReportAuthenticationPolicy.Rank(report) > ReportAuthenticationPolicy.Rank(before)
                ? report with { ArrivedAt = before.ArrivedAt }
                : report with { Source = before.Source, Authentication = before.Authentication, SignedBy = before.SignedBy, ArrivedAt = before.ArrivedAt, Blob = before.Blob };
        }

        var key = report.Key;
        var same = earlier.Find(row => row.RowKey == key);
        var put = ReportRow.ToEntity(report);
        // The rows that the first reading stored for another sender or day are deleted in the same transaction: both never count at once.
        List<TableTransactionAction> actions =
        [
            same is null ? new(TableTransactionActionType.Add, put) : new(TableTransactionActionType.UpdateReplace, put, same.ETag),
            .. earlier.Where(row => row.RowKey != key).Take(StorageLayout.MaxOperations - 1).Select(row => new TableTransactionAction(TableTransactionActionType.Delete, row, row.ETag)),
        ];
        await _reports.SubmitTransactionAsync(actions, cancellationToken);

        foreach (var row in earlier.Select(row => row.RowKey).Append(key).Distinct())
        {
            await SweepFailuresAsync(report.Domain, row, row == key ? report.Generation : null, cancellationToken);
        }
    }

    /// <summary>Reads a domain's reports from a day on, by day; marked as <see cref="ScanAsync"/> marks them.</summary>
    public async Task<IReadOnlyList<Report>> ReadAsync(DomainName domain, DateOnly from, CancellationToken cancellationToken) =>
        await ScanAsync(domain, ReportRange.From(from), rowsPerCall: null, cancellationToken).ToListAsync(cancellationToken);

    /// <summary>
    /// Streams a domain's reports of a range, by day, with one scan of its partition. Of several bodies of one identity, all but one are
    /// marked superseded, and the counted one is marked so. The sender chooses the names of an identity: reports that different domains signed
    /// are listed next to each other, so that nobody can replace another sender's report by guessing its id.
    /// </summary>
    /// <param name="domain">The domain.</param>
    /// <param name="range">The range.</param>
    /// <param name="rowsPerCall">The rows per storage call; null for as many as storage returns.</param>
    /// <param name="cancellationToken">Ends the work.</param>
    public IAsyncEnumerable<Report> ScanAsync(DomainName domain, ReportRange range, int? rowsPerCall, CancellationToken cancellationToken) =>
        ScanRowsAsync(domain, range, rowsPerCall, select: null, cancellationToken);

    /// <summary>
    /// Reads only the columns that session sums need: no digest, notes, blob, policy type, end or generation. Each new report rebuilds a domain's
    /// summary from all reports of a month.
    /// </summary>
    public IAsyncEnumerable<Report> ScanFiguresAsync(DomainName domain, ReportRange range, CancellationToken cancellationToken) =>
        ScanRowsAsync(domain, range, rowsPerCall: null, Figures, cancellationToken);

    private async IAsyncEnumerable<Report> ScanRowsAsync(
        DomainName domain, ReportRange range, int? rowsPerCall, IEnumerable<string>? select, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {domain.Value} and RowKey ge {range.First} and RowKey lt {range.End}");
        var bodies = new List<Report>();
        var identity = "";
        await foreach (var row in _reports.QueryAsync<TableEntity>(filter, rowsPerCall, select, cancellationToken))
        {
            // Use the identity hash from the key: hashing it again for each row would be most of the work.
            if (identity.Length == 0 || !row.RowKey.StartsWith(identity, StringComparison.Ordinal))
            {
                identity = row.RowKey[..(row.RowKey.LastIndexOf(':') + 1)];
                foreach (var ranked in Ranked(bodies))
                {
                    yield return ranked;
                }

                bodies.Clear();
            }

            bodies.Add(ReportRow.ToReport(row));
        }

        foreach (var ranked in Ranked(bodies))
        {
            yield return ranked;
        }
    }

    // RPT-6: the best authenticated body counts, then the first.
    private IEnumerable<Report> Ranked(List<Report> bodies) => SideBySide([.. bodies
        .OrderByDescending(ReportAuthenticationPolicy.Rank)
        .ThenBy(report => report.ArrivedAt)
        .ThenBy(report => report.BodyHash, StringComparer.Ordinal)])
        .Select(report => report with { IsCounted = !report.Superseded && _trust.Counts(report) });

    /// <summary>Reads the failures of the current generation of a report.</summary>
    public async Task<IReadOnlyList<ReportFailure>> ReadFailuresAsync(Report report, CancellationToken cancellationToken)
    {
        var failures = new List<ReportFailure>();
        await foreach (var row in _failures.QueryAsync<TableEntity>(FailuresOf(report.Domain, $"{report.Key}:{report.Generation}"), cancellationToken: cancellationToken))
        {
            failures.Add(ReportFailureRow.ToFailure(row, report.PolicyType));
        }

        return failures;
    }

    // The best authenticated body first: a less authenticated one, or another of the same signer, does not count.
    private static IEnumerable<Report> SideBySide(List<Report> bodies)
    {
        var signers = new HashSet<string>(StringComparer.Ordinal);
        return bodies.Select(body => body with { Superseded = ReportAuthenticationPolicy.IsLessAuthenticated(body, bodies[0]) || !signers.Add(body.SignedBy) });
    }

    private static string FailuresOf(string domain, string prefix) =>
        TableClient.CreateQueryFilter($"PartitionKey eq {domain} and RowKey ge {prefix + ":"} and RowKey lt {prefix + ";"}");

    private async Task<Report> WriteFailuresAsync(Report report, IReadOnlyList<ReportFailure> failures, CancellationToken cancellationToken)
    {
        var generation = GenerationOf(failures);
        var key = report.Key;
        var number = 0;
        foreach (var chunk in failures.Chunk(StorageLayout.MaxOperations))
        {
            var rows = chunk.Select(failure => new TableTransactionAction(
                TableTransactionActionType.UpsertReplace,
                ReportFailureRow.ToEntity(report.Domain, Keys.ReportFailure(key, generation, number++), failure))).ToList();
            await _failures.SubmitTransactionAsync(rows, cancellationToken);
        }

        return report with { Generation = generation };
    }

    // Derived from the content: if another version of the app completes an interrupted write, the two are never mixed.
    private static string GenerationOf(IEnumerable<ReportFailure> failures)
    {
        var text = new StringBuilder();
        foreach (var failure in failures)
        {
            foreach (var part in (string[])[failure.PolicyType, failure.ResultType, failure.MxHost, failure.Address, failure.Information])
            {
                text.Append(CultureInfo.InvariantCulture, $"{part.Length}:{part}");
            }

            text.Append(CultureInfo.InvariantCulture, $"{failure.Sessions}\n");
        }

        return ContentHash.Of(text.ToString())[..8];
    }

    private async Task SweepFailuresAsync(string domain, string report, string? keep, CancellationToken cancellationToken)
    {
        var rows = await _failures.QueryAsync<TableEntity>(FailuresOf(domain, report), select: ["PartitionKey", "RowKey"], cancellationToken: cancellationToken).ToListAsync(cancellationToken);
        var old = rows.Where(row => keep is null || !row.RowKey.StartsWith($"{report}:{keep}:", StringComparison.Ordinal));
        foreach (var chunk in old.Chunk(StorageLayout.MaxOperations))
        {
            await _failures.SubmitTransactionAsync(chunk.Select(row => new TableTransactionAction(TableTransactionActionType.Delete, row, ETag.All)), cancellationToken);
        }
    }
}
