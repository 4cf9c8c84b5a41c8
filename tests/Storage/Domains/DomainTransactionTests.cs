using System.Text.Json;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using Xunit;

namespace StsFunctions.Tests.Domains;

/// <summary>A writer does not read back what it has just written: a commit returns the current state.</summary>
public sealed class DomainTransactionTests(AzuriteFixture azurite)
{
    private static readonly DomainRecord Record = new("team", DomainState.Active, "1", PolicyMode.Enforce, TestStorage.Noon, new CheckRunState("", 0), null, new DateTimeOffset(1500, 1, 1, 0, 0, 0, TimeSpan.Zero));
    private static readonly PolicyVersion First = new("1", [1], PolicyMode.Enforce, TimeSpan.FromDays(1), TestStorage.Noon, null, "team");

    // One after another, each over what the one before came to.
    private static readonly (string Name, Func<DomainTransaction, DomainTransaction> Make)[] Changes =
    [
        ("a policy", change => change.NewPolicy(First)),
        ("a record", change => change.Record(Record, new Azure.ETag("\"blob\"")).Audit(TestStorage.Noon, "published", "detail")),
        ("another policy over the record", change => change.NewPolicy(First with { Id = "2" }).Record(Record with { PolicyId = "2", CheckRun = new CheckRunState("", 0) { Pending = [new PendingFinding("code", "subject", Severity.Warning, 1, 1)] } })),
        ("the end of a policy", change => change.Policy(First with { ReplacedAt = TestStorage.Noon })),
        ("two findings and their warnings", change => Opened(Opened(change, "b.example"), "a.example").Record(Record with { NextExpiry = TestStorage.Noon })),
        ("a worse finding", change => change.Open(new OpenFinding(Of("b.example") with { Severity = Severity.Critical }, TestStorage.Noon, "1"))),
        ("a hand-over", change => change.MarkSending(change.Before.Outbox[0], Guid.Empty.ToString("D"), TestStorage.Noon)),
        ("a hand-over taken back", change => change.MarkSending(change.Before.Outbox[0], null, TestStorage.Noon)),
        ("the end of a finding", change => change.Resolve(Of("a.example"))),
        ("a notification that was sent", change => change.Dequeue(change.Before.Outbox[0])),
        ("the end of the domain", change => change.Record(Record with { State = DomainState.Removed }, default(Azure.ETag))),
        ("nothing", change => change),
    ];

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_commit_returns_the_partition_that_a_fresh_read_returns()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var partition = await storage.Domains.ReadAsync("example.com", Cancellation);
        foreach (var (name, make) in Changes)
        {
            partition = await storage.Domains.CommitAsync(make(new DomainTransaction(partition)), Cancellation);

            Assert.Equal((name, Describe(await storage.Domains.ReadAsync("example.com", Cancellation))), (name, Describe(partition)));
        }
    }

    [Fact]
    public async Task A_partition_without_a_record_has_a_version()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var first = await storage.Domains.CommitAsync(new DomainTransaction(await storage.Domains.ReadAsync(Installation.Partition, Cancellation)).Version(), Cancellation);

        var second = await storage.Domains.CommitAsync(Opened(new DomainTransaction(first), "port 25").Version(), Cancellation);

        Assert.Equal(Describe(await storage.Domains.ReadAsync(Installation.Partition, Cancellation)), Describe(second));
        await Assert.ThrowsAsync<ConcurrentChangeException>(() => storage.Domains.CommitAsync(new DomainTransaction(first).Version(), Cancellation));
    }

    [Fact]
    public async Task Only_one_of_two_that_dequeue_one_notification_at_once_succeeds()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var partition = await storage.Domains.CommitAsync(Opened(new DomainTransaction(DomainPartition.Empty("example.com")), "a.example"), Cancellation);
        await storage.Domains.CommitAsync(new DomainTransaction(partition).MarkSending(partition.Outbox[0], "one", TestStorage.Noon), Cancellation);

        await Assert.ThrowsAsync<ConcurrentChangeException>(() => storage.Domains.CommitAsync(new DomainTransaction(partition).MarkSending(partition.Outbox[0], "other", TestStorage.Noon), Cancellation));

        Assert.Equal("one", Assert.Single((await storage.Domains.ReadAsync("example.com", Cancellation)).Outbox).SendId);
    }

    private static DomainTransaction Opened(DomainTransaction change, string subject) =>
        change.Open(new OpenFinding(Of(subject), TestStorage.Noon, "1")).Enqueue("1", Change.Opened, Of(subject), TestStorage.Noon);

    private static Finding Of(string subject) => new("mx.starttls.missing", Severity.Warning, subject, "observed", "meaning", "remedy", "RFC 8461 §4");

    private static string Describe(DomainPartition partition) => JsonSerializer.Serialize(
        new { partition, Version = partition.ETag.ToString(), Blob = partition.ServedBlob.ToString(), Versions = partition.Outbox.Select(warning => warning.Version.ToString()) },
        Indented);

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };
}
