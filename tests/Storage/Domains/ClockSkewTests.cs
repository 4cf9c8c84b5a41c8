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

/// <summary>A clock that was wrong once, in every time that is stored: it holds nothing up until that time has come.</summary>
public sealed class ClockSkewTests(AzuriteFixture azurite)
{
    private const string Host = "mx.example.com";
    private const string Round = "20260314120000000";
    private const string FutureRound = "20270314120000000";
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
    public void What_was_never_done_is_neither_of_the_future_nor_done()
    {
        Assert.False(ClockSkew.IsFuture(null, TestStorage.Noon));
        Assert.False(ClockSkew.IsFutureCheckRun("", TestStorage.Noon));
        Assert.False(ClockSkew.IsWithin(null, TimeSpan.FromDays(1), TestStorage.Noon));
        Assert.False(ClockSkew.IsLive(null, Lease, TestStorage.Noon));
    }

    [Fact]
    public async Task A_lease_of_a_clock_that_was_wrong_keeps_nobody_from_looking()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await At(storage, Future).ClaimAsync(Host, Address, Round, Lease, null, Cancellation);

        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync(Host, Address, Round, Lease, null, Cancellation));
        Assert.IsType<MxClaim.Busy>(await storage.MxHosts.ClaimAsync(Host, Address, Round, Lease, null, Cancellation));
    }

    [Fact]
    public async Task What_was_seen_in_a_round_of_the_future_is_served_to_no_other_round_and_is_overwritten()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await LookAsync(At(storage, Future), FutureRound, "old");

        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync(Host, Address, Round, Lease, null, Cancellation));
        await storage.MxHosts.StoreAsync(Host, Address, Round, "new"u8.ToArray(), Cancellation);

        Assert.Equal("new"u8.ToArray(), Assert.IsType<MxClaim.Probed>(await storage.MxHosts.ClaimAsync(Host, Address, Round, Lease, null, Cancellation)).Content);
    }

    [Fact]
    public async Task A_look_of_the_future_is_not_young_whatever_its_round()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await LookAsync(At(storage, Future), Round, "old");

        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync(Host, Address, Round, Lease, TimeSpan.FromMinutes(2.5), Cancellation));
    }

    [Fact]
    public async Task An_agent_is_given_what_another_leased_in_the_future_and_the_round_that_asks_now_counts()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var wrong = new ProbeTaskStore(storage.Tables, new FakeTimeProvider(Future));
        await wrong.RequestAsync(Host, Address, FutureRound, "example.com", Cancellation);
        foreach (var agent in (string[])["one", "two"])
        {
            var look = await wrong.FindAsync(Host, Address, Cancellation);
            Assert.True(await wrong.WriteAsync(look!.LeasedTo(agent, "nonce", Future.AddMinutes(2), Future)!, Cancellation));
        }

        Assert.Equal(Host, Assert.Single(await storage.Wanted.FreeForAsync("three", Cancellation).ToListAsync(Cancellation)).Host);
        await storage.Wanted.RequestAsync(Host, Address, Round, "example.com", Cancellation);
        var wanted = (await storage.Wanted.FindAsync(Host, Address, Cancellation))!;
        Assert.Equal((Round, TestStorage.Noon), (wanted.CheckRun, wanted.RequestedAt));
        Assert.NotNull(wanted.LeasedTo("three", "nonce", TestStorage.Noon.AddMinutes(2), TestStorage.Noon));
    }

    [Fact]
    public void An_answer_of_the_future_is_not_waited_for()
    {
        var answered = ProbeTask.For(Host, Address, Round, "example.com", TestStorage.Noon) with { AnsweredAt = Future };

        Assert.True(answered.IsSettled(new HashSet<string> { "one" }, TimeSpan.FromMinutes(2), TestStorage.Noon));
        Assert.False((answered with { AnsweredAt = TestStorage.Noon }).IsSettled(new HashSet<string> { "one" }, TimeSpan.FromMinutes(2), TestStorage.Noon));
    }

    [Fact]
    public async Task What_was_asked_for_in_the_future_is_swept()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await new ProbeTaskStore(storage.Tables, new FakeTimeProvider(Future)).RequestAsync(Host, Address, FutureRound, "example.com", Cancellation);

        Assert.Equal(1, await storage.Wanted.PurgeAsync(Cancellation));
    }

    [Fact]
    public async Task An_agent_that_asked_in_the_future_is_not_in_use_until_it_asks_again()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await new AgentStore(storage.Tables, new FakeTimeProvider(Future)).NoteAsync("one", Cancellation);

        Assert.Empty(await storage.Agents.InUseAsync(Cancellation));
        Assert.False(await storage.Agents.AnyInUseAsync(Cancellation));
        await storage.Agents.NoteAsync("one", Cancellation);
        Assert.Single(await storage.Agents.InUseAsync(Cancellation));
    }

    [Fact]
    public async Task What_an_instance_remembers_from_before_its_clock_went_back_is_asked_for_again()
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
    public async Task Posts_that_were_counted_on_a_day_far_off_are_cleared_away_before_it_comes()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var domain = DomainName.Parse("example.com");
        var day = TestStorage.Noon.AddDays(10);
        Assert.Equal(PostCountOutcome.Counted, await new PostCountStore(storage.Tables, new FakeTimeProvider(day)).CountAsync(domain, 5, 5, Cancellation));
        Assert.Equal(PostCountOutcome.Counted, await new PostCountStore(storage.Tables, new FakeTimeProvider(TestStorage.Noon.AddDays(1))).CountAsync(domain, 5, 5, Cancellation));
        Assert.Equal(PostCountOutcome.Counted, await storage.Posts.CountAsync(domain, 5, 5, Cancellation));

        await storage.RetentionBy(new RetentionOptions()).RunAsync(TestStorage.Noon, (_, purge) => purge(), Cancellation);

        Assert.Equal(PostCountOutcome.Counted, await new PostCountStore(storage.Tables, new FakeTimeProvider(day)).CountAsync(domain, 5, 5, Cancellation));
        // Today's stands, and tomorrow's: another instance's clock may be ahead.
        Assert.Equal(PostCountOutcome.LimitReached, await storage.Posts.CountAsync(domain, 1, 5, Cancellation));
        Assert.Equal(PostCountOutcome.LimitReached, await new PostCountStore(storage.Tables, new FakeTimeProvider(TestStorage.Noon.AddDays(1))).CountAsync(domain, 1, 5, Cancellation));
    }

    [Fact]
    public void A_time_that_a_table_does_not_hold_is_written_as_the_earliest_that_it_does()
    {
        var record = new DomainRecord("default", DomainState.Active, "1", PolicyMode.Enforce, TestStorage.Noon, CheckRunState.None, NextExpiry: new DateTimeOffset(1500, 1, 1, 0, 0, 0, TimeSpan.Zero));

        var row = (TableEntity)Assert.Single(new DomainTransaction(DomainPartition.Empty("example.com")).Record(record).Actions).Entity;

        Assert.Equal(StorableTime.Earliest, row.GetDateTimeOffset("NextExpiry"));
        Assert.Equal(DateTimeOffset.MaxValue, StorableTime.Clamp(DateTimeOffset.MaxValue));
        Assert.Null(StorableTime.Clamp(null));
    }

    private static MxHostStore At(TestStorage storage, DateTimeOffset time) => new(storage.Tables, new FakeTimeProvider(time));

    private static async Task LookAsync(MxHostStore store, string round, string content)
    {
        var lease = Assert.IsType<MxClaim.Leased>(await store.ClaimAsync(Host, Address, round, Lease, null, Cancellation)).Lease;
        Assert.True(await store.StoreAsync(lease, round, System.Text.Encoding.UTF8.GetBytes(content), Cancellation));
    }

    // A clock that is put right goes back, which no other test's may.
    private sealed class MovableTime : TimeProvider
    {
        public DateTimeOffset Time { get; set; }

        public override DateTimeOffset GetUtcNow() => Time;
    }
}
