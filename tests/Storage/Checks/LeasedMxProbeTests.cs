using System.Net;
using StsFunctions.Core.Observations;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Storage.Probes;
using StsFunctions.Tests.Storage;
using StsFunctions.UseCases.Checks;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Checks;

public sealed class LeasedMxProbeTests(AzuriteFixture azurite)
{
    private const string Run = "20260314120000000";
    private static readonly IPAddress Address = IPAddress.Parse("192.0.2.25");
    private static readonly CheckOptions Options = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_host_of_many_domains_is_probed_once_in_a_check_run()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var counting = new CountingProbe();
        // Several instances, each with its own client.
        var probes = Enumerable.Range(0, 8).Select(_ => new LeasedMxProbe(new MxHostStore(storage.Account.Tables(), TimeProvider.System), counting, Options, TimeProvider.System)).ToList();

        var results = await Task.WhenAll(probes.SelectMany(probe => Enumerable.Range(0, 4).Select(_ => probe.ProbeAsync("mx.example.com", Address, Run, null, Cancellation))));

        Assert.Equal(1, counting.Probes);
        Assert.All(results, session => Assert.Equal(results[0].ToJson(), session.ToJson()));
        Assert.Equal(("probe 1", SmtpOutcome.Completed), (results[0].Default.Banner, results[0].Default.Outcome));

        Assert.Equal("probe 2", (await probes[0].ProbeAsync("mx.example.com", Address, "20260315120000000", null, Cancellation)).Default.Banner);
    }

    [Fact]
    public async Task A_caller_that_waits_for_a_killed_one_probes_once_the_lease_has_expired()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await storage.MxHosts.ClaimAsync("mx.example.com", Address, Run, TimeSpan.FromMinutes(2), null, Cancellation);
        var counting = new CountingProbe();
        var waiting = new LeasedMxProbe(storage.MxHosts, counting, Options, storage.Time).ProbeAsync("mx.example.com", Address, Run, null, Cancellation);

        while (!waiting.IsCompleted)
        {
            Assert.True(counting.Probes == 0 || storage.Time.GetUtcNow() >= TestStorage.Noon.AddMinutes(2));
            storage.Time.Advance(TimeSpan.FromSeconds(5));
            await Task.Delay(10, Cancellation);
        }

        Assert.Equal("probe 1", (await waiting).Default.Banner);
        Assert.True(storage.Time.GetUtcNow() >= TestStorage.Noon.AddMinutes(2));
    }

    [Fact]
    public async Task A_caller_that_runs_out_of_time_releases_the_lease_and_the_next_one_need_not_wait()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        using var deadline = new CancellationTokenSource();
        var cut = new LeasedMxProbe(storage.MxHosts, new CountingProbe { Opened = deadline.Cancel }, Options, storage.Time);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => cut.ProbeAsync("mx.example.com", Address, Run, null, deadline.Token));

        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync("mx.example.com", Address, Run, TimeSpan.FromMinutes(2), null, Cancellation));
    }

    [Fact]
    public async Task Releasing_a_lease_that_another_caller_took_over_changes_nothing()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var first = Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync("mx.example.com", Address, Run, TimeSpan.FromMinutes(2), null, Cancellation)).Lease;
        storage.Time.Advance(TimeSpan.FromMinutes(3));
        await storage.MxHosts.ClaimAsync("mx.example.com", Address, Run, TimeSpan.FromMinutes(2), null, Cancellation);

        await storage.MxHosts.ReleaseAsync(first);

        Assert.IsType<MxClaim.Busy>(await storage.MxHosts.ClaimAsync("mx.example.com", Address, Run, TimeSpan.FromMinutes(2), null, Cancellation));
    }

    [Fact]
    public async Task One_session_never_confirms_a_fault_three_times_for_any_attempt_of_another_domain()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var counting = new CountingProbe();
        var probe = new LeasedMxProbe(storage.MxHosts, counting, Options, storage.Time);
        // The last attempt of a domain that was checked a while before, and then three of another.
        await probe.ProbeAsync("mx.example.com", Address, $"{Run}.5", null, Cancellation);
        storage.Time.Advance(TimeSpan.FromMinutes(15));
        var first = await probe.ProbeAsync("mx.example.com", Address, Run, null, Cancellation);
        storage.Time.Advance(TimeSpan.FromMinutes(5));
        var second = await probe.ProbeAsync("mx.example.com", Address, new CheckAttempt($"{Run}.2", TimeSpan.FromMinutes(2.5)), null, Cancellation);
        storage.Time.Advance(TimeSpan.FromMinutes(1));
        var shared = await probe.ProbeAsync("mx.example.com", Address, new CheckAttempt($"{Run}.2", TimeSpan.FromMinutes(2.5)), null, Cancellation);
        storage.Time.Advance(TimeSpan.FromMinutes(4));
        var third = await probe.ProbeAsync("mx.example.com", Address, new CheckAttempt($"{Run}.3", TimeSpan.FromMinutes(2.5)), null, Cancellation);

        Assert.Equal(["probe 1", "probe 2", "probe 2", "probe 3"], ((MxProbeResult[])[first, second, shared, third]).Select(probe => probe.Default.Banner));
    }

    [Fact]
    public async Task A_stored_probe_of_another_version_of_the_app_is_repeated()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var lease = Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync("mx.example.com", Address, Run, TimeSpan.FromMinutes(2), null, Cancellation)).Lease;
        await storage.MxHosts.StoreAsync(lease, Run, "[1, 2]"u8.ToArray(), Cancellation);

        Assert.Equal("probe 1", (await new LeasedMxProbe(storage.MxHosts, new CountingProbe(), Options, storage.Time).ProbeAsync("mx.example.com", Address, Run, null, Cancellation)).Default.Banner);
    }

    [Fact]
    public async Task The_next_check_run_gets_the_result_of_the_one_before()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var counting = new CountingProbe();
        var probe = new LeasedMxProbe(storage.MxHosts, counting, Options, storage.Time);
        var given = new MxProbeResult(new SmtpSession("192.0.2.25", SmtpOutcome.ConnectionDropped), []);

        var first = await probe.ProbeAsync("mx.example.com", Address, Run, given, Cancellation);
        await probe.ProbeAsync("mx.example.com", Address, "20260315120000000", given, Cancellation);

        Assert.Equal(given, counting.Before[0]);
        Assert.Equal(first.ToJson(), counting.Before[1]!.ToJson());
    }

    [Fact]
    public async Task A_result_whose_restricted_sessions_do_not_fit_into_a_row_is_stored_without_them()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var chain = new TlsSession("Tls12", "x", [new byte[300_000]], [new byte[300_000]], []);
        var counting = new CountingProbe { Restricted = [new SmtpSession("192.0.2.25", SmtpOutcome.Completed, TlsOffer.Tls12Rsa, Tls: chain)] };
        var probe = new LeasedMxProbe(storage.MxHosts, counting, Options, storage.Time);

        Assert.Single((await probe.ProbeAsync("mx.example.com", Address, Run, null, Cancellation)).Restricted);
        var stored = await probe.ProbeAsync("mx.example.com", Address, Run, null, Cancellation);

        Assert.Equal(("probe 1", 0, TestStorage.Noon), (stored.Default.Banner, stored.Restricted.Count, stored.RestrictedAt));
    }

    [Theory]
    [InlineData(400)]
    [InlineData(413)]
    public async Task A_result_that_storage_rejects_is_used_but_not_shared(int status)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await using var proxy = await FaultInjectionProxy.StartAsync(storage.ConnectionString, Cancellation);
        // The claim of an address that was never probed adds a row; the first that replaces one retains the result.
        var replaced = 0;
        proxy.OnCall = call => call is { Service: "table", Method: "PUT" } && replaced++ == 0 ? new Storage.Fault.Answer(status) : null;
        var probe = new LeasedMxProbe(new TestStorage(proxy.ConnectionString).MxHosts, new CountingProbe(), Options, storage.Time);

        Assert.Equal("probe 1", (await probe.ProbeAsync("mx.example.com", Address, Run, null, Cancellation)).Default.Banner);
        Assert.Equal("probe 2", (await probe.ProbeAsync("mx.example.com", Address, Run, null, Cancellation)).Default.Banner);
    }

    [Fact]
    public async Task Two_domains_behind_one_host_are_evaluated_by_one_probe()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await using var lab = await Lab.StartAsync(
            new LabDomain("one.example", "") { Mx = [new("mx.provider.example")] },
            new LabDomain("two.example", "") { Mx = [new("mx.provider.example")] });
        var options = lab.Options();
        var observers = Enumerable.Range(0, 2).Select(_ => lab.ObserverOf(lab.Probe(), options, TimeProvider.System, storage.MxHosts)).ToList();

        var one = await observers[0].ObserveAsync(DomainName.Parse("one.example"), Run, Cancellation);
        lab.MailLab.Mx("mx.provider.example").Stop();
        var two = await observers[1].ObserveAsync(DomainName.Parse("two.example"), Run, Cancellation);
        var later = await observers[1].ObserveAsync(DomainName.Parse("two.example"), "20260315120000000", Cancellation);

        Assert.Equal(one.MxHosts[0].Probes[0].ToJson(), two.MxHosts[0].Probes[0].ToJson());
        Assert.Equal(SmtpOutcome.Completed, two.MxHosts[0].Sessions[0].Outcome);
        Assert.Equal(SmtpOutcome.ConnectionRefused, later.MxHosts[0].Sessions[0].Outcome);
    }

    private sealed class CountingProbe : IMxProbe
    {
        private readonly Lock _gate = new();

        public int Probes => Before.Count;

        public List<MxProbeResult?> Before { get; } = [];

        public IReadOnlyList<SmtpSession> Restricted { get; init; } = [];

        public Action Opened { get; init; } = () => { };

        public Task<MxProbeResult> ProbeAsync(string mxHost, IPAddress address, CheckAttempt attempt, MxProbeResult? before, CancellationToken cancellationToken)
        {
            Opened();
            cancellationToken.ThrowIfCancellationRequested();
            lock (_gate)
            {
                Before.Add(before);
                var session = new SmtpSession(
                    address.ToString(), SmtpOutcome.Completed, Banner: $"probe {Probes}", Tls: new TlsSession("Tls13", "x", [[1, 2, 3]], [[1, 2, 3]], []));
                return Task.FromResult(new MxProbeResult(session, Restricted, TestStorage.Noon));
            }
        }
    }
}
