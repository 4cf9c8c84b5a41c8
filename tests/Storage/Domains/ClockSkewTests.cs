using System.Net;
using Azure.Data.Tables;
using Microsoft.Extensions.Time.Testing;
using StsFunctions.Core.Checks;
using StsFunctions.Core.Domains;
using StsFunctions.Core.Time;
using StsFunctions.Protocol;
using StsFunctions.Protocol.MtaSts;
using StsFunctions.Storage;
using StsFunctions.Storage.Domains;
using StsFunctions.Storage.Probes;
using StsFunctions.Storage.Reports;
using StsFunctions.Storage.Retention;
using Xunit;

namespace StsFunctions.Tests.Domains;

/// <summary>A clock that was wrong once, in every time that is stored: it delays nothing until that time.</summary>
public sealed class ClockSkewTests(AzuriteFixture azurite)
{
    private const string Host = "mx.example.com";
    private const string Run = "20260314120000000";
    private const string FutureRun = "20270314120000000";
    private static readonly IPAddress Address = IPAddress.Parse("192.0.2.25");
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);
    private static readonly DateTimeOffset Future = TestStorage.Noon.AddDays(365);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(0, false)]
    [InlineData(5, false)]
    [InlineData(5.1, true)]
    public void Clocks_may_differ_by_minutes(double minutes, bool isFuture)
    {
        var time = TestStorage.Noon.AddMinutes(minutes);

        Assert.Equal(isFuture, ClockSkew.IsFuture(time, TestStorage.Noon));
        Assert.Equal(isFuture, ClockSkew.IsFutureCheckRun(CheckRunId.Of(time), TestStorage.Noon));
        Assert.Equal(isFuture, ClockSkew.IsFutureCheckRun(CheckRunId.Attempt(CheckRunId.Of(time), 3), TestStorage.Noon));
        Assert.Equal(!isFuture, ClockSkew.IsWithin(time, TimeSpan.FromHours(1), TestStorage.Noon));
    }

    [Fact]
    public void A_time_that_was_never_set_is_neither_in_the_future_nor_past()
    {
        Assert.False(ClockSkew.IsFuture(null, TestStorage.Noon));
        Assert.False(ClockSkew.IsFutureCheckRun("", TestStorage.Noon));
        Assert.False(ClockSkew.IsWithin(null, TimeSpan.FromDays(1), TestStorage.Noon));
        Assert.False(ClockSkew.IsLive(null, Lease, TestStorage.Noon));
    }

    [Fact]
    public async Task A_lease_of_a_wrong_clock_stops_nobody_from_probing()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await At(storage, Future).ClaimAsync(Host, Address, Run, Lease, null, Cancellation);

        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync(Host, Address, Run, Lease, null, Cancellation));
        Assert.IsType<MxClaim.Busy>(await storage.MxHosts.ClaimAsync(Host, Address, Run, Lease, null, Cancellation));
    }

    [Fact]
    public async Task A_result_of_a_future_check_run_serves_no_other_run_and_is_overwritten()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await StoreProbeAsync(At(storage, Future), FutureRun, "old");

        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync(Host, Address, Run, Lease, null, Cancellation));
        await storage.MxHosts.StoreAsync(Host, Address, Run, "new"u8.ToArray(), Cancellation);

        Assert.Equal("new"u8.ToArray(), Assert.IsType<MxClaim.Probed>(await storage.MxHosts.ClaimAsync(Host, Address, Run, Lease, null, Cancellation)).Content);
    }

    [Fact]
    public async Task A_probe_of_the_future_is_not_recent_for_any_check_run()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await StoreProbeAsync(At(storage, Future), Run, "old");

        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync(Host, Address, Run, Lease, TimeSpan.FromMinutes(2.5), Cancellation));
    }

    [Fact]
    public async Task An_agent_gets_a_task_that_another_leased_in_the_future_and_the_current_check_run_counts()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var wrong = new ProbeTaskStore(storage.Tables, new FakeTimeProvider(Future));
        await wrong.RequestAsync(Host, Address, FutureRun, "example.com", Cancellation);
        foreach (var agent in (string[])["one", "two"])
        {
            var leased = await wrong.FindAsync(Host, Address, Cancellation);
            Assert.True(await wrong.WriteAsync(leased!.LeasedTo(agent, "nonce", Future.AddMinutes(2), Future)!, Cancellation));
        }

        Assert.Equal(Host, Assert.Single(await storage.ProbeTasks.FreeForAsync("three", Cancellation).ToListAsync(Cancellation)).Host);
        await storage.ProbeTasks.RequestAsync(Host, Address, Run, "example.com", Cancellation);
        var task = (await storage.ProbeTasks.FindAsync(Host, Address, Cancellation))!;
        Assert.Equal((Run, TestStorage.Noon), (task.CheckRun, task.RequestedAt));
        Assert.NotNull(task.LeasedTo("three", "nonce", TestStorage.Noon.AddMinutes(2), TestStorage.Noon));
    }

    [Fact]
    public void A_result_that_is_due_in_the_future_is_not_waited_for()
    {
        var answered = ProbeTask.For(Host, Address, Run, "example.com", TestStorage.Noon) with { AnsweredAt = Future };

        Assert.True(answered.IsSettled(new HashSet<string> { "one" }, TimeSpan.FromMinutes(2), TestStorage.Noon));
        Assert.False((answered with { AnsweredAt = TestStorage.Noon }).IsSettled(new HashSet<string> { "one" }, TimeSpan.FromMinutes(2), TestStorage.Noon));
    }

    [Fact]
    public async Task A_probe_task_of_the_future_is_purged()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await new ProbeTaskStore(storage.Tables, new FakeTimeProvider(Future)).RequestAsync(Host, Address, FutureRun, "example.com", Cancellation);

        Assert.Equal(1, await storage.ProbeTasks.PurgeAsync(Cancellation));
    }

    [Fact]
    public async Task An_agent_that_was_active_in_the_future_is_not_in_use_until_it_asks_again()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await new AgentStore(storage.Tables, new FakeTimeProvider(Future)).NoteAsync("one", Cancellation);

        Assert.Empty(await storage.Agents.InUseAsync(Cancellation));
        Assert.False(await storage.Agents.AnyInUseAsync(Cancellation));
        await storage.Agents.NoteAsync("one", Cancellation);
        Assert.Single(await storage.Agents.InUseAsync(Cancellation));
    }

    [Fact]
    public async Task A_cached_time_from_before_a_clock_was_set_back_is_read_again()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var clock = new MovableTime { Time = Future };
        var agents = new AgentStore(storage.Tables, clock);
        Assert.False(await agents.AnyInUseAsync(Cancellation));

        clock.Time = TestStorage.Noon;
        await storage.Agents.NoteAsync("one", Cancellation);

        Assert.True(await agents.AnyInUseAsync(Cancellation));
    }

    [Fact]
    public async Task Post_counts_of_a_distant_day_are_purged_before_that_day()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var domain = DomainName.Parse("example.com");
        var day = TestStorage.Noon.AddDays(10);
        Assert.Equal(PostCountOutcome.Counted, await new PostCountStore(storage.Tables, new FakeTimeProvider(day)).CountAsync(domain, 5, 5, Cancellation));
        Assert.Equal(PostCountOutcome.Counted, await new PostCountStore(storage.Tables, new FakeTimeProvider(TestStorage.Noon.AddDays(1))).CountAsync(domain, 5, 5, Cancellation));
        Assert.Equal(PostCountOutcome.Counted, await storage.Posts.CountAsync(domain, 5, 5, Cancellation));

        await storage.RetentionBy(new RetentionOptions()).RunAsync(TestStorage.Noon, (_, purge) => purge(), Cancellation);

        Assert.Equal(PostCountOutcome.Counted, await new PostCountStore(storage.Tables, new FakeTimeProvider(day)).CountAsync(domain, 5, 5, Cancellation));
        // Today's count stays, and tomorrow's: another instance's clock may be ahead.
        Assert.Equal(PostCountOutcome.LimitReached, await storage.Posts.CountAsync(domain, 1, 5, Cancellation));
        Assert.Equal(PostCountOutcome.LimitReached, await new PostCountStore(storage.Tables, new FakeTimeProvider(TestStorage.Noon.AddDays(1))).CountAsync(domain, 1, 5, Cancellation));
    }

    [Fact]
    public void A_time_before_the_range_of_table_storage_is_written_as_the_earliest_time()
    {
        var record = new DomainRecord("default", DomainState.Active, "1", PolicyMode.Enforce, TestStorage.Noon, CheckRunState.None, NextExpiry: new DateTimeOffset(1500, 1, 1, 0, 0, 0, TimeSpan.Zero));

        var row = (TableEntity)Assert.Single(new DomainTransaction(DomainPartition.Empty("example.com")).Record(record).Actions).Entity;

        Assert.Equal(StorableTime.Earliest, row.GetDateTimeOffset("NextExpiry"));
        Assert.Equal(DateTimeOffset.MaxValue, StorableTime.Clamp(DateTimeOffset.MaxValue));
        Assert.Null(StorableTime.Clamp(null));
    }

    private static MxHostStore At(TestStorage storage, DateTimeOffset time) => new(storage.Tables, new FakeTimeProvider(time));

    private static async Task StoreProbeAsync(MxHostStore store, string run, string content)
    {
        var lease = Assert.IsType<MxClaim.Leased>(await store.ClaimAsync(Host, Address, run, Lease, null, Cancellation)).Lease;
        Assert.True(await store.StoreAsync(lease, run, System.Text.Encoding.UTF8.GetBytes(content), Cancellation));
    }

    // A corrected clock goes back, which is forbidden in any other test.
    private sealed class MovableTime : TimeProvider
    {
        public DateTimeOffset Time { get; set; }

        public override DateTimeOffset GetUtcNow() => Time;
    }
}
