using StsFunctions.Core.Checks;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Probes;
using StsFunctions.Storage;
using StsFunctions.Storage.Probes;
using StsFunctions.UseCases.Probes;
using Xunit;

namespace StsFunctions.Tests.Probes;

/// <summary>Which agent gets which probe task, and whose result counts.</summary>
public sealed class AgentLeaseTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_result_of_a_live_lease_is_stored_with_the_agents_name_and_the_requesting_check_run()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();

        await fixture.ProbeAsync("one", AgentFixture.Completed());

        var stored = await fixture.StoredAsync();
        Assert.Equal(("one", SmtpOutcome.Completed), (stored!.Agent, stored.Default.Outcome));
        Assert.Null(await fixture.StoredAsync("20260315120000000"));
    }

    [Fact]
    public async Task A_result_counts_once()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();
        var task = Assert.Single(await fixture.TakeTasksAsync("one"));

        await fixture.SubmitAsync("one", task, AgentFixture.Completed());

        await Assert.ThrowsAsync<NoProbeLeaseException>(() => fixture.SubmitAsync("one", task, AgentFixture.Failed(SmtpOutcome.StartTlsMissing)));
        Assert.Equal(SmtpOutcome.Completed, (await fixture.StoredAsync())!.Default.Outcome);
    }

    [Fact]
    public async Task One_of_many_concurrent_submissions_of_a_result_counts()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();
        var task = Assert.Single(await fixture.TakeTasksAsync("one"));

        var taken = await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            try
            {
                await fixture.SubmitAsync("one", task, AgentFixture.Completed());
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
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();
        var late = Assert.Single(await fixture.TakeTasksAsync("one"));
        Assert.Equal(TimeSpan.FromSeconds(late.Seconds), ProbeTaskDispatcher.Lease);

        fixture.Storage.Time.Advance(ProbeTaskDispatcher.Lease);

        await Assert.ThrowsAsync<NoProbeLeaseException>(() => fixture.SubmitAsync("one", late, AgentFixture.Completed()));
        var again = Assert.Single(await fixture.TakeTasksAsync("one"));
        await Assert.ThrowsAsync<NoProbeLeaseException>(() => fixture.SubmitAsync("one", late, AgentFixture.Completed()));
        await fixture.SubmitAsync("one", again, AgentFixture.Completed());
        Assert.NotEqual(late.Nonce, again.Nonce);
    }

    [Fact]
    public async Task A_result_with_another_nonce_agent_or_address_is_ignored_and_leaves_the_lease()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();
        await fixture.RequestAsync(host: "mx2.example.com");
        var tasks = await fixture.TakeTasksAsync("one");
        var (task, other) = (tasks.Single(t => t.Host == AgentFixture.Host), tasks.Single(t => t.Host != AgentFixture.Host));
        var foreign = (await fixture.TakeTasksAsync("two")).Single(t => t.Host == AgentFixture.Host);

        foreach (var (agent, wrong) in ((string, ProbeTaskJson)[])[
            ("one", task with { Nonce = "" }), ("one", task with { Nonce = task.Nonce[..^1] + "x" }), ("one", task with { Nonce = task.Nonce.ToUpperInvariant() + "é" }),
            ("one", task with { Nonce = other.Nonce }), ("one", task with { Nonce = foreign.Nonce }),
            ("two", task), ("three", task), ("three", task with { Nonce = "" }),
            ("one", task with { Host = other.Host }), ("one", task with { Host = "mx3.example.com" }), ("one", task with { Host = "@agents" }), ("one", task with { Address = "192.0.2.26" })])
        {
            await Assert.ThrowsAsync<NoProbeLeaseException>(() => fixture.SubmitAsync(agent, wrong, AgentFixture.Completed()));
        }

        Assert.Null(await fixture.StoredAsync());
        await fixture.SubmitAsync("one", task, AgentFixture.Completed());
        await fixture.SubmitAsync("two", foreign, AgentFixture.Completed());
    }

    [Fact]
    public async Task Two_agents_probe_an_address_once_each()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();

        Assert.Single(await fixture.TakeTasksAsync("one"));
        Assert.Empty(await fixture.TakeTasksAsync("one"));
        await fixture.ProbeAsync("two", AgentFixture.Completed());
        Assert.Empty(await fixture.TakeTasksAsync("three"));
        Assert.Empty(await fixture.TakeTasksAsync("two"));

        // The first was killed: another agent gets its place, and the second does not probe twice.
        fixture.Storage.Time.Advance(TimeSpan.FromSeconds(119));
        Assert.Empty(await fixture.TakeTasksAsync("three"));
    }

    [Fact]
    public async Task An_address_is_dispatched_to_at_most_two_of_many_concurrent_agents()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();

        var dispatched = await Task.WhenAll(Enumerable.Range(0, 10).Select(n => fixture.TakeTasksAsync($"agent{n}")));

        Assert.InRange(dispatched.Sum(tasks => tasks.Count), 1, 2);
    }

    [Fact]
    public async Task An_agent_that_cannot_connect_either_leaves_the_task_to_another_and_does_not_get_it_again_in_that_check_run()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();

        await fixture.ProbeAsync("one", AgentFixture.Failed(SmtpOutcome.NoRoute));

        Assert.Null(await fixture.StoredAsync());
        Assert.Empty(await fixture.TakeTasksAsync("one"));
        Assert.Empty(await fixture.ChecksAsync());
        await fixture.ProbeAsync("two", AgentFixture.Completed());
        Assert.Equal("two", (await fixture.StoredAsync())!.Agent);

        await fixture.RequestAsync(run: AgentFixture.Run + ".2");
        Assert.Single(await fixture.TakeTasksAsync("one"));
    }

    [Fact]
    public async Task Each_requesting_attempt_of_a_check_run_is_answered_by_a_probe_of_its_own()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        foreach (var run in (string[])[AgentFixture.Run, AgentFixture.Run + ".2", AgentFixture.Run + ".3"])
        {
            Assert.Null(await fixture.StoredAsync(run));
            fixture.Storage.Time.Advance(TimeSpan.FromMinutes(5));
            await fixture.RequestAsync(run: run);
            await fixture.ProbeAsync("one", AgentFixture.Completed());
            Assert.NotNull(await fixture.StoredAsync(run));

            Assert.Empty(await fixture.TakeTasksAsync("one"));
            Assert.Equal(new CheckRequest("example.com", AgentFixture.Run, CheckRequest.Recheck), Assert.Single(await fixture.ChecksAsync()));
        }
    }

    [Fact]
    public async Task The_result_of_a_later_check_run_is_not_replaced_by_one_of_an_earlier_run()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();
        var task = Assert.Single(await fixture.TakeTasksAsync("one"));
        var lease = Assert.IsType<MxClaim.Leased>(await fixture.Storage.MxHosts.ClaimAsync(AgentFixture.Host, AgentFixture.Address, "20260314120200000", TimeSpan.FromMinutes(1), null, Cancellation)).Lease;
        await fixture.Storage.MxHosts.StoreAsync(lease, "20260314120200000", AgentFixture.Completed().ToJson(), Cancellation);

        await fixture.SubmitAsync("one", task, AgentFixture.Failed(SmtpOutcome.StartTlsMissing));

        Assert.Equal((null, SmtpOutcome.Completed), ((await fixture.StoredAsync())!.Agent, (await fixture.StoredAsync())!.Default.Outcome));
    }

    [Fact]
    public async Task An_inconclusive_probe_of_the_app_does_not_replace_the_result_of_an_agent()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        var lease = Assert.IsType<MxClaim.Leased>(await fixture.Storage.MxHosts.ClaimAsync(AgentFixture.Host, AgentFixture.Address, AgentFixture.Run, TimeSpan.FromMinutes(1), null, Cancellation)).Lease;
        await fixture.RequestAsync();
        await fixture.ProbeAsync("one", AgentFixture.Completed());

        Assert.False(await fixture.Storage.MxHosts.StoreAsync(lease, AgentFixture.Run, AgentFixture.Failed(SmtpOutcome.ConnectionTimedOut).ToJson(), Cancellation));

        Assert.Equal("one", (await fixture.StoredAsync())!.Agent);
    }

    [Fact]
    public async Task The_waiting_domains_are_checked_again_once_the_agent_has_submitted_all_its_results()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        foreach (var domain in (string[])["a.example", "b.example", "a.example"])
        {
            await fixture.RequestAsync(domain);
            await fixture.RequestAsync(domain, host: "mx2.example.com");
        }

        foreach (var task in await fixture.TakeTasksAsync("one"))
        {
            await fixture.SubmitAsync("one", task, AgentFixture.Completed());
            Assert.Empty(await fixture.ChecksAsync());
        }

        Assert.Empty(await fixture.TakeTasksAsync("one"));
        Assert.Equal(["a.example", "b.example"], (await fixture.ChecksAsync()).Select(check => check.Domain));

        // And that is all: a completed task is deleted.
        Assert.Empty(await fixture.TakeTasksAsync("one"));
        Assert.Empty(await fixture.ChecksAsync());
        Assert.Null(await fixture.Storage.ProbeTasks.FindAsync(AgentFixture.Host, AgentFixture.Address, Cancellation));
    }

    [Fact]
    public async Task The_result_of_a_second_active_agent_is_waited_for_but_not_for_long()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        Assert.Empty(await fixture.TakeTasksAsync("two"));
        await fixture.RequestAsync();
        await fixture.ProbeAsync("one", AgentFixture.Completed());

        await fixture.TakeTasksAsync("one");
        Assert.Empty(await fixture.ChecksAsync());

        fixture.Storage.Time.Advance(ProbeResultHandler.SecondOpinion);
        await fixture.TakeTasksAsync("one");
        Assert.Single(await fixture.ChecksAsync());
    }

    [Fact]
    public async Task Nothing_is_waited_for_once_both_agents_have_answered()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.TakeTasksAsync("two");
        await fixture.RequestAsync();
        await fixture.ProbeAsync("one", AgentFixture.Completed());
        await fixture.ProbeAsync("two", AgentFixture.Completed());

        await fixture.TakeTasksAsync("one");

        Assert.Single(await fixture.ChecksAsync());
    }

    [Fact]
    public async Task A_task_that_was_not_probed_in_a_day_is_not_dispatched_and_is_purged()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();
        fixture.Storage.Time.Advance(TimeSpan.FromDays(1) + TimeSpan.FromSeconds(1));
        await fixture.RequestAsync(host: "mx2.example.com");

        Assert.Equal("mx2.example.com", Assert.Single(await fixture.TakeTasksAsync("one")).Host);
        Assert.Equal(1, await fixture.Storage.ProbeTasks.PurgeAsync(Cancellation));

        Assert.Null(await fixture.Storage.ProbeTasks.FindAsync(AgentFixture.Host, AgentFixture.Address, Cancellation));
    }

    [Fact]
    public async Task A_task_for_a_host_of_thousands_of_domains_is_a_row_of_bounded_size()
    {
        var task = ProbeTask.For(AgentFixture.Host, AgentFixture.Address, AgentFixture.Run, "0.example", TestStorage.Noon);
        var label = new string('a', 63);
        for (var n = 1; n < 3000; n++)
        {
            task = task.Requested(AgentFixture.Run, $"{n:d4}{label[4..]}.{label}.{label}.{label[4..]}", TestStorage.Noon);
        }

        var fixture = await AgentFixture.OpenAsync(azurite);
        Assert.True(await fixture.Storage.ProbeTasks.WriteAsync(task, Cancellation));
        Assert.Equal(task.Domains, (await fixture.Storage.ProbeTasks.FindAsync(AgentFixture.Host, AgentFixture.Address, Cancellation))!.Domains);
    }
}
