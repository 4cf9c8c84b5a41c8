using System.Text;
using Azure.Data.Tables;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Rules;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Domains;
using StsFunctions.UseCases.Checks;
using StsFunctions.UseCases.Policies;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class PolicyPublisherTests(AzuriteFixture azurite)
{
    private static readonly DomainName Domain = DomainName.Parse("example.com");
    private static readonly Policy First = PolicyOf("enforce", "mx1.example.com");
    private static readonly Policy Second = PolicyOf("enforce", "mx2.example.com");
    private static readonly Policy None = PolicyOf("none", null);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_new_domain_is_served_listed_recorded_and_queued_for_a_check()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        var publication = await storage.Publisher.PublishAsync(Domain, First, "team", Cancellation);

        Assert.Equal(new Publication("20260314120000", Changed: true), publication);
        Assert.Equal(First.ToBytes(), await ServedAsync(storage));
        var partition = await ReadAsync(storage);
        Assert.True(partition.IsActive);
        Assert.Equal(("team", publication.Id, PolicyMode.Enforce, TestStorage.Noon), (partition.Record!.Group, partition.Record.PolicyId, partition.Record.Mode, partition.Record.AddedAt));
        Assert.Equal(First.ToBytes(), Assert.Single(partition.Policies).Bytes);
        var row = Assert.Single(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation));
        Assert.Equal(("example.com", "team", publication.Id), (row.Domain, row.Group, row.PolicyId));
        Assert.Equal(1, (await storage.Queues.GetQueueClient(StorageNames.DomainChecksQueue).GetPropertiesAsync(Cancellation)).Value.ApproximateMessagesCount);
    }

    [Fact]
    [Trait("Conformance", "GET-6")]
    public async Task The_same_policy_again_keeps_its_id()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var first = await storage.Publisher.PublishAsync(Domain, First, "team", Cancellation);
        storage.Time.Advance(TimeSpan.FromDays(1));

        var again = await storage.Publisher.PublishAsync(Domain, First, null, Cancellation);

        Assert.Equal(new Publication(first.Id, Changed: false), again);
        Assert.Single((await ReadAsync(storage)).Policies);
    }

    [Fact]
    [Trait("Conformance", "GET-6")]
    [Trait("Conformance", "OPS-4")]
    public async Task Another_policy_gets_a_new_id_and_the_first_stays_in_the_history_with_its_end()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var first = await storage.Publisher.PublishAsync(Domain, First, "team", Cancellation);
        storage.Time.Advance(TimeSpan.FromDays(1));

        var second = await storage.Publisher.PublishAsync(Domain, Second, null, Cancellation);

        Assert.True(string.CompareOrdinal(first.Id, second.Id) < 0);
        Assert.Equal(Second.ToBytes(), await ServedAsync(storage));
        var partition = await ReadAsync(storage);
        Assert.Equal([(first.Id, TestStorage.Noon.AddDays(1)), (second.Id, null)], partition.Policies.Select(p => (p.Id, p.ReplacedAt)));
        Assert.Equal(First.ToBytes(), partition.Policies[0].Bytes);
        Assert.Equal("team", partition.Record!.Group);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(-3600)]
    [Trait("Conformance", "GET-6")]
    public async Task An_id_never_decreases_even_if_the_clock_does(int seconds)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var ids = new List<string> { (await storage.Publisher.PublishAsync(Domain, First, null, Cancellation)).Id };
        var late = storage.PublisherAt(new FakeTimeProvider(TestStorage.Noon.AddSeconds(seconds)));

        ids.Add((await late.PublishAsync(Domain, Second, null, Cancellation)).Id);
        ids.Add((await late.PublishAsync(Domain, First, null, Cancellation)).Id);

        Assert.Equal(ids.Distinct().Order(StringComparer.Ordinal), ids);
        Assert.All(ids, id => Assert.Equal(id, new StsRecord { Id = id }.Id));
        Assert.Equal(First.ToBytes(), await ServedAsync(storage));
        Assert.Equal(ids[^1], (await ReadAsync(storage)).Record!.PolicyId);
    }

    [Fact]
    public async Task One_of_two_concurrent_writers_gets_a_conflict_and_nothing_is_lost()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, First, null, Cancellation);
        storage.Time.Advance(TimeSpan.FromHours(1));
        var slow = storage.PublisherAt(storage.Time, beforeCommit: () => storage.Publisher.PublishAsync(Domain, Second, null, Cancellation));

        await Assert.ThrowsAsync<ConcurrentChangeException>(() => slow.PublishAsync(Domain, None, null, Cancellation));

        Assert.Equal(Second.ToBytes(), await ServedAsync(storage));
        var partition = await ReadAsync(storage);
        Assert.Equal([First.ToBytes(), Second.ToBytes()], partition.Policies.Select(p => p.Bytes));
        Assert.Equal(partition.Newest!.Id, partition.Record!.PolicyId);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public async Task The_later_of_two_who_add_the_same_domain_at_once_wins_and_no_policy_is_lost(int secondsApart)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var slow = storage.PublisherAt(new FakeTimeProvider(TestStorage.Noon.AddSeconds(secondsApart)), beforeCommit: () => storage.Publisher.PublishAsync(Domain, First, null, Cancellation));

        if (secondsApart == 0)
        {
            await Assert.ThrowsAsync<ConcurrentChangeException>(() => slow.PublishAsync(Domain, Second, null, Cancellation));
        }
        else
        {
            await slow.PublishAsync(Domain, Second, null, Cancellation);
        }

        var partition = await ReadAsync(storage);
        Assert.Equal(1 + secondsApart, partition.Policies.Count);
        Assert.Equal(partition.Newest!.Id, partition.Record!.PolicyId);
        Assert.Equal(partition.Newest.Bytes, await ServedAsync(storage));
        Assert.Single(partition.Policies, policy => policy.ReplacedAt is null);
    }

    [Fact]
    public async Task Each_of_many_concurrent_writers_gets_its_true_result()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, First, null, Cancellation);
        storage.Time.Advance(TimeSpan.FromHours(1));

        var done = (await Task.WhenAll(Enumerable.Range(0, 8).Select(async n =>
        {
            try
            {
                return (await storage.Publisher.PublishAsync(Domain, PolicyOf("testing", $"mx{n}.example.com"), null, Cancellation)).Id;
            }
            catch (ConcurrentChangeException)
            {
                return null;
            }
        }))).OfType<string>().ToList();

        // Every requested policy is in the history; the newest of it is served.
        await storage.Publisher.FinishAsync(Domain, await ReadAsync(storage), Cancellation);
        var partition = await ReadAsync(storage);
        Assert.NotEmpty(partition.Policies.Skip(1));
        Assert.All(done, id => Assert.Contains(id, partition.Policies.Select(p => p.Id)));
        Assert.Equal(partition.Newest!.Id, partition.Record!.PolicyId);
        Assert.Equal(partition.Newest.Bytes, await ServedAsync(storage));
    }

    [Theory]
    [InlineData(KilledAfter.Row)]
    [InlineData(KilledAfter.RowAndBlob)]
    [InlineData(KilledAfter.AllButTheList)]
    [Trait("Conformance", "OPS-4")]
    public async Task A_publication_that_was_killed_is_healed_by_the_message_that_was_sent_before(KilledAfter killed)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, First, "team", Cancellation);
        var half = await LeaveUnfinishedAsync(storage, Second, killed);
        storage.Time.Advance(TimeSpan.FromHours(2));

        await CheckMessageAsync(storage);

        Assert.Equal(Second.ToBytes(), await ServedAsync(storage));
        var partition = await ReadAsync(storage);
        Assert.Equal((half, "team"), (partition.Record!.PolicyId, partition.Record.Group));
        Assert.Equal(half, Assert.Single(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation)).PolicyId);
        // The first was served until now, whenever the second's row was written.
        if (killed == KilledAfter.Row)
        {
            Assert.Equal(storage.Time.GetUtcNow(), partition.Policies[0].ReplacedAt);
        }
    }

    [Theory]
    [InlineData(KilledAfter.Row)]
    [InlineData(KilledAfter.RowAndBlob)]
    public async Task A_domain_that_was_added_in_part_is_completed_with_its_group(KilledAfter killed)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await LeaveUnfinishedAsync(storage, First, killed, "team");

        await CheckMessageAsync(storage);

        Assert.Equal(First.ToBytes(), await ServedAsync(storage));
        Assert.Equal("team", Assert.Single(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation)).Group);
    }

    [Theory]
    [InlineData(KilledAfter.Row)]
    [InlineData(KilledAfter.RowAndBlob)]
    public async Task A_domain_that_was_added_in_part_can_be_removed_and_stays_removed(KilledAfter killed)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await LeaveUnfinishedAsync(storage, First, killed);

        Assert.True(await storage.Publisher.RemoveAsync(Domain, force: true, Cancellation));
        await CheckMessageAsync(storage);

        Assert.Null(await ServedAsync(storage));
        Assert.Empty(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation));
    }

    [Fact]
    public async Task Healing_a_consistent_domain_changes_nothing()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, First, null, Cancellation);
        var before = await ReadAsync(storage);

        var after = await storage.Publisher.FinishAsync(Domain, before, Cancellation);

        Assert.Equal(before.ETag, after.ETag);
        Assert.Equal(before.ETag, (await ReadAsync(storage)).ETag);
    }

    [Fact]
    [Trait("Conformance", "OPS-3")]
    public async Task Removal_is_refused_until_the_cached_policy_of_every_sender_has_expired()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, First, null, Cancellation);
        var refused = await Assert.ThrowsAsync<RemovalRefusedException>(() => storage.Publisher.RemoveAsync(Domain, force: false, Cancellation));
        Assert.Contains("mode: none", refused.Message, StringComparison.Ordinal);

        storage.Time.Advance(TimeSpan.FromDays(1));
        await storage.Publisher.PublishAsync(Domain, None, null, Cancellation);
        var safe = storage.Time.GetUtcNow() + storage.Serving.CacheTime + storage.Serving.MaxStale + TimeSpan.FromSeconds(First.MaxAge);
        storage.Time.SetUtcNow(safe.AddSeconds(-1));
        refused = await Assert.ThrowsAsync<RemovalRefusedException>(() => storage.Publisher.RemoveAsync(Domain, force: false, Cancellation));
        Assert.Contains($"{safe:u}", refused.Message, StringComparison.Ordinal);
        Assert.Equal(None.ToBytes(), await ServedAsync(storage));

        storage.Time.SetUtcNow(safe);
        Assert.True(await storage.Publisher.RemoveAsync(Domain, force: false, Cancellation));
        Assert.Null(await ServedAsync(storage));
        Assert.Empty(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation));
        Assert.Equal(2, (await ReadAsync(storage)).Policies.Count);
    }

    [Fact]
    public async Task Removal_by_force_is_immediate_and_happens_once()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, First, null, Cancellation);

        Assert.True(await storage.Publisher.RemoveAsync(Domain, force: true, Cancellation));
        Assert.False(await storage.Publisher.RemoveAsync(Domain, force: true, Cancellation));
        await CheckMessageAsync(storage);

        Assert.Null(await ServedAsync(storage));
        Assert.False((await ReadAsync(storage)).IsActive);
        Assert.False(await storage.Domains.IsActiveAsync(Keys.Domain(Domain), Cancellation));
    }

    [Fact]
    public async Task A_removal_that_was_killed_before_the_blob_was_deleted_is_healed()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, First, null, Cancellation);
        var partition = await ReadAsync(storage);
        await storage.Domains.CommitAsync(new DomainTransaction(partition).Record(partition.Record! with { State = DomainState.Removed }), Cancellation);

        await CheckMessageAsync(storage);

        Assert.Null(await ServedAsync(storage));
        Assert.Empty(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation));
    }

    [Theory]
    [InlineData("same")]
    [InlineData("other")]
    [Trait("Conformance", "GET-6")]
    public async Task A_removed_domain_can_be_added_again_under_a_newer_id_with_its_whole_history(string policy)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var first = await storage.Publisher.PublishAsync(Domain, First, "team", Cancellation);
        await storage.Publisher.RemoveAsync(Domain, force: true, Cancellation);

        // In the same second, even.
        var again = await storage.Publisher.PublishAsync(Domain, policy == "same" ? First : Second, null, Cancellation);

        Assert.True(again.Changed);
        Assert.True(string.CompareOrdinal(first.Id, again.Id) < 0);
        Assert.Equal((policy == "same" ? First : Second).ToBytes(), await ServedAsync(storage));
        var partition = await ReadAsync(storage);
        Assert.True(partition.IsActive);
        Assert.Equal([first.Id, again.Id], partition.Policies.Select(p => p.Id));
        Assert.NotNull(partition.Policies[0].ReplacedAt);
        Assert.Single(await storage.Summaries.ListAsync(Cancellation).ToListAsync(Cancellation));
    }

    [Fact]
    public async Task Every_change_leaves_an_audit_row()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(Domain, First, null, Cancellation);
        storage.Time.Advance(TimeSpan.FromMinutes(1));
        await storage.Publisher.PublishAsync(Domain, Second, null, Cancellation);
        storage.Time.Advance(TimeSpan.FromMinutes(1));
        await storage.Publisher.RemoveAsync(Domain, force: true, Cancellation);

        var audit = await storage.Tables.GetTableClient(StorageNames.DomainsTable)
            .QueryAsync<TableEntity>($"PartitionKey eq 'example.com' and RowKey lt '{Keys.FirstOfState}'", cancellationToken: Cancellation).ToListAsync(Cancellation);

        Assert.Equal(
            ["policy.published.20260314120000", "policy.recorded.20260314120000", "policy.published.20260314120100", "policy.recorded.20260314120100", "domain.removed"],
            audit.OrderBy(row => row.GetDateTimeOffset("At")).ThenBy(row => row.GetString("What"), StringComparer.Ordinal).Select(row => row.GetString("What")));
        Assert.All(audit, row => Assert.StartsWith(Keys.AuditPrefix, row.RowKey, StringComparison.Ordinal));
    }

    public enum KilledAfter
    {
        Row,
        RowAndBlob,
        AllButTheList,
    }

    private static async Task<string> LeaveUnfinishedAsync(TestStorage storage, Policy policy, KilledAfter killed, string group = "team")
    {
        storage.Time.Advance(TimeSpan.FromMinutes(1));
        var now = storage.Time.GetUtcNow();
        var next = new PolicyVersion(Keys.Timestamp(now), policy.ToBytes(), policy.Mode, TimeSpan.FromSeconds(policy.MaxAge), now, null, group);
        await storage.Domains.CommitAsync(new DomainTransaction(DomainPartition.Empty(Keys.Domain(Domain))).NewPolicy(next), Cancellation);
        if (killed >= KilledAfter.RowAndBlob)
        {
            await storage.Policies.PutAsync(Domain, next, Cancellation);
        }

        if (killed >= KilledAfter.AllButTheList)
        {
            await storage.Publisher.FinishAsync(Domain, await ReadAsync(storage), Cancellation);
        }

        return next.Id;
    }

    // A message of a check run that was handled already: nothing is observed, everything is healed.
    private static Task CheckMessageAsync(TestStorage storage)
    {
        var options = new CheckOptions { ReferenceMxHosts = [], SessionTimeout = TimeSpan.FromSeconds(1), RetryDelay = TimeSpan.Zero };
        var egress = new EgressOptions { DnsServer = new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, 1) };
        var probe = new SmtpProbe(new EgressGuard(egress), options, "localhost", storage.Time);
        var repetition = new Retry(options, storage.Time);
        var resolver = new DnsResolver(egress);
        var policies = new PolicyFetcher(new EgressHttp(new EgressGuard(egress), resolver, egress, storage.Time), options, storage.Time);
        var observer = new Observer(new DnsObserver(resolver), new SmtpMxProbe(probe, repetition, options, storage.Time), probe, policies, repetition, options, storage.Time);
        var function = new DomainCheck(
            storage.Domains, storage.Publisher, storage.Summaries, storage.Recorder, observer, new ObservationBlobs(storage.Blobs), new CheckQueue(storage.Queues),
            new RemoteProbeRequester(storage.Agents, storage.ProbeTasks), new NetworkRecorder(storage.Domains, storage.Recorder, storage.Time), ExpectedTargets.Unknown, new ConfirmationOptions { Delay = TimeSpan.Zero }, storage.Time, NullLogger<DomainCheck>.Instance);
        return function.RunAsync("""{"domain":"example.com","checkRun":""}""", Cancellation);
    }

    private static Task<DomainPartition> ReadAsync(TestStorage storage) => storage.Domains.ReadAsync(Keys.Domain(Domain), Cancellation);

    private static async Task<byte[]?> ServedAsync(TestStorage storage) =>
        (await storage.Policies.ReadAsync(Domain, null, Cancellation) as PolicyRead.Found)?.Policy.Bytes;

    private static Policy PolicyOf(string mode, string? mx) =>
        Policy.Parse(Encoding.UTF8.GetBytes($"version: STSv1\nmode: {mode}\n{(mx is null ? "" : $"mx: {mx}\n")}max_age: 604800\n"));
}
