using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using Xunit;

namespace StsFunctions.Tests.Storage;

/// <summary>The invariants of a whole account, whatever happened to its writers, once a check run has covered every domain.</summary>
internal sealed class StoreInvariants(TestStorage storage)
{
    private readonly List<string> _broken = [];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Checks them for everything that is stored, and for the ids of the sent notifications.</summary>
    public static async Task AssertAsync(TestStorage storage, IReadOnlyCollection<string>? notified = null)
    {
        var invariants = new StoreInvariants(storage);
        await invariants.CheckAsync(notified);
        Assert.True(invariants._broken.Count == 0, string.Join('\n', invariants._broken));
    }

    private async Task CheckAsync(IReadOnlyCollection<string>? notified)
    {
        var rows = await storage.Tables.GetTableClient(StorageNames.DomainsTable).QueryAsync<TableEntity>(cancellationToken: Cancellation).ToListAsync(Cancellation);
        var notifications = new List<string>();
        var pending = new List<string>();
        foreach (var partition in rows.GroupBy(row => row.PartitionKey))
        {
            var audit = Rows(partition, Keys.AuditPrefix).Select(row => row.GetString("What")).ToList();
            var changes = audit.Where(what => what.StartsWith(Keys.OutboxPrefix, StringComparison.Ordinal)).ToList();
            var outbox = Rows(partition, Keys.OutboxPrefix).Select(row => row.RowKey).ToList();
            notifications.AddRange(changes.Select(id => IdOf(partition.Key, id)));
            pending.AddRange(outbox.Select(id => IdOf(partition.Key, id)));
            Check(changes.Distinct().Count() == changes.Count, $"{partition.Key}: a warning's id stands twice in the audit trail");
            Check(!outbox.Except(changes).Any(), $"{partition.Key}: an outbox row has no audit row");
            CheckFindings(partition.Key, Rows(partition, Keys.FindingPrefix).Select(row => row.RowKey), audit.Where(what => what.StartsWith(Keys.OutboxPrefix, StringComparison.Ordinal) || what.StartsWith(Keys.NotNotifiedPrefix, StringComparison.Ordinal)));
            if (partition.Key != Installation.Partition)
            {
                await CheckPolicyAsync(await storage.Domains.ReadAsync(partition.Key, Cancellation), audit);
            }
        }

        Check(!notifications.GroupBy(id => id).Any(id => id.Count() > 1), "a warning's id stands in two partitions");
        if (notified is not null)
        {
            CheckNotified(notified, notifications, pending);
        }

        var domains = rows.Select(row => row.PartitionKey).Where(key => key != Installation.Partition).Distinct().ToList();
        await CheckSummariesAsync(domains);
        await foreach (var blob in storage.Blobs.GetBlobContainerClient(StorageNames.PoliciesContainer).GetBlobsAsync(cancellationToken: Cancellation))
        {
            Check(domains.Contains(blob.Name), $"{blob.Name} is served and has no partition");
        }
    }

    /// <summary>A notification's id as in its mail, with the partition: ids are unique within one.</summary>
    public static string IdOf(string partition, string outboxKey) => $"{partition} {outboxKey[Keys.OutboxPrefix.Length..]}";

    // The sent and the pending notifications, together, are every change there was, each once.
    private void CheckNotified(IReadOnlyCollection<string> notified, List<string> notifications, List<string> pending)
    {
        foreach (var id in notifications.Except(notified).Except(pending))
        {
            Check(false, $"lost: {id} was neither sent nor is it pending");
        }

        foreach (var id in notified.Except(notifications))
        {
            Check(false, $"{id} was sent and never happened");
        }

        foreach (var id in notified.GroupBy(id => id).Where(id => id.Count() > 1))
        {
            Check(false, $"doubled: {id.Key} was sent {id.Count()} times");
        }

        foreach (var id in notified.Intersect(pending))
        {
            Check(false, $"{id} was sent and is still pending");
        }
    }

    // The audit trail, played back, gives exactly the open findings.
    private void CheckFindings(string partition, IEnumerable<string> findings, IEnumerable<string> changes)
    {
        var open = new HashSet<string>();
        // An id is o:<check run>:<code>:<subject>:<change>, and the audit trail is in the order of time.
        foreach (var parts in changes.Select(id => id.Split(':')))
        {
            var finding = $"{Keys.FindingPrefix}{parts[2]}:{parts[3]}";
            _ = parts[4] is "resolved" or "nolongerreported" ? open.Remove(finding) : open.Add(finding);
        }

        Check(open.SetEquals(findings), $"{partition}: open are [{string.Join(", ", findings)}], by the audit trail [{string.Join(", ", open)}]");
    }

    private async Task CheckPolicyAsync(DomainPartition partition, List<string> audit)
    {
        var name = partition.Key;
        foreach (var policy in partition.Policies)
        {
            Check(audit.Count(what => what == $"policy.recorded.{policy.Id}") == 1, $"{name}: policy {policy.Id} was recorded without an audit row of its own");
        }

        Check(partition.Record?.PolicyId == partition.Newest?.Id, $"{name}: the record is at {partition.Record?.PolicyId}, the newest policy is {partition.Newest?.Id}");
        Check(audit.Count(what => what == $"policy.published.{partition.Record?.PolicyId}") == 1, $"{name}: policy {partition.Record?.PolicyId} was published without an audit row");
        Check(partition.Policies.SkipLast(1).All(policy => policy.ReplacedAt is not null), $"{name}: an earlier policy has no end");
        Check(partition.Newest?.ReplacedAt is null == partition.IsActive, $"{name}: the newest policy's end does not go with the domain's");

        var served = (await storage.Policies.ReadAsync(DomainName.Parse(name), null, Cancellation) as PolicyRead.Found)?.Policy;
        Check(served?.Id == (partition.IsActive ? partition.Newest!.Id : null), $"{name}: {served?.Id ?? "nothing"} is served, {partition.Newest?.Id} is the newest ({partition.Record?.State})");
        Check(served is null || served.Bytes.AsSpan().SequenceEqual(partition.Newest!.Bytes), $"{name}: other bytes are served than were recorded");
    }

    private async Task CheckSummariesAsync(List<string> domains)
    {
        var summaries = await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation);
        Check(summaries.Select(row => row.Domain).Distinct().Count() == summaries.Count, "a domain is listed twice");
        foreach (var name in domains.Union(summaries.Select(row => row.Domain)))
        {
            var partition = await storage.Domains.ReadAsync(name, Cancellation);
            var row = summaries.Find(row => row.Domain == name);
            Check(row is not null == partition.IsActive, $"{name}: {(row is null ? "not listed" : "listed")}, and {partition.Record?.State}");
            if (row is null || partition.Record is not { } record)
            {
                continue;
            }

            var reports = await storage.Reports.ReadAsync(DomainName.Parse(name), DateOnly.MinValue, Cancellation);
            var expected = new DomainSummary(
                name, record.Group, record.Mode, record.PolicyId,
                partition.Findings.Count == 0 ? null : partition.Findings.Max(open => open.Finding.Severity), partition.Findings.Count,
                record.NextExpiry, record.LastCheckAt, record.Observed, partition.Outbox.Count, []);
            Check(row with { Days = expected.Days } == expected, $"{name}: the list says {row}, the partition {expected}");
            Check(row.Days.SequenceEqual(DomainSummaryStore.DailySessionsOf(reports)), $"{name}: the list's days are not the reports'");
            await CheckReportsAsync(reports);
        }
    }

    private async Task CheckReportsAsync(IReadOnlyList<Report> reports)
    {
        var counted = reports.Where(report => !report.Superseded).ToList();
        Check(counted.Select(report => (report.Submitter, report.ReportId, report.Start, report.SignedBy)).Distinct().Count() == counted.Count, "a report counts twice");
        Check(reports.Select(report => report.BodyHash).Distinct().Count() == reports.Count, "one body is in two rows");
        foreach (var report in reports)
        {
            var failures = await storage.Reports.ReadFailuresAsync(report, Cancellation);
            var detailed = failures.Where(failure => failure.PolicyType == report.PolicyType).Sum(failure => failure.Sessions);
            Check(detailed == report.Failures, $"{report.ReportId}: its details are of {detailed} sessions, not {report.Failures}");
            if (report.Digest is { } digest)
            {
                Check(digest.Equals(ReportDigest.Of(digest.Types.Select(type => (type.PolicyType, type.Sessions, type.Failures)), failures)), $"{report.ReportId}: its row sums up other details than it has");
                Check(digest.Types is [{ } first, ..] && (first.PolicyType, first.Sessions, first.Failures) == (report.PolicyType, report.Sessions, report.Failures), $"{report.ReportId}: its row sums up other counts than it has");
            }

            var raw = storage.Blobs.GetBlobContainerClient(StorageNames.ReportsContainer).GetBlobClient(report.Blob);
            Check(await raw.ExistsAsync(Cancellation), $"{report.ReportId}: the raw one is not there");
        }
    }

    private static IEnumerable<TableEntity> Rows(IEnumerable<TableEntity> partition, string prefix) =>
        partition.Where(row => row.RowKey.StartsWith(prefix, StringComparison.Ordinal));

    private void Check(bool holds, string otherwise)
    {
        if (!holds)
        {
            _broken.Add(otherwise);
        }
    }
}
