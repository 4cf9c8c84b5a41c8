using System.Net;
using System.Text.Json;
using StsFunctions.Local;
using StsFunctions.Local.Lab;
using StsFunctions.Tests.EndToEnd;
using Xunit;

namespace StsFunctions.Tests.Egress;

/// <summary>The egress guard from outside: the published binary as in production, where only globally reachable addresses may be called.</summary>
public sealed class OutsideTests(OutsideTests.AsInProduction running) : IClassFixture<OutsideTests.AsInProduction>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    /// <summary>Where the MX host of a domain leads, beside the mail server that really listens on loopback.</summary>
    public static TheoryData<string, string[]> Inside => new()
    {
        { "loopback", ["127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"] },
        { "private", ["10.0.0.1", "172.16.0.1", "192.168.1.1", "fd00::1", "100.64.0.1"] },
        { "metadata", ["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254", "fe80::a9fe:a9fe"] },
        { "wireserver", ["168.63.129.16", "::ffff:168.63.129.16", "64:ff9b::a83f:8110", "2002:a83f:8110::1", "2001:4860::5efe:a83f:8110"] },
    };

    [Theory]
    [MemberData(nameof(Inside))]
    public async Task An_MX_host_with_an_internal_address_is_never_called_and_its_owner_is_notified(string kind, string[] addresses)
    {
        var domain = new LabDomain($"{kind}.inside.example", "Its MX host leads inside.") { Mx = [new($"mx.{kind}.inside.example")] };
        await running.System.AddAsync(domain, Cancellation);
        var server = running.System.MailLab.Mx(domain.Mx[0].Host).Servers[0];
        running.System.MailLab.Zone.Set(domain.Mx[0].Host, [DnsRecord.Address(server.EndPoint.Address), .. EgressFixture.At(addresses)]);

        await running.System.CheckAllAsync(Cancellation);

        var finding = Assert.Single(
            (await running.ShowAsync(domain.Name)).GetProperty("findings").EnumerateArray().Select(open => open.GetProperty("finding")),
            finding => finding.GetProperty("subject").GetString() == domain.Mx[0].Host);
        Assert.Equal("mx.address.private", finding.GetProperty("code").GetString());
        var evidence = finding.GetProperty("evidence").GetString()!.Split("; ");
        Assert.All(addresses, address => Assert.Contains($"{IPAddress.Parse(address)}", evidence));
        Assert.Empty(server.Received);
    }

    [Fact]
    public async Task A_policy_host_with_an_internal_address_is_never_called()
    {
        await using var trap = Listener.Trap("127.0.0.2", running.System.Host.HttpsAddress!.Port);
        running.System.MailLab.Zone.Set("mta-sts.inside.example", EgressFixture.At("127.0.0.2", "::1", "168.63.129.16"));

        var fetched = await running.System.RunAppAsync(Cancellation, "policy", "fetch", "inside.example");

        Assert.Equal((1, "No policy for senders. AddressNotAllowed: mta-sts.inside.example leads to 127.0.0.2, 168.63.129.16, ::1: none of these is globally reachable, and none is connected to."), (fetched.ExitCode, fetched.Errors.Trim()));
        Assert.Equal(0, trap.Connections);
    }

    /// <summary>Everything except the addresses that the guard of a lab permits.</summary>
    public sealed class AsInProduction(AppUnderTest app) : RunningSystem(app)
    {
        protected override LocalSystemOptions Options => new() { Settings = new Dictionary<string, string> { ["Sts__Lab__AllowedNetworks"] = "" } };
    }
}

/// <summary><c>policy fetch</c> with the egress guard of a lab: the policy host answers, and nothing bypasses the guard.</summary>
public sealed class PolicyFetchTests(PolicyFetchTests.BesideAProxy running) : IClassFixture<PolicyFetchTests.BesideAProxy>
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    [Trait("Conformance", "GET-1")]
    public async Task A_served_policy_is_fetched_as_a_sender_fetches_it_and_without_a_proxy()
    {
        await running.System.AddAsync(LabDomains.Get("example.com"), Cancellation);

        var fetched = await running.System.RunAppAsync(Cancellation, "policy", "fetch", "example.com");
        Assert.Equal((0, ""), (fetched.ExitCode, fetched.Errors));
        Assert.Equal(
            """
            https://mta-sts.example.com/.well-known/mta-sts.txt  200  text/plain; charset=utf-8

              version: STSv1
              mode: enforce
              mx: mx1.example.com
              mx: mx2.example.com
              max_age: 604800

            """.ReplaceLineEndings(),
            fetched.Output);

        using var json = JsonDocument.Parse((await running.System.RunAppAsync(Cancellation, "policy", "fetch", "EXAMPLE.com", "--json")).Output);
        Assert.Equal("Fetched", json.RootElement.GetProperty("outcome").GetString());
        Assert.Equal(JsonValueKind.Null, json.RootElement.GetProperty("fault").ValueKind);
        Assert.Equal(0, running.Proxy.Connections);
    }

    [Fact]
    [Trait("Conformance", "GET-7")]
    public async Task A_domain_that_is_not_hosted_has_no_policy()
    {
        running.System.MailLab.Zone.Set("mta-sts.nobody.example", EgressFixture.At("127.0.0.1"));

        var fetched = await running.System.RunAppAsync(Cancellation, "policy", "fetch", "nobody.example");

        // The front end shows the app's certificate for a name that it does not know.
        Assert.Equal(1, fetched.ExitCode);
        Assert.StartsWith("No policy for senders. TlsFailed: ", fetched.Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_policy_host_that_moves_to_an_internal_address_is_called_at_the_checked_address_and_then_no_more()
    {
        await running.System.AddAsync(LabDomains.Get("plain.example"), Cancellation);
        await using var trap = Listener.Trap("127.9.9.9", running.System.Host.HttpsAddress!.Port);
        running.System.MailLab.Zone.SetInTurn("mta-sts.plain.example", EgressFixture.At("127.0.0.1"), EgressFixture.At("127.9.9.9"));

        Assert.Equal(0, (await running.System.RunAppAsync(Cancellation, "policy", "fetch", "plain.example")).ExitCode);
        var second = await running.System.RunAppAsync(Cancellation, "policy", "fetch", "plain.example");

        Assert.Equal(1, second.ExitCode);
        Assert.Contains("127.9.9.9", second.Errors, StringComparison.Ordinal);
        Assert.Equal(0, trap.Connections);
    }

    [Theory]
    [InlineData("not a domain")]
    [InlineData("192.0.2.1")]
    [InlineData("a.example/../")]
    public async Task A_string_that_is_not_a_domain_is_refused(string name) =>
        Assert.Equal(2, (await running.System.RunAppAsync(Cancellation, "policy", "fetch", name)).ExitCode);

    /// <summary>A lab whose guard permits 127.0.0.0/16, and a proxy in the environment.</summary>
    public sealed class BesideAProxy(AppUnderTest app) : RunningSystem(app)
    {
        internal Listener Proxy { get; } = Listener.Trap("127.0.0.1");

        protected override LocalSystemOptions Options => new()
        {
            Settings = new Dictionary<string, string> { ["Sts__Lab__AllowedNetworks"] = "127.0.0.0/16", ["HTTPS_PROXY"] = $"http://{Proxy.EndPoint}" },
        };

        public override async ValueTask DisposeAsync()
        {
            await base.DisposeAsync();
            await Proxy.DisposeAsync();
        }
    }
}
