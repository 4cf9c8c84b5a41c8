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
    private const int MaxAttempts = 5;

    private static readonly string[] s_figures =
        ["PartitionKey", "RowKey", "Submitter", "ReportId", "Start", "Sessions", "Failures", "Source", "Verdict", "SignedBy", "ArrivedAt", "BodyHash"];

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
    public Task StoreAsync(Report report, IReadOnlyList<ReportFailure> failures, CancellationToken cancellation) => TryAsync(report.Domain, async () =>
    {
        var key = report.Key;
        var stored = await _reports.GetEntityIfExistsAsync<TableEntity>(report.Domain, key, cancellationToken: cancellation);
        if (!stored.HasValue)
        {
            var whole = await WriteFailuresAsync(report, failures, cancellation);
            await _reports.AddEntityAsync(ToRow(whole, key), cancellation);
        }
        else if (ReportTrust.Rank(report) > ReportTrust.Rank(ToReport(stored.Value!)))
        {
            var better = new TableEntity(report.Domain, key)
            {
                ["Verdict"] = report.Verdict.ToString(),
                ["SignedBy"] = report.SignedBy,
                ["Source"] = report.Source.ToString(),
                ["Blob"] = report.Blob,
            };
            await _reports.UpdateEntityAsync(better, stored.Value!.ETag, TableUpdateMode.Merge, cancellation);
        }
    });

    /// <summary>
    /// Stores what a second reading of a stored report came to, in the first one's place: the new generation, the row that
    /// names it, and only then the end of what was there before.
    /// </summary>
    /// <exception cref="ConcurrentChangeException">Other writers were first, again and again.</exception>
    public async Task ReplaceAsync(Report report, IReadOnlyList<ReportFailure> failures, CancellationToken cancellation)
    {
        var whole = await WriteFailuresAsync(report, failures, cancellation);
        await TryAsync(report.Domain, () => PutInPlaceAsync(whole, cancellation));
    }

    private async Task PutInPlaceAsync(Report report, CancellationToken cancellation)
    {
        var earlier = await _reports
            .QueryAsync<TableEntity>(TableClient.CreateQueryFilter($"PartitionKey eq {report.Domain} and BodyHash eq {report.BodyHash}"), cancellationToken: cancellation)
            .ToListAsync(cancellation);
        if (earlier.Select(ToReport).OrderByDescending(ReportTrust.Rank).ThenBy(row => row.ArrivedAt).FirstOrDefault() is { } before)
        {
            // When and how well known it arrived was decided then: keys of signatures rotate (RFC 8460 §3).
            report = ReportTrust.Rank(report) > ReportTrust.Rank(before)
                ? report with { ArrivedAt = before.ArrivedAt }
                : report with { Source = before.Source, Verdict = before.Verdict, SignedBy = before.SignedBy, ArrivedAt = before.ArrivedAt, Blob = before.Blob };
        }

        var key = report.Key;
        var same = earlier.Find(row => row.RowKey == key);
        var put = ToRow(report, key);
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
    public IAsyncEnumerable<Report> ScanAsync(DomainName domain, ReportRange range, int? rowsPerCall, CancellationToken cancellation) =>
        ScanRowsAsync(domain, range, rowsPerCall, select: null, cancellation);

    /// <summary>
    /// The same with nothing but what sums of sessions are made of: no digest, notes, blob, policy type, end or generation. A domain's line in the list is made anew
    /// with each report, out of all reports of a month.
    /// </summary>
    public IAsyncEnumerable<Report> ScanFiguresAsync(DomainName domain, ReportRange range, CancellationToken cancellationToken) =>
        ScanRowsAsync(domain, range, rowsPerCall: null, s_figures, cancellationToken);

    private async IAsyncEnumerable<Report> ScanRowsAsync(
        DomainName domain, ReportRange range, int? rowsPerCall, IEnumerable<string>? select, [EnumeratorCancellation] CancellationToken cancellation)
    {
        var filter = TableClient.CreateQueryFilter($"PartitionKey eq {domain.Value} and RowKey ge {range.First} and RowKey lt {range.End}");
        var bodies = new List<Report>();
        var identity = "";
        await foreach (var row in _reports.QueryAsync<TableEntity>(filter, rowsPerCall, select, cancellation))
        {
            // As it stands in the key: hashed again for each row, it is most of the work.
            if (identity.Length == 0 || !row.RowKey.StartsWith(identity, StringComparison.Ordinal))
            {
                identity = row.RowKey[..(row.RowKey.LastIndexOf(':') + 1)];
                foreach (var ranked in Ranked(bodies))
                {
                    yield return ranked;
                }

                bodies.Clear();
            }

            bodies.Add(ToReport(row));
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
            failures.Add(new ReportFailure(
                row.GetString("ResultType"), row.GetString("MxHost"), row.GetString("Address"), row.GetInt64("Sessions")!.Value, row.GetString("Information"))
            {
                PolicyType = row.GetString("PolicyType") ?? report.PolicyType,
            });
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
                new TableEntity(report.Domain, Keys.ReportFailure(key, generation, number++))
                {
                    ["ResultType"] = failure.ResultType,
                    ["MxHost"] = failure.MxHost,
                    ["Address"] = failure.Address,
                    ["Sessions"] = failure.Sessions,
                    ["Information"] = failure.Information,
                    ["PolicyType"] = failure.PolicyType,
                })).ToList();
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

    // The same body by another way at the same time, or ourselves where an answer was lost: a fresh look tells what is left to do.
    private static async Task TryAsync(string domain, Func<Task> write)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await write();
                return;
            }
            catch (RequestFailedException e) when (e.Status is 404 or 409 or 412 && e.ErrorCode != TableErrorCode.TableNotFound)
            {
                if (attempt == MaxAttempts)
                {
                    throw new ConcurrentChangeException(domain, e);
                }
            }
        }
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

    private static TableEntity ToRow(Report report, string key) => new(report.Domain, key)
    {
        ["Submitter"] = report.Submitter,
        ["ReportId"] = report.ReportId,
        ["Start"] = StorableTime.Clamp(report.Start),
        ["End"] = StorableTime.Clamp(report.End),
        ["PolicyType"] = report.PolicyType,
        ["Sessions"] = report.Sessions,
        ["Failures"] = report.Failures,
        ["Source"] = report.Source.ToString(),
        ["Verdict"] = report.Verdict.ToString(),
        ["SignedBy"] = report.SignedBy,
        ["ArrivedAt"] = report.ArrivedAt,
        ["BodyHash"] = report.BodyHash,
        ["Generation"] = report.Generation,
        ["Blob"] = report.Blob,
        ["Digest"] = report.Digest?.ToJson(),
        ["Notes"] = NotesProperty.Write(report.Notes),
    };

    private static Report ToReport(TableEntity row) => new(
        row.PartitionKey,
        row.GetString("Submitter"),
        row.GetString("ReportId"),
        row.GetDateTimeOffset("Start")!.Value,
        row.GetDateTimeOffset("End") ?? default,
        row.GetString("PolicyType") ?? "",
        row.GetInt64("Sessions")!.Value,
        row.GetInt64("Failures")!.Value,
        Enum.Parse<ReportSource>(row.GetString("Source")),
        Enum.Parse<Verdict>(row.GetString("Verdict")),
        row.GetDateTimeOffset("ArrivedAt")!.Value,
        row.GetString("BodyHash"),
        row.GetString("Blob") ?? "")
    {
        Generation = row.GetString("Generation") ?? "",
        Digest = ReportDigest.FromJson(row.GetString("Digest")),
        SignedBy = row.GetString("SignedBy") ?? "",
        Notes = NotesProperty.Read(row.GetString("Notes")),
    };
}
