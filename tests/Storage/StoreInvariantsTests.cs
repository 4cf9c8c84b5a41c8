using Azure.Data.Tables;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Reports;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage.Domains;
using Xunit;

namespace StsFunctions.Tests.Storage;

/// <summary>The invariant checks find inconsistencies.</summary>
public sealed class StoreInvariantsTests(AzuriteFixture azurite)
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly DateTimeOffset Start = new(TestStorage.Noon.Date.AddDays(-1), TimeSpan.Zero);

    private static readonly Dictionary<string, (Func<TestStorage, Task> Do, string Found)> Damages = new()
    {
        ["an audit row is missing"] = (storage => DeleteAsync(storage, StorageNames.DomainsTable, row => row.RowKey.StartsWith("a:", StringComparison.Ordinal) && row.GetString("What").StartsWith("o:", StringComparison.Ordinal)), "has no audit row"),
        ["a publication's audit row is missing"] = (storage => DeleteAsync(storage, StorageNames.DomainsTable, row => row.RowKey.StartsWith("a:", StringComparison.Ordinal) && row.GetString("What").StartsWith("policy.recorded", StringComparison.Ordinal)), "without an audit row"),
        ["an outbox row is missing"] = (storage => DeleteAsync(storage, StorageNames.DomainsTable, row => row.RowKey.StartsWith("o:", StringComparison.Ordinal)), "lost:"),
        ["a finding is missing"] = (storage => DeleteAsync(storage, StorageNames.DomainsTable, row => row.RowKey.StartsWith("f:", StringComparison.Ordinal)), "by the audit trail"),
        ["the record is missing"] = (storage => DeleteAsync(storage, StorageNames.DomainsTable, row => row.RowKey == "d"), "the record is at"),
        ["the policy is not served"] = (storage => storage.Policies.DeleteAsync(Domain, "9", Cancellation), "nothing is served"),
        ["other bytes are served"] = (async storage =>
        {
            var newest = (await storage.Domains.ReadAsync("example.com", Cancellation)).Newest!;
            await storage.Policies.DeleteAsync(Domain, "9", Cancellation);
            await storage.Policies.PutAsync(Domain, newest with { Bytes = [1] }, Cancellation);
        }, "other bytes"),
        ["the domain is not listed"] = (storage => DeleteAsync(storage, StorageNames.DomainSummariesTable, _ => true), "not listed"),
        ["the list is behind"] = (storage => storage.Recorder.RecordAsync(
            storage.Domains.ReadAsync("example.com", Cancellation).Result, FindingSource.Checks, "9", TestStorage.Noon.AddHours(2), [], new HashSet<string>(), storage.Domains.ReadAsync("example.com", Cancellation).Result.Record, Cancellation), "the list says"),
        ["the list counts what no report says"] = (storage => DeleteAsync(storage, StorageNames.ReportsTable, _ => true), "the list's days"),
        ["a report's detail is missing"] = (storage => DeleteAsync(storage, StorageNames.ReportFailuresTable, _ => true), "its details are of"),
        ["a report's row sums up other details"] = (async storage =>
        {
            var report = Assert.Single(await storage.Reports.ReadAsync(Domain, DateOnly.MinValue, Cancellation));
            var details = await storage.Reports.ReadFailuresAsync(report, Cancellation);
            await storage.Reports.ReplaceAsync(report with { Digest = ReportDigest.Of([("sts", 90, 7)], [details[0] with { MxHost = "mx2" }]) }, details, Cancellation);
        }, "sums up"),
        ["a report is in two rows"] = (async storage =>
        {
            var report = Assert.Single(await storage.Reports.ReadAsync(Domain, DateOnly.MinValue, Cancellation));
            await storage.Reports.StoreAsync(report with { Submitter = "misread" }, await storage.Reports.ReadFailuresAsync(report, Cancellation), Cancellation);
            await storage.Summaries.ProjectAsync(Domain, Cancellation);
        }, "in two rows"),
        ["a raw report is missing"] = (storage => storage.Blobs.GetBlobContainerClient(StorageNames.ReportsContainer).DeleteBlobAsync("raw", cancellationToken: Cancellation), "the raw one is not there"),
    };

    public static TheoryData<string> DamageNames => [.. Damages.Keys];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [MemberData(nameof(DamageNames))]
    public async Task Each_inconsistency_is_found(string damage)
    {
        var storage = await ConsistentAsync();
        await StoreInvariants.AssertAsync(storage, []);

        await Damages[damage].Do(storage);

        var found = await Assert.ThrowsAnyAsync<Exception>(() => StoreInvariants.AssertAsync(storage, []));
        Assert.Contains(Damages[damage].Found, found.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_lost_duplicate_or_invented_notification_is_found()
    {
        var storage = await ConsistentAsync();
        var pending = Assert.Single((await storage.Domains.ReadAsync("example.com", Cancellation)).Outbox);
        var id = StoreInvariants.IdOf("example.com", pending.Key);
        await FailsAsync([id], "is still pending");
        await FailsAsync(["example.com nothing"], "never happened");

        await storage.Domains.CommitAsync(new DomainTransaction(await storage.Domains.ReadAsync("example.com", Cancellation)).Dequeue(pending), Cancellation);
        await storage.Summaries.ProjectAsync(Domain, Cancellation);
        await StoreInvariants.AssertAsync(storage, [id]);
        await FailsAsync([], "lost:");
        await FailsAsync([id, id], "doubled:");

        async Task FailsAsync(string[] notified, string found) =>
            Assert.Contains(found, (await Assert.ThrowsAnyAsync<Exception>(() => StoreInvariants.AssertAsync(storage, notified))).Message, StringComparison.Ordinal);
    }

    private async Task<TestStorage> ConsistentAsync()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8), null, Cancellation);
        var partition = await storage.Domains.ReadAsync("example.com", Cancellation);
        var finding = new Finding("mx.starttls.missing", Severity.Warning, "mx.example.com", "observed", "meaning", "remedy", "RFC 8461 §4");
        await storage.Recorder.RecordAsync(partition, FindingSource.Checks, "1", TestStorage.Noon.AddHours(1), [finding], new HashSet<string>(), partition.Record, Cancellation);
        await storage.Blobs.GetBlobContainerClient(StorageNames.ReportsContainer).GetBlobClient("raw").UploadAsync(new BinaryData("{}"), Cancellation);
        ReportFailure[] failures = [new("certificate-expired", "", "", 7, "")];
        var report = new Report("example.com", "Company-X", "id", Start, Start.AddDays(1), "sts", 90, 7, ReportSource.Mail, AuthenticationResult.Aligned, TestStorage.Noon, "body", "raw")
        {
            Digest = ReportDigest.Of([("sts", 90, 7)], failures),
        };
        await storage.Reports.StoreAsync(report, failures, Cancellation);
        await storage.Summaries.ProjectAsync(Domain, Cancellation);
        return storage;
    }

    private static async Task DeleteAsync(TestStorage storage, string table, Func<TableEntity, bool> which)
    {
        var client = storage.Tables.GetTableClient(table);
        var row = (await client.QueryAsync<TableEntity>(cancellationToken: Cancellation).ToListAsync(Cancellation)).First(which);
        await client.DeleteEntityAsync(row.PartitionKey, row.RowKey, cancellationToken: Cancellation);
    }
}
