using System.Net;
using System.Security.Cryptography;
using StsFunctions.Storage.Probes;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class MxHostStoreTests(AzuriteFixture azurite)
{
    private const string Run = "20260314120000000";
    private const string NextRun = "20260314120200000";
    private static readonly IPAddress Address = IPAddress.Parse("192.0.2.25");
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_first_caller_probes_and_the_others_get_its_result()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        var lease = Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage)).Lease;
        Assert.Equal(TestStorage.Noon + Lease, Assert.IsType<MxClaim.Busy>(await ClaimAsync(storage)).Until);
        Assert.True(await storage.MxHosts.StoreAsync(lease, Run, "observed"u8.ToArray(), Cancellation));

        Assert.Equal("observed"u8.ToArray(), Assert.IsType<MxClaim.Probed>(await ClaimAsync(storage)).Content);
    }

    [Fact]
    public async Task The_next_check_run_probes_again_and_its_result_serves_earlier_runs()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await StoreProbeAsync(storage, Run, "old"u8.ToArray());

        Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage, NextRun));

        storage.Time.Advance(Lease);
        await StoreProbeAsync(storage, NextRun, "new"u8.ToArray());
        Assert.Equal("new"u8.ToArray(), Assert.IsType<MxClaim.Probed>(await ClaimAsync(storage, Run)).Content);
    }

    [Fact]
    public async Task An_expired_lease_can_be_taken_and_its_late_holder_stores_nothing()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var late = Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage)).Lease;
        storage.Time.Advance(Lease);

        var lease = Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage)).Lease;

        Assert.False(await storage.MxHosts.StoreAsync(late, Run, "late"u8.ToArray(), Cancellation));
        Assert.True(await storage.MxHosts.StoreAsync(lease, Run, "observed"u8.ToArray(), Cancellation));
        Assert.False(await storage.MxHosts.StoreAsync(late, Run, "late"u8.ToArray(), Cancellation));
        Assert.Equal("observed"u8.ToArray(), Assert.IsType<MxClaim.Probed>(await ClaimAsync(storage)).Content);
    }

    [Fact]
    public async Task One_of_many_concurrent_callers_probes()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        var claims = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => ClaimAsync(storage)));

        Assert.Single(claims, claim => claim is MxClaim.Leased);
        Assert.Equal(15, claims.Count(claim => claim is MxClaim.Busy));
    }

    [Fact]
    public async Task Each_address_of_each_host_is_probed_separately()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await ClaimAsync(storage);

        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync("mx.example.com", IPAddress.Parse("2001:db8::25"), Run, Lease, null, Cancellation));
        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync("mx2.example.com", Address, Run, Lease, null, Cancellation));
        Assert.IsType<MxClaim.Busy>(await storage.MxHosts.ClaimAsync("MX.Example.com", Address, Run, Lease, null, Cancellation));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData((60 * 1024) + 1)]
    [InlineData(300_000)]
    public async Task A_certificate_chain_of_any_length_that_a_server_may_send_is_stored_in_full(int length)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var content = RandomNumberGenerator.GetBytes(length);

        await StoreProbeAsync(storage, Run, content);
        Assert.Equal(content, Assert.IsType<MxClaim.Probed>(await ClaimAsync(storage)).Content);

        // And a shorter one after it leaves nothing of it.
        await StoreProbeAsync(storage, NextRun, "short"u8.ToArray());
        Assert.Equal("short"u8.ToArray(), Assert.IsType<MxClaim.Probed>(await ClaimAsync(storage)).Content);
    }

    [Fact]
    public async Task A_result_that_does_not_fit_into_a_row_is_not_stored_and_is_no_failure()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var lease = Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage)).Lease;

        Assert.False(await storage.MxHosts.StoreAsync(lease, Run, new byte[1 << 20], Cancellation));
    }

    [Theory]
    [InlineData("a/b\\c#d?e\u0001")]
    [InlineData("")]
    public async Task An_invalid_host_name_has_a_key(string host)
    {
        var storage = await TestStorage.CreateAsync(azurite);

        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync(host, Address, Run, Lease, null, Cancellation));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_claim_on_rows_that_were_read_before_another_probe_finds_its_result(bool wasThere)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        if (wasThere)
        {
            await StoreProbeAsync(storage, "20260313120000000", "old"u8.ToArray());
        }

        var known = await storage.MxHosts.ReadAsync("mx.example.com", [Address], Cancellation);
        await StoreProbeAsync(storage, Run, "observed"u8.ToArray());

        var claim = await storage.MxHosts.ClaimAsync("mx.example.com", Address, Run, Lease, null, Cancellation, known);

        Assert.Equal("observed"u8.ToArray(), Assert.IsType<MxClaim.Probed>(claim).Content);
    }

    [Fact]
    public async Task Rows_that_were_read_together_are_claimed_one_by_one()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var addresses = Enumerable.Range(1, 20).Select(n => IPAddress.Parse($"192.0.2.{n}")).ToList();
        var probed = Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync("mx.example.com", addresses[0], Run, Lease, null, Cancellation)).Lease;
        await storage.MxHosts.StoreAsync(probed, Run, "observed"u8.ToArray(), Cancellation);
        await storage.MxHosts.ClaimAsync("mx.example.com", addresses[1], Run, Lease, null, Cancellation);

        var known = await storage.MxHosts.ReadAsync("mx.example.com", addresses, Cancellation);
        var claims = await Task.WhenAll(addresses.Select(address => storage.MxHosts.ClaimAsync("mx.example.com", address, Run, Lease, null, Cancellation, known)));

        Assert.IsType<MxClaim.Probed>(claims[0]);
        Assert.IsType<MxClaim.Busy>(claims[1]);
        Assert.All(claims[2..], claim => Assert.IsType<MxClaim.Leased>(claim));
    }

    [Fact]
    public async Task Only_addresses_that_are_no_longer_probed_are_purged()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await StoreProbeAsync(storage, Run, "observed"u8.ToArray());

        Assert.Equal(0, await storage.MxHosts.PurgeAsync(DateTimeOffset.UtcNow.AddDays(-30), Cancellation));
        Assert.Equal(1, await storage.MxHosts.PurgeAsync(DateTimeOffset.UtcNow.AddDays(1), Cancellation));
        Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage));
    }

    private static Task<MxClaim> ClaimAsync(TestStorage storage, string run = Run) => storage.MxHosts.ClaimAsync("mx.example.com", Address, run, Lease, null, Cancellation);

    private static async Task StoreProbeAsync(TestStorage storage, string run, byte[] content)
    {
        var lease = Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage, run)).Lease;
        Assert.True(await storage.MxHosts.StoreAsync(lease, run, content, Cancellation));
    }
}
