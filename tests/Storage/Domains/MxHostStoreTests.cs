using System.Net;
using System.Security.Cryptography;
using StsFunctions.Storage.Probes;
using Xunit;

namespace StsFunctions.Tests.Domains;

public sealed class MxHostStoreTests(AzuriteFixture azurite)
{
    private const string Round = "20260314120000000";
    private const string NextRound = "20260314120200000";
    private static readonly IPAddress Address = IPAddress.Parse("192.0.2.25");
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_first_to_ask_looks_and_the_others_find_what_was_seen()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        var lease = Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage)).Lease;
        Assert.Equal(TestStorage.Noon + Lease, Assert.IsType<MxClaim.Busy>(await ClaimAsync(storage)).Until);
        Assert.True(await storage.MxHosts.StoreAsync(lease, Round, "seen"u8.ToArray(), Cancellation));

        Assert.Equal("seen"u8.ToArray(), Assert.IsType<MxClaim.Probed>(await ClaimAsync(storage)).Content);
    }

    [Fact]
    public async Task The_next_round_looks_anew_and_what_it_sees_serves_the_rounds_before_it()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await LookAsync(storage, Round, "old"u8.ToArray());

        Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage, NextRound));

        storage.Time.Advance(Lease);
        await LookAsync(storage, NextRound, "new"u8.ToArray());
        Assert.Equal("new"u8.ToArray(), Assert.IsType<MxClaim.Probed>(await ClaimAsync(storage, Round)).Content);
    }

    [Fact]
    public async Task A_lease_whose_holder_was_killed_is_anybodys_once_it_has_run_out_and_the_late_one_keeps_nothing()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var late = Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage)).Lease;
        storage.Time.Advance(Lease);

        var lease = Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage)).Lease;

        Assert.False(await storage.MxHosts.StoreAsync(late, Round, "late"u8.ToArray(), Cancellation));
        Assert.True(await storage.MxHosts.StoreAsync(lease, Round, "seen"u8.ToArray(), Cancellation));
        Assert.False(await storage.MxHosts.StoreAsync(late, Round, "late"u8.ToArray(), Cancellation));
        Assert.Equal("seen"u8.ToArray(), Assert.IsType<MxClaim.Probed>(await ClaimAsync(storage)).Content);
    }

    [Fact]
    public async Task Of_many_who_ask_at_once_one_looks()
    {
        var storage = await TestStorage.CreateAsync(azurite);

        var claims = await Task.WhenAll(Enumerable.Range(0, 16).Select(_ => ClaimAsync(storage)));

        Assert.Single(claims, claim => claim is MxClaim.Leased);
        Assert.Equal(15, claims.Count(claim => claim is MxClaim.Busy));
    }

    [Fact]
    public async Task Each_address_of_each_host_is_looked_at_by_itself()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await ClaimAsync(storage);

        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync("mx.example.com", IPAddress.Parse("2001:db8::25"), Round, Lease, null, Cancellation));
        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync("mx2.example.com", Address, Round, Lease, null, Cancellation));
        Assert.IsType<MxClaim.Busy>(await storage.MxHosts.ClaimAsync("MX.Example.com", Address, Round, Lease, null, Cancellation));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData((60 * 1024) + 1)]
    [InlineData(300_000)]
    public async Task A_chain_of_certificates_of_any_length_that_a_server_may_send_is_kept_whole(int length)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var content = RandomNumberGenerator.GetBytes(length);

        await LookAsync(storage, Round, content);
        Assert.Equal(content, Assert.IsType<MxClaim.Probed>(await ClaimAsync(storage)).Content);

        // And a shorter one after it leaves nothing of it.
        await LookAsync(storage, NextRound, "short"u8.ToArray());
        Assert.Equal("short"u8.ToArray(), Assert.IsType<MxClaim.Probed>(await ClaimAsync(storage)).Content);
    }

    [Fact]
    public async Task What_no_row_holds_is_not_kept_and_no_failure()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var lease = Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage)).Lease;

        Assert.False(await storage.MxHosts.StoreAsync(lease, Round, new byte[1 << 20], Cancellation));
    }

    [Theory]
    [InlineData("a/b\\c#d?e\u0001")]
    [InlineData("")]
    public async Task A_host_name_that_is_none_has_a_key_all_the_same(string host)
    {
        var storage = await TestStorage.CreateAsync(azurite);

        Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync(host, Address, Round, Lease, null, Cancellation));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_claim_on_rows_that_were_read_before_somebody_else_looked_finds_what_they_saw(bool wasThere)
    {
        var storage = await TestStorage.CreateAsync(azurite);
        if (wasThere)
        {
            await LookAsync(storage, "20260313120000000", "old"u8.ToArray());
        }

        var known = await storage.MxHosts.ReadAsync("mx.example.com", [Address], Cancellation);
        await LookAsync(storage, Round, "seen"u8.ToArray());

        var claim = await storage.MxHosts.ClaimAsync("mx.example.com", Address, Round, Lease, null, Cancellation, known);

        Assert.Equal("seen"u8.ToArray(), Assert.IsType<MxClaim.Probed>(claim).Content);
    }

    [Fact]
    public async Task Rows_that_were_read_at_once_are_claimed_one_by_one_and_each_as_it_was_found()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        var addresses = Enumerable.Range(1, 20).Select(n => IPAddress.Parse($"192.0.2.{n}")).ToList();
        var seen = Assert.IsType<MxClaim.Leased>(await storage.MxHosts.ClaimAsync("mx.example.com", addresses[0], Round, Lease, null, Cancellation)).Lease;
        await storage.MxHosts.StoreAsync(seen, Round, "seen"u8.ToArray(), Cancellation);
        await storage.MxHosts.ClaimAsync("mx.example.com", addresses[1], Round, Lease, null, Cancellation);

        var known = await storage.MxHosts.ReadAsync("mx.example.com", addresses, Cancellation);
        var claims = await Task.WhenAll(addresses.Select(address => storage.MxHosts.ClaimAsync("mx.example.com", address, Round, Lease, null, Cancellation, known)));

        Assert.IsType<MxClaim.Probed>(claims[0]);
        Assert.IsType<MxClaim.Busy>(claims[1]);
        Assert.All(claims[2..], claim => Assert.IsType<MxClaim.Leased>(claim));
    }

    [Fact]
    public async Task Only_what_nobody_looked_at_any_more_is_swept()
    {
        var storage = await TestStorage.CreateAsync(azurite);
        await LookAsync(storage, Round, "seen"u8.ToArray());

        Assert.Equal(0, await storage.MxHosts.PurgeAsync(DateTimeOffset.UtcNow.AddDays(-30), Cancellation));
        Assert.Equal(1, await storage.MxHosts.PurgeAsync(DateTimeOffset.UtcNow.AddDays(1), Cancellation));
        Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage));
    }

    private static Task<MxClaim> ClaimAsync(TestStorage storage, string round = Round) => storage.MxHosts.ClaimAsync("mx.example.com", Address, round, Lease, null, Cancellation);

    private static async Task LookAsync(TestStorage storage, string round, byte[] content)
    {
        var lease = Assert.IsType<MxClaim.Leased>(await ClaimAsync(storage, round)).Lease;
        Assert.True(await storage.MxHosts.StoreAsync(lease, round, content, Cancellation));
    }
}
