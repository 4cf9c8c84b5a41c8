using StsFunctions.Core.Checks;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Probes;
using StsFunctions.Storage;
using StsFunctions.Storage.Probes;
using StsFunctions.UseCases.Probes;
using Xunit;

namespace StsFunctions.Tests.Probes;

/// <summary>Who is given what to look at, and whose result counts.</summary>
public sealed class AgentLeaseTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_result_of_a_live_lease_is_stored_with_the_agents_name_and_the_requesting_check_run()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.AskAsync();

        await desk.LookAsync("one", AgentFixture.Seen());

        var kept = await desk.KeptAsync();
        Assert.Equal(("one", SmtpOutcome.Completed), (kept!.Agent, kept.Default.Outcome));
        Assert.Null(await desk.KeptAsync("20260315120000000"));
    }

    [Fact]
    public async Task A_result_counts_once()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.AskAsync();
        var task = Assert.Single(await desk.TakeWorkAsync("one"));

        await desk.HandInAsync("one", task, AgentFixture.Seen());

        await Assert.ThrowsAsync<NoProbeLeaseException>(() => desk.HandInAsync("one", task, AgentFixture.Failed(SmtpOutcome.StartTlsMissing)));
        Assert.Equal(SmtpOutcome.Completed, (await desk.KeptAsync())!.Default.Outcome);
    }

    [Fact]
    public async Task One_of_many_concurrent_submissions_of_a_result_counts()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.AskAsync();
        var task = Assert.Single(await desk.TakeWorkAsync("one"));

        var taken = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            try
            {
                await desk.HandInAsync("one", task, AgentFixture.Seen());
                return true;
            }
            catch (Exception e) when (e is NoProbeLeaseException or ConcurrentChangeException)
            {
                return false;
            }
        }));

        Assert.Single(taken, isTaken => isTaken);
    }

    [Fact]
    public async Task A_lease_expires_by_the_clock_of_the_app_and_can_then_be_taken()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.AskAsync();
        var late = Assert.Single(await desk.TakeWorkAsync("one"));
        Assert.Equal(TimeSpan.FromSeconds(late.Seconds), ProbeTaskDispatcher.Lease);

        desk.Storage.Time.Advance(ProbeTaskDispatcher.Lease);

        await Assert.ThrowsAsync<NoProbeLeaseException>(() => desk.HandInAsync("one", late, AgentFixture.Seen()));
        var again = Assert.Single(await desk.TakeWorkAsync("one"));
        await Assert.ThrowsAsync<NoProbeLeaseException>(() => desk.HandInAsync("one", late, AgentFixture.Seen()));
        await desk.HandInAsync("one", again, AgentFixture.Seen());
        Assert.NotEqual(late.Nonce, again.Nonce);
    }

    [Fact]
    public async Task A_result_with_another_nonce_agent_or_address_is_ignored_and_leaves_the_lease()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.AskAsync();
        await desk.AskAsync(host: "mx2.example.com");
        var tasks = await desk.TakeWorkAsync("one");
        var (task, other) = (tasks.Single(t => t.Host == AgentFixture.Host), tasks.Single(t => t.Host != AgentFixture.Host));
        var foreign = (await desk.TakeWorkAsync("two")).Single(t => t.Host == AgentFixture.Host);

        foreach (var (agent, wrong) in ((string, ProbeTaskJson)[])[
            ("one", task with { Nonce = "" }), ("one", task with { Nonce = task.Nonce[..^1] + "x" }), ("one", task with { Nonce = task.Nonce.ToUpperInvariant() + "é" }),
            ("one", task with { Nonce = other.Nonce }), ("one", task with { Nonce = foreign.Nonce }),
            ("two", task), ("three", task), ("three", task with { Nonce = "" }),
            ("one", task with { Host = other.Host }), ("one", task with { Host = "mx3.example.com" }), ("one", task with { Host = "@agents" }), ("one", task with { Address = "192.0.2.26" })])
        {
            await Assert.ThrowsAsync<NoProbeLeaseException>(() => desk.HandInAsync(agent, wrong, AgentFixture.Seen()));
        }

        Assert.Null(await desk.KeptAsync());
        await desk.HandInAsync("one", task, AgentFixture.Seen());
        await desk.HandInAsync("two", foreign, AgentFixture.Seen());
    }

    [Fact]
    public async Task Two_agents_probe_an_address_once_each()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.AskAsync();

        Assert.Single(await desk.TakeWorkAsync("one"));
        Assert.Empty(await desk.TakeWorkAsync("one"));
        await desk.LookAsync("two", AgentFixture.Seen());
        Assert.Empty(await desk.TakeWorkAsync("three"));
        Assert.Empty(await desk.TakeWorkAsync("two"));

        // The first was killed: another gets its place, and the second does not look twice.
        desk.Storage.Time.Advance(TimeSpan.FromSeconds(119));
        Assert.Empty(await desk.TakeWorkAsync("three"));
    }

    [Fact]
    public async Task An_address_is_dispatched_to_at_most_two_of_many_concurrent_agents()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.AskAsync();

        var given = await Task.WhenAll(Enumerable.Range(0, 10).Select(n => desk.TakeWorkAsync($"agent{n}")));

        Assert.InRange(given.Sum(looks => looks.Count), 1, 2);
    }

    [Fact]
    public async Task An_agent_that_cannot_connect_either_leaves_the_task_to_another_and_does_not_get_it_again_in_that_check_run()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.AskAsync();

        await desk.LookAsync("one", AgentFixture.Failed(SmtpOutcome.NoRoute));

        Assert.Null(await desk.KeptAsync());
        Assert.Empty(await desk.TakeWorkAsync("one"));
        Assert.Empty(await desk.ChecksAsync());
        await desk.LookAsync("two", AgentFixture.Seen());
        Assert.Equal("two", (await desk.KeptAsync())!.Agent);

        await desk.AskAsync(round: AgentFixture.Round + ".2");
        Assert.Single(await desk.TakeWorkAsync("one"));
    }

    [Fact]
    public async Task Each_requesting_attempt_of_a_check_run_is_answered_by_a_probe_of_its_own()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        foreach (var round in (string[])[AgentFixture.Round, AgentFixture.Round + ".2", AgentFixture.Round + ".3"])
        {
            Assert.Null(await desk.KeptAsync(round));
            desk.Storage.Time.Advance(TimeSpan.FromMinutes(5));
            await desk.AskAsync(round: round);
            await desk.LookAsync("one", AgentFixture.Seen());
            Assert.NotNull(await desk.KeptAsync(round));

            Assert.Empty(await desk.TakeWorkAsync("one"));
            Assert.Equal(new CheckRequest("example.com", AgentFixture.Round, CheckRequest.Recheck), Assert.Single(await desk.ChecksAsync()));
        }
    }

    [Fact]
    public async Task The_result_of_a_later_check_run_is_not_replaced_by_one_of_an_earlier_run()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.AskAsync();
        var task = Assert.Single(await desk.TakeWorkAsync("one"));
        var lease = Assert.IsType<MxClaim.Leased>(await desk.Storage.MxHosts.ClaimAsync(AgentFixture.Host, AgentFixture.Address, "20260314120200000", TimeSpan.FromMinutes(1), null, Cancellation)).Lease;
        await desk.Storage.MxHosts.StoreAsync(lease, "20260314120200000", AgentFixture.Seen().ToJson(), Cancellation);

        await desk.HandInAsync("one", task, AgentFixture.Failed(SmtpOutcome.StartTlsMissing));

        Assert.Equal((null, SmtpOutcome.Completed), ((await desk.KeptAsync())!.Agent, (await desk.KeptAsync())!.Default.Outcome));
    }

    [Fact]
    public async Task An_inconclusive_probe_of_the_app_does_not_replace_the_result_of_an_agent()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        var lease = Assert.IsType<MxClaim.Leased>(await desk.Storage.MxHosts.ClaimAsync(AgentFixture.Host, AgentFixture.Address, AgentFixture.Round, TimeSpan.FromMinutes(1), null, Cancellation)).Lease;
        await desk.AskAsync();
        await desk.LookAsync("one", AgentFixture.Seen());

        Assert.False(await desk.Storage.MxHosts.StoreAsync(lease, AgentFixture.Round, AgentFixture.Failed(SmtpOutcome.ConnectionTimedOut).ToJson(), Cancellation));

        Assert.Equal("one", (await desk.KeptAsync())!.Agent);
    }

    [Fact]
    public async Task The_waiting_domains_are_checked_again_once_the_agent_has_submitted_all_its_results()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        foreach (var domain in (string[])["a.example", "b.example", "a.example"])
        {
            await desk.AskAsync(domain);
            await desk.AskAsync(domain, host: "mx2.example.com");
        }

        foreach (var task in await desk.TakeWorkAsync("one"))
        {
            await desk.HandInAsync("one", task, AgentFixture.Seen());
            Assert.Empty(await desk.ChecksAsync());
        }

        Assert.Empty(await desk.TakeWorkAsync("one"));
        Assert.Equal(["a.example", "b.example"], (await desk.ChecksAsync()).Select(check => check.Domain));

        // And that is all: what was passed on is gone.
        Assert.Empty(await desk.TakeWorkAsync("one"));
        Assert.Empty(await desk.ChecksAsync());
        Assert.Null(await desk.Storage.ProbeTasks.FindAsync(AgentFixture.Host, AgentFixture.Address, Cancellation));
    }

    [Fact]
    public async Task The_result_of_a_second_active_agent_is_waited_for_but_not_for_long()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        Assert.Empty(await desk.TakeWorkAsync("two"));
        await desk.AskAsync();
        await desk.LookAsync("one", AgentFixture.Seen());

        await desk.TakeWorkAsync("one");
        Assert.Empty(await desk.ChecksAsync());

        desk.Storage.Time.Advance(ProbeResultHandler.SecondOpinion);
        await desk.TakeWorkAsync("one");
        Assert.Single(await desk.ChecksAsync());
    }

    [Fact]
    public async Task Nothing_is_waited_for_once_both_agents_have_answered()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.TakeWorkAsync("two");
        await desk.AskAsync();
        await desk.LookAsync("one", AgentFixture.Seen());
        await desk.LookAsync("two", AgentFixture.Seen());

        await desk.TakeWorkAsync("one");

        Assert.Single(await desk.ChecksAsync());
    }

    [Fact]
    public async Task A_task_that_was_not_probed_in_a_day_is_not_dispatched_and_is_purged()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.AskAsync();
        desk.Storage.Time.Advance(TimeSpan.FromDays(1) + TimeSpan.FromSeconds(1));
        await desk.AskAsync(host: "mx2.example.com");

        Assert.Equal("mx2.example.com", Assert.Single(await desk.TakeWorkAsync("one")).Host);
        Assert.Equal(1, await desk.Storage.ProbeTasks.PurgeAsync(Cancellation));

        Assert.Null(await desk.Storage.ProbeTasks.FindAsync(AgentFixture.Host, AgentFixture.Address, Cancellation));
    }

    [Fact]
    public async Task A_task_for_a_host_of_thousands_of_domains_is_a_row_of_bounded_size()
    {
        var look = ProbeTask.For(AgentFixture.Host, AgentFixture.Address, AgentFixture.Round, "0.example", TestStorage.Noon);
        var label = new string('a', 63);
        for (var n = 1; n < 3000; n++)
        {
            look = look.Requested(AgentFixture.Round, $"{n:d4}{label[4..]}.{label}.{label}.{label[4..]}", TestStorage.Noon);
        }

        var desk = await AgentFixture.OpenAsync(azurite);
        Assert.True(await desk.Storage.ProbeTasks.WriteAsync(look, Cancellation));
        Assert.Equal(look.Domains, (await desk.Storage.ProbeTasks.FindAsync(AgentFixture.Host, AgentFixture.Address, Cancellation))!.Domains);
    }
}
