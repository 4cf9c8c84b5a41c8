using System.Globalization;
using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Core.Text;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Probes;
using StsFunctions.Storage.Reports;
using StsFunctions.Storage.Retention;
using StsFunctions.Tests.Notifications;
using StsFunctions.Tests.Reports;
using StsFunctions.UseCases.Reports;
using Xunit;

namespace StsFunctions.Tests.Storage;

/// <summary>Something that writes to storage.</summary>
/// <param name="Before">Prepares the domain for the work.</param>
/// <param name="Do">The work, as it is also tried again.</param>
/// <param name="AssertDone">Asserts that it is done.</param>
/// <param name="After">Removes what would be in the way of the next call.</param>
internal sealed record StorageWork(
    Func<TestStorage, DomainName, Task> Before, Func<TestStorage, DomainName, Task> Do, Func<TestStorage, DomainName, Task> AssertDone, Func<TestStorage, DomainName, Task>? After = null)
{
    private const string CheckRun = "20260314130000000";
    internal static readonly Policy First = PolicyOf("mx1");
    private static readonly Policy Second = PolicyOf("mx2");
    private static readonly IPAddress Address = IPAddress.Parse("192.0.2.25");

    public static IReadOnlyDictionary<string, StorageWork> ByName { get; } = new Dictionary<string, StorageWork>
    {
        ["add a domain"] = new(
            Before: (_, _) => Task.CompletedTask,
            Do: (on, domain) => on.Publisher.PublishAsync(domain, First, "team", Cancellation),
            AssertDone: async (on, domain) => Assert.Equal(First.ToBytes(), (await on.Domains.ReadAsync(domain.Value, Cancellation)).Newest!.Bytes)),
        ["publish another policy"] = new(
            Before: (on, domain) => on.Publisher.PublishAsync(domain, First, "team", Cancellation),
            Do: (on, domain) => on.Publisher.PublishAsync(domain, Second, null, Cancellation),
            AssertDone: async (on, domain) => Assert.Equal([First.ToBytes(), Second.ToBytes()], (await on.Domains.ReadAsync(domain.Value, Cancellation)).Policies.Select(policy => policy.Bytes))),
        ["move to another group"] = new(
            Before: (on, domain) => on.Publisher.PublishAsync(domain, First, "team", Cancellation),
            Do: (on, domain) => on.Publisher.PublishAsync(domain, First, "others", Cancellation),
            AssertDone: async (on, domain) =>
            {
                var partition = await on.Domains.ReadAsync(domain.Value, Cancellation);
                Assert.Single(partition.Policies);
                Assert.Equal("others", partition.Record!.Group);
            }),
        ["remove a domain"] = new(
            Before: (on, domain) => on.Publisher.PublishAsync(domain, First, "team", Cancellation),
            Do: (on, domain) => on.Publisher.RemoveAsync(domain, force: true, Cancellation),
            AssertDone: async (on, domain) => Assert.Equal(DomainState.Removed, (await on.Domains.ReadAsync(domain.Value, Cancellation)).Record!.State)),
        ["record what a check found"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Cancellation);
                await RecordAsync(on, domain, "20260314120000000", FindingAt("old"), FindingAt("worse"));
            },
            Do: (on, domain) => RecordAsync(on, domain, CheckRun, FindingAt("new"), FindingAt("worse") with { Severity = Severity.Critical }),
            AssertDone: async (on, domain) =>
            {
                var partition = await on.Domains.ReadAsync(domain.Value, Cancellation);
                Assert.Equal(["new", "worse"], partition.Findings.Select(open => open.Finding.Subject).Order());
                Assert.Equal(5, partition.Outbox.Count);
            }),
        ["send the notifications"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Cancellation);
                await RecordAsync(on, domain, CheckRun, FindingAt("one"), FindingAt("two"));
                await on.Summaries.ProjectAsync(domain, Cancellation);
            },
            Do: (on, _) => on.Dispatcher(null).RunAsync(Cancellation),
            AssertDone: async (on, domain) => Assert.Empty((await on.Domains.ReadAsync(domain.Value, Cancellation)).Outbox)),
        ["notify of one domain"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Cancellation);
                await RecordAsync(on, domain, CheckRun, FindingAt("one"), FindingAt("two"));
            },
            Do: (on, domain) => on.Dispatcher(null).RunAsync(new DomainMessage(domain.Value).ToJson(), Cancellation),
            AssertDone: async (on, domain) => Assert.Empty((await on.Domains.ReadAsync(domain.Value, Cancellation)).Outbox)),
        ["mail the notifications"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Cancellation);
                await RecordAsync(on, domain, CheckRun, FindingAt("one"), FindingAt("two"));
                await on.Summaries.ProjectAsync(domain, Cancellation);
            },
            Do: (on, _) => on.Dispatcher(new MailOrderTests.RecordingEmailSender(), mailsPerHour: 10_000).RunAsync(Cancellation),
            AssertDone: async (on, domain) => Assert.Empty((await on.Domains.ReadAsync(domain.Value, Cancellation)).Outbox)),
        ["receive a report"] = new(
            Before: (_, _) => Task.CompletedTask,
            Do: async (on, domain) =>
            {
                using var raw = RawOf(domain);
                await on.Inbox.PutAsync(raw, ReportSource.Mailbox, Cancellation);
            },
            AssertDone: async (on, domain) =>
            {
                using var raw = RawOf(domain);
                var opened = (await on.Inbox.OpenAsync(BlobName.Parse(Keys.RawReport(TestStorage.Noon, raw.ToArray())), Cancellation))!.Value;
                await opened.Content.DisposeAsync();
                Assert.Equal(ReportSource.Mailbox, (await on.Inbox.VerifyAsync(opened.Arrival, raw, Cancellation)).Source);
            }),
        ["purge expired data"] = new(
            Before: async (on, domain) =>
            {
                var old = await ReportAsync(on, domain, 2) with { Start = TestStorage.Noon.AddDays(-500) };
                await on.Reports.StoreAsync(old, [new("certificate-expired", "mx1.example", "", 2, "")], Cancellation);
                await on.Blobs.GetBlobContainerClient(StorageNames.ObservationsContainer).GetBlobClient($"{domain}/{Keys.InvertedTimestamp(TestStorage.Noon.AddDays(-500))}").UploadAsync(new BinaryData("{}"), overwrite: true, Cancellation);
            },
            Do: (on, _) => on.RetentionBy(new RetentionOptions()).RunAsync(on.Time.GetUtcNow(), (_, purge) => purge(), Cancellation),
            AssertDone: async (on, domain) =>
            {
                Assert.Empty(await on.Reports.ReadAsync(domain, DateOnly.MinValue, Cancellation));
                Assert.Empty(await on.Blobs.GetBlobContainerClient(StorageNames.ObservationsContainer).GetBlobsAsync(cancellationToken: Cancellation).ToListAsync(Cancellation));
                var failures = on.Tables.GetTableClient(StorageNames.ReportFailuresTable).QueryAsync<Azure.Data.Tables.TableEntity>(cancellationToken: Cancellation);
                Assert.Empty(await failures.ToListAsync(Cancellation));
            },
            // Else the next run would have nothing to do for a day.
            After: async (on, _) =>
            {
                foreach (var kind in (await new RetentionCursorStore(on.Tables).ReadAsync(Cancellation)).Keys)
                {
                    await on.Tables.GetTableClient(StorageNames.DomainsTable).DeleteEntityAsync(Installation.Partition, Keys.RetentionPrefix + kind, cancellationToken: Cancellation);
                }
            }),
        ["read a report"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Cancellation);
                var details = Enumerable.Range(0, 150).Select(n => Samples.Failure("certificate-expired", $"mx{n}.example", "192.0.2.1", 1)).ToArray();
                using var raw = new MemoryStream();
                raw.Write(Samples.Json(Samples.Policy(domain.Value, failures: 150, details: details)));
                await on.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient($"{domain}.json").UploadAsync(new BinaryData(raw.ToArray()), overwrite: true, Cancellation);
            },
            Do: (on, domain) => Ingest.FunctionOn(on, NullLogger<ReportIngestion>.Instance).RunAsync(BlobCreatedEvent.Again($"{domain}.json"), Cancellation),
            AssertDone: async (on, domain) =>
            {
                var report = Assert.Single(await on.Reports.ReadAsync(domain, DateOnly.MinValue, Cancellation));
                Assert.Equal(150, (await on.Reports.ReadFailuresAsync(report, Cancellation)).Count);
                Assert.False(await on.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient($"{domain}.json").ExistsAsync(Cancellation));
            }),
        ["read a report again"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Cancellation);
                await on.Reports.StoreAsync(await ReportAsync(on, domain, 2), [new("certificate-expired", "mx1.example", "", 2, "")], Cancellation);
                await on.Summaries.ProjectAsync(domain, Cancellation);
            },
            Do: async (on, domain) =>
            {
                await on.Reports.ReplaceAsync(await ReportAsync(on, domain, 3), [new("certificate-expired", "mx1.example", "", 3, "")], Cancellation);
                await on.Summaries.ProjectAsync(domain, Cancellation);
            },
            AssertDone: async (on, domain) => Assert.Equal(3, Assert.Single(await on.Reports.ReadAsync(domain, DateOnly.MinValue, Cancellation)).Failures)),
        ["have a report in quarantine read again"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Cancellation);
                await on.Blobs.GetBlobContainerClient(StorageNames.QuarantineContainer).GetBlobClient(QuarantinedAs(domain).Value).UploadAsync(
                    new BinaryData(Samples.Json(Samples.Policy(domain.Value, details: Samples.Failure("certificate-expired", "mx1.example", "192.0.2.1", 10)))), overwrite: true, Cancellation);
            },
            Do: (on, domain) => Ingest.FunctionOn(on, NullLogger<ReportIngestion>.Instance).RunAsync(ReprocessRequest.One(StorageNames.QuarantineContainer, QuarantinedAs(domain)).ToJson(), Cancellation),
            AssertDone: async (on, domain) =>
            {
                Assert.Equal(10, Assert.Single(await on.Reports.ReadAsync(domain, DateOnly.MinValue, Cancellation)).Failures);
                Assert.False(await on.Blobs.GetBlobContainerClient(StorageNames.QuarantineContainer).GetBlobClient(QuarantinedAs(domain).Value).ExistsAsync(Cancellation));
            }),
        ["evaluate all reports"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Cancellation);
                await on.Reports.StoreAsync(await ReportAsync(on, domain, 20), [new("certificate-expired", "mx1.example", "", 20, "")], Cancellation);
                await on.Summaries.ProjectAsync(domain, Cancellation);
            },
            Do: (on, _) => on.EvaluateReports().RunAsync(Cancellation),
            AssertDone: async (on, domain) =>
            {
                var partition = await on.Domains.ReadAsync(domain.Value, Cancellation);
                Assert.Equal("report.session.failed", Assert.Single(partition.Findings).Finding.Code);
                Assert.Single(partition.Outbox);
            },
            // It walks all domains, so its calls would grow with every call that is tried.
            After: async (on, domain) =>
            {
                await on.Publisher.RemoveAsync(domain, force: true, Cancellation);
                await on.Summaries.ProjectAsync(domain, Cancellation);
            }),
        ["evaluate the reports on one domain"] = new(
            Before: async (on, domain) =>
            {
                await on.Publisher.PublishAsync(domain, First, "team", Cancellation);
                await on.Reports.StoreAsync(await ReportAsync(on, domain, 20), [new("certificate-expired", "mx1.example", "", 20, "")], Cancellation);
            },
            Do: (on, domain) => on.EvaluateReports().RunAsync(new DomainMessage(domain.Value).ToJson(), Cancellation),
            AssertDone: async (on, domain) =>
            {
                var partition = await on.Domains.ReadAsync(domain.Value, Cancellation);
                Assert.Equal("report.session.failed", Assert.Single(partition.Findings).Finding.Code);
                Assert.Single(partition.Outbox);
            }),
        ["requeue stale reports"] = new(
            Before: (on, domain) => on.Blobs.GetBlobContainerClient(StorageNames.InboxContainer).GetBlobClient($"{domain}.json").UploadAsync(new BinaryData("{}"), overwrite: true, Cancellation),
            Do: (on, _) => on.Requeuer(new Microsoft.Extensions.Time.Testing.FakeTimeProvider(DateTimeOffset.UtcNow.AddHours(2))).RunAsync(Cancellation),
            AssertDone: async (on, domain) =>
            {
                var inbox = on.Blobs.GetBlobContainerClient(StorageNames.InboxContainer);
                var tries = (await inbox.GetBlobClient($"{domain}.json").GetPropertiesAsync(cancellationToken: Cancellation)).Value.Metadata["tries"];
                // A run that was cut off after it sent a message counts, and sends it again: one message too many does no harm.
                Assert.Contains(tries, (string[])["1", "2"]);
                Assert.NotNull((await on.Queues.GetQueueClient(StorageNames.ReportArrivalsQueue).PeekMessageAsync(Cancellation)).Value);
                await inbox.DeleteBlobAsync($"{domain}.json", cancellationToken: Cancellation);
            }),
        ["share a probe of an MX host"] = new(
            Before: (_, _) => Task.CompletedTask,
            Do: async (on, domain) =>
            {
                if (await on.MxHosts.ClaimAsync(domain.Value, Address, CheckRun, TimeSpan.FromMinutes(2), null, Cancellation) is MxClaim.Leased leased)
                {
                    await on.MxHosts.StoreAsync(leased.Lease, CheckRun, "seen"u8.ToArray(), Cancellation);
                }
            },
            // A claim whose answer was lost expires: no instance probes twice, and none waits without end.
            AssertDone: async (on, domain) => Assert.True(await on.MxHosts.ClaimAsync(domain.Value, Address, CheckRun, TimeSpan.FromMinutes(2), null, Cancellation)
                is MxClaim.Probed or MxClaim.Busy)),
    };

    public static TheoryData<string> Names => [.. ByName.Keys];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    private static MemoryStream RawOf(DomainName domain)
    {
        var raw = new MemoryStream();
        raw.Write(Encoding.UTF8.GetBytes(domain.Value));
        return raw;
    }

    private static RawReportId QuarantinedAs(DomainName domain) => RawReportId.Parse($"2026-03-14/{ContentHash.Of(domain.Value)}");

    private static async Task RecordAsync(TestStorage on, DomainName domain, string round, params Finding[] found)
    {
        var partition = await on.Domains.ReadAsync(domain.Value, Cancellation);
        if (string.CompareOrdinal(round, partition.Record!.CheckRun.Run) > 0)
        {
            var at = DateTimeOffset.ParseExact(round, "yyyyMMddHHmmssfff", CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
            await on.Recorder.RecordAsync(partition, FindingSource.Checks, round, at, found, new HashSet<string>(), partition.Record with { CheckRun = new CheckRunState(round, 1), LastCheckAt = at }, Cancellation);
        }

        await on.Summaries.ProjectAsync(domain, Cancellation);
    }

    private static async Task<Report> ReportAsync(TestStorage on, DomainName domain, int failures)
    {
        var start = new DateTimeOffset(TestStorage.Noon.Date.AddDays(-1), TimeSpan.Zero);
        await on.Blobs.GetBlobContainerClient(StorageNames.ReportsContainer).GetBlobClient("raw").UploadAsync(new BinaryData("{}"), overwrite: true, Cancellation);
        return new Report(domain.Value, "Company-X", "id", start, start.AddDays(1), "sts", 90, failures, ReportSource.Mail, AuthenticationResult.Aligned, TestStorage.Noon, "body", "raw");
    }

    private static Finding FindingAt(string subject) => new("mx.starttls.missing", Severity.Warning, subject, "seen", "meaning", "remedy", "RFC 8461 §4");

    private static Policy PolicyOf(string mx) => Policy.Parse(Encoding.UTF8.GetBytes($"version: STSv1\nmode: enforce\nmx: {mx}.example.com\nmax_age: 604800\n"));
}
