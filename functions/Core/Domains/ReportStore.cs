using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using System.Text;
using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using StsFunctions.Protocol;

namespace StsFunctions.Domains;

/// <summary>
/// The <c>Reports</c> and <c>ReportFailures</c> tables. A report's failures are written first, under a generation that is
/// made of what they say; the row that names the generation is written last, and readers see that generation alone. So
/// whatever a kill leaves behind is seen by nobody, and the same report again finds its row.
/// </summary>
internal sealed class ReportStore
{
    private readonly TableClient _reports;
    private readonly TableClient _failures;
    private readonly ReportTrust _trust;

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicConstructors, typeof(TableEntity))]
    public ReportStore(TableServiceClient tables, ReportTrust trust) =>
        (_reports, _failures, _trust) = (tables.GetTableClient(StorageLayout.ReportsTable), tables.GetTableClient(StorageLayout.ReportFailuresTable), trust);

    /// <summary>
    /// Stores a report once. The same body again changes nothing, unless its sender is better known now; another body of
    /// the same identity gets a row beside it (RPT-6).
    /// </summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first, again and again.</exception>
    public async Task StoreAsync(Report report, IReadOnlyList<ReportFailure> failures, CancellationToken cancellation)
    {
        var whole = await WriteFailuresAsync(report, failures, cancellation);
        // Most are new, and are not looked for first.
        if (!await TryAddAsync(whole, cancellation))
        {
            await OptimisticConcurrency.RetryAsync(report.Domain, () => ImproveAsync(whole, cancellation));
        }
    }

    private async Task<bool> TryAddAsync(Report report, CancellationToken cancellation)
    {
        try
        {
            await _reports.AddEntityAsync(ReportRow.ToEntity(report), cancellation);
            return true;
        }
        catch (RequestFailedException e) when (e.ErrorCode == TableErrorCode.EntityAlreadyExists)
        {
            return false;
        }
    }

    // The same body by another way, or once more: what is stored of it stays, unless its sender is better known now.
    private async Task ImproveAsync(Report report, CancellationToken cancellation)
    {
        var stored = await _reports.GetEntityIfExistsAsync<TableEntity>(report.Domain, report.Key, cancellationToken: cancellation);
        if (!stored.HasValue)
        {
            await _reports.AddEntityAsync(ReportRow.ToEntity(report), cancellation);
        }
        else if (ReportTrust.Rank(report) > ReportTrust.Rank(ReportRow.ToReport(stored.Value!)))
        {
            await _reports.UpdateEntityAsync(ReportRow.ToImprovement(report), stored.Value!.ETag, TableUpdateMode.Merge, cancellation);
        }
    }

    /// <summary>
    /// Stores what a second reading of a stored report came to, in the first one's place: the new generation, the row that
    /// names it, and only then the end of what was there before.
    /// </summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first, again and again.</exception>
    public async Task ReplaceAsync(Report report, IReadOnlyList<ReportFailure> failures, CancellationToken cancellation)
    {
        var whole = await WriteFailuresAsync(report, failures, cancellation);
        await OptimisticConcurrency.RetryAsync(report.Domain, () => PutInPlaceAsync(whole, cancellation));
    }

    private async Task PutInPlaceAsync(Report report, CancellationToken cancellation)
    {
        var earlier = await _reports
            .QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {report.Domain} and BodyHash eq {report.BodyHash}"), cancellationToken: cancellation)
            .ToListAsync(cancellation);
        if (earlier.Select(ReportRow.ToReport).OrderByDescending(ReportTrust.Rank).ThenBy(row => row.ArrivedAt).FirstOrDefault() is { } before)
        {
            // When and how well known it arrived was decided then: keys of signatures rotate (RFC 8460 §3).
            report = ReportTrust.Rank(report) > ReportTrust.Rank(before)
                ? report with { ArrivedAt = before.ArrivedAt }
                : report with { Source = before.Source, Verdict = before.Verdict, SignedBy = before.SignedBy, ArrivedAt = before.ArrivedAt, Blob = before.Blob };
        }

        var key = report.Key;
        var same = earlier.Find(row => row.RowKey == key);
        var put = ReportRow.ToEntity(report);
        // What the first reading took for another sender's, or another day's, goes in the same transaction: at no time do both count.
        List<TableTransactionAction> actions =
        [
            same is null ? new(TableTransactionActionType.Add, put) : new(TableTransactionActionType.UpdateReplace, put, same.ETag),
            .. earlier.Where(row => row.RowKey != key).Take(DomainStore.MaxOperations - 1).Select(row => new TableTransactionAction(TableTransactionActionType.Delete, row, row.ETag)),
        ];
        await _reports.SubmitTransactionAsync(actions, cancellation);

        foreach (var row in earlier.Select(row => row.RowKey).Append(key).Distinct())
        {
            await SweepFailuresAsync(report.Domain, row, row == key ? report.Generation : null, cancellation);
        }
    }

    /// <summary>A domain's reports from a day on, by day; as <see cref="ScanAsync"/> marks them.</summary>
    public async Task<IReadOnlyList<Report>> ReadAsync(DomainName domain, DateOnly from, CancellationToken cancellation) =>
        await ScanAsync(domain, ReportRange.From(from), rowsPerCall: null, cancellation).ToListAsync(cancellation);

    /// <summary>
    /// A domain's reports of a range, by day, with one scan of its partition and as they come; of several bodies of one identity all but one are
    /// marked superseded, and what counts is marked so. An identity's names are the sender's to choose: what other domains signed for
    /// themselves stands beside each other, so that nobody pushes out another's report by guessing its id.
    /// </summary>
    /// <param name="domain">The domain.</param>
    /// <param name="range">Which of its reports.</param>
    /// <param name="rowsPerCall">How many rows one call of storage brings; null for as many as it gives.</param>
    /// <param name="cancellation">Ends the work.</param>
    public async IAsyncEnumerable<Report> ScanAsync(
        DomainName domain, ReportRange range, int? rowsPerCall, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {domain.Value} and RowKey ge {range.First} and RowKey lt {range.End}");
        var bodies = new List<Report>();
        await foreach (var row in _reports.QueryAsync<TableEntity>(filter, rowsPerCall, cancellationToken: cancellation))
        {
            var report = ReportRow.ToReport(row);
            if (bodies is [var first, ..] && first.Identity != report.Identity)
            {
                foreach (var ranked in Ranked(bodies))
                {
                    yield return ranked;
                }

                bodies.Clear();
            }

            bodies.Add(report);
        }

        foreach (var ranked in Ranked(bodies))
        {
            yield return ranked;
        }
    }

    // RPT-6: the best authenticated counts, then the first.
    private IEnumerable<Report> Ranked(List<Report> bodies) => SideBySide([.. bodies
        .OrderByDescending(ReportTrust.Rank)
        .ThenBy(report => report.ArrivedAt)
        .ThenBy(report => report.BodyHash, StringComparer.Ordinal)])
        .Select(report => report with { Counts = !report.Superseded && _trust.Counts(report) });

    /// <summary>The failures of a report's one generation that counts.</summary>
    public async Task<IReadOnlyList<ReportFailure>> ReadFailuresAsync(Report report, CancellationToken cancellation)
    {
        var failures = new List<ReportFailure>();
        await foreach (var row in _failures.QueryAsync<TableEntity>(FailuresOf(report.Domain, $"{report.Key}:{report.Generation}"), cancellationToken: cancellation))
        {
            failures.Add(ReportFailureRow.ToFailure(row, report.PolicyType));
        }

        return failures;
    }

    // The best known body first: what is less well known, or of the same signer again, counts no more.
    private static IEnumerable<Report> SideBySide(List<Report> bodies)
    {
        var signers = new HashSet<string>(StringComparer.Ordinal);
        return bodies.Select(body => body with { Superseded = ReportTrust.IsLessKnown(body, bodies[0]) || !signers.Add(body.SignedBy) });
    }

    private static string FailuresOf(string domain, string prefix) =>
        TableClient.CreateQueryFilter($"PartitionKey eq {domain} and RowKey ge {prefix + ":"} and RowKey lt {prefix + ";"}");

    private async Task<Report> WriteFailuresAsync(Report report, IReadOnlyList<ReportFailure> failures, CancellationToken cancellation)
    {
        var generation = GenerationOf(failures);
        var key = report.Key;
        var number = 0;
        foreach (var chunk in failures.Chunk(DomainStore.MaxOperations))
        {
            var rows = chunk.Select(failure => new TableTransactionAction(
                TableTransactionActionType.UpsertReplace,
                ReportFailureRow.ToEntity(report.Domain, Keys.ReportFailure(key, generation, number++), failure))).ToList();
            await _failures.SubmitTransactionAsync(rows, cancellation);
        }

        return report with { Generation = generation };
    }

    // Made of what it holds: cut off and written again by another version of the app, it never mixes the two.
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

        return Keys.Hash(text.ToString())[..8];
    }

    private async Task SweepFailuresAsync(string domain, string report, string? keep, CancellationToken cancellation)
    {
        var rows = await _failures.QueryAsync<TableEntity>(FailuresOf(domain, report), select: ["PartitionKey", "RowKey"], cancellationToken: cancellation).ToListAsync(cancellation);
        var old = rows.Where(row => keep is null || !row.RowKey.StartsWith($"{report}:{keep}:", StringComparison.Ordinal));
        foreach (var chunk in old.Chunk(DomainStore.MaxOperations))
        {
            await _failures.SubmitTransactionAsync(chunk.Select(row => new TableTransactionAction(TableTransactionActionType.Delete, row, ETag.All)), cancellation);
        }
    }
}
