using System.Text.Json;
using Microsoft.Extensions.Logging.Abstractions;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Checks;
using StsFunctions.Storage.Domains;
using StsFunctions.UseCases.Checks;
using Xunit;

namespace StsFunctions.Tests.ScheduleChecks;

public sealed class ScheduleChecksTests(AzuriteFixture azurite)
{
    private static readonly Policy None = Policy.Parse("version: STSv1\nmode: none\nmax_age: 1\n"u8);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Every_hosted_domain_is_requested_once_in_one_check_run_and_no_other_domain_is()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        foreach (var name in (string[])["b.example", "a.example", "gone.example"])
        {
            await storage.Publisher.PublishAsync(DomainName.Parse(name), None, null, Cancellation);
        }

        await storage.Publisher.RemoveAsync(DomainName.Parse("gone.example"), force: true, Cancellation);
        await storage.Recorder.RecordAsync(
            await storage.Domains.ReadAsync(Installation.Partition, Cancellation), FindingSource.OutboundNetwork, "1", TestStorage.Noon,
            [new Finding("outbound.smtp.blocked", Severity.Warning, "port 25", "", "", "", "")], new HashSet<string>(), null, Cancellation);

        var asked = await RunAsync(storage);

        Assert.Equal(["a.example", "b.example"], asked.Select(request => request.Domain));
        Assert.Equal("20260314120000000", Assert.Single(asked.Select(request => request.CheckRun).Distinct()));
    }

    [Fact]
    public async Task A_domain_that_the_list_lacks_or_wrongly_has_is_requested_and_healed()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        foreach (var name in (string[])["unlisted.example", "listed.example"])
        {
            await storage.Publisher.PublishAsync(DomainName.Parse(name), None, null, Cancellation);
        }

        var summaries = storage.Tables.GetTableClient(StorageNames.DomainSummariesTable);
        await summaries.DeleteEntityAsync(Keys.Shard(DomainName.Parse("unlisted.example")), "unlisted.example", cancellationToken: Cancellation);
        var listed = await storage.Domains.ReadAsync("listed.example", Cancellation);
        await storage.Domains.CommitAsync(new DomainTransaction(listed).Record(listed.Record! with { State = DomainState.Removed }), Cancellation);

        Assert.Equal(["listed.example", "unlisted.example"], (await RunAsync(storage)).Select(request => request.Domain));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_domain_that_was_changed_in_part_is_requested_even_if_it_is_new_or_removed(bool wasThere)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        if (wasThere)
        {
            await storage.Publisher.PublishAsync(DomainName.Parse("half.example"), None, null, Cancellation);
            await storage.Publisher.RemoveAsync(DomainName.Parse("half.example"), force: true, Cancellation);
            Assert.Empty(await RunAsync(storage));
        }

        var half = new PolicyVersion("20270101000000", None.ToBytes(), PolicyMode.None, TimeSpan.FromSeconds(1), TestStorage.Noon, null, "default");
        await storage.Domains.CommitAsync(new DomainTransaction(DomainPartition.Empty("half.example")).NewPolicy(half), Cancellation);

        Assert.Equal("half.example", Assert.Single(await RunAsync(storage)).Domain);
    }

    [Fact]
    public async Task A_timer_that_fires_twice_continues_the_check_run_and_the_next_day_starts_another()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.Publisher.PublishAsync(DomainName.Parse("a.example"), None, null, Cancellation);

        var first = Assert.Single(await RunAsync(storage)).CheckRun;
        storage.Time.Advance(TimeSpan.FromMinutes(29));
        var again = Assert.Single(await RunAsync(storage)).CheckRun;
        storage.Time.Advance(TimeSpan.FromDays(1));
        var next = Assert.Single(await RunAsync(storage)).CheckRun;

        Assert.Equal((first, "20260315122900000"), (again, next));
    }

    [Fact]
    public async Task Timers_that_fire_on_many_instances_at_once_start_one_check_run()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        var begun = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => new CheckRunStore(storage.Account.Tables(), TimeProvider.System).BeginAsync(TimeSpan.FromMinutes(30), Cancellation)));

        Assert.Single(begun.Distinct());
    }

    [Fact]
    public async Task A_check_run_that_a_wrong_clock_started_in_the_future_stops_no_other()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        storage.Time.SetUtcNow(TestStorage.Noon.AddDays(30));
        var runs = new CheckRunStore(storage.Tables, storage.Time);
        await runs.BeginAsync(TimeSpan.FromMinutes(30), Cancellation);

        var now = new CheckRunStore(storage.Tables, new Microsoft.Extensions.Time.Testing.FakeTimeProvider(TestStorage.Noon));

        Assert.Equal("20260314120000000", await now.BeginAsync(TimeSpan.FromMinutes(30), Cancellation));
    }

    private static async Task<IReadOnlyList<CheckRequest>> RunAsync(TestStorage storage)
    {
        var queue = storage.Queues.GetQueueClient(StorageNames.DomainChecksQueue);
        await queue.ClearMessagesAsync(Cancellation);
        await new CheckScheduler(
            storage.Domains, storage.Summaries, new CheckRunStore(storage.Tables, storage.Time), new CheckQueue(storage.Queues), new ScheduleOptions { Spread = TimeSpan.Zero }, NullLogger<CheckScheduler>.Instance).RunAsync(Cancellation);
        return [.. (await queue.PeekMessagesAsync(32, Cancellation)).Value.Select(message => JsonSerializer.Deserialize(message.MessageText, CheckRequestJson.Default.CheckRequest)!).OrderBy(request => request.Domain, StringComparer.Ordinal)];
    }
}
