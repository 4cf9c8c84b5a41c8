using System.Net;
using StsFunctions.Core.Observations;
using StsFunctions.Local.Lab;
using StsFunctions.Network.Egress;
using StsFunctions.Network.Probes;
using StsFunctions.Protocol;
using StsFunctions.Tests.Checks;
using Xunit;

namespace StsFunctions.Tests.Egress;

/// <summary>DNS rebinding: connections go to the checked address, and to no other.</summary>
public sealed class RebindingTests
{
    private const string Good = "127.0.1.1";
    private const string Forbidden = "127.0.0.1";
    private const string Host = "mta-sts.rebound.example";

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_policy_host_that_moves_to_an_internal_address_is_called_at_the_checked_address_and_then_no_more()
    {
        await using var fixture = new EgressFixture();
        var trap = fixture.Trap(Forbidden);
        var server = fixture.Serve(Host, Good, Listener.File("version: STSv1\nmode: none\nmax_age: 1\n"));
        fixture.Zone.SetInTurn(Host, EgressFixture.At(Good), EgressFixture.At(Forbidden));
        var fetcher = fixture.Policies;
        var domain = DomainName.Parse("rebound.example");

        Assert.Equal(PolicyFetchOutcome.Fetched, (await fetcher.FetchAsync(domain, Cancellation)).Outcome);
        Assert.Equal(1, fixture.Zone.QuestionsFor(Host, DnsRecordType.A));
        Assert.Equal(PolicyFetchOutcome.AddressNotAllowed, (await fetcher.FetchAsync(domain, Cancellation)).Outcome);

        Assert.Equal((1, 0), (server.Connections, trap.Connections));
    }

    [Fact]
    public async Task An_earlier_check_permits_no_later_connection_to_another_address()
    {
        await using var fixture = new EgressFixture();
        var trap = fixture.Trap(Forbidden);
        fixture.Zone.SetInTurn(Host, EgressFixture.At(Good), EgressFixture.At(Forbidden));

        Assert.True(fixture.Guard.IsAllowed(Assert.Single(await fixture.Resolver.AddressesAsync(Host, Cancellation))));
        var fetch = await fixture.Policies.FetchAsync(DomainName.Parse("rebound.example"), Cancellation);

        Assert.Equal(PolicyFetchOutcome.AddressNotAllowed, fetch.Outcome);
        Assert.Contains(Forbidden, fetch.Detail, StringComparison.Ordinal);
        Assert.Equal(0, trap.Connections);
    }

    [Fact]
    public async Task A_client_that_is_reused_checks_the_address_again()
    {
        await using var fixture = new EgressFixture();
        var trap = fixture.Trap(Forbidden);
        fixture.Serve(Host, Good, Listener.File("x"));
        fixture.Zone.SetInTurn(Host, EgressFixture.At(Good), EgressFixture.At(Forbidden));
        using var client = fixture.Http.CreateClient();

        Assert.Equal("x", await client.GetStringAsync(new Uri($"https://{Host}/"), Cancellation));
        await Assert.ThrowsAsync<HttpRequestException>(() => client.GetStringAsync(new Uri($"https://{Host}/"), Cancellation));

        Assert.Equal(0, trap.Connections);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_MX_host_whose_address_changes_is_called_at_the_resolved_address_or_not_at_all(bool isForbiddenFirst)
    {
        await using var lab = await Lab.StartAsync(new LabDomain("rebound.example", "") { Mx = [new("mx.rebound.example")] });
        var address = lab.AddressOf("mx.rebound.example").ToString();
        await using var trap = Listener.Trap(Forbidden2, lab.MailLab.SmtpPort);
        var turns = isForbiddenFirst ? new[] { EgressFixture.At(Forbidden2), EgressFixture.At(address) } : [EgressFixture.At(address), EgressFixture.At(Forbidden2)];
        lab.MailLab.Zone.SetInTurn("mx.rebound.example", turns);
        var egress = new EgressOptions { DnsServer = lab.MailLab.Dns, AllowedNetworks = [IPNetwork.Parse($"{address}/32")] };
        var observer = lab.ObserverOf(new SmtpProbe(new EgressGuard(egress), lab.Options(), "check.example", TimeProvider.System), lab.Options(), TimeProvider.System);

        var first = await observer.ObserveAsync(DomainName.Parse("rebound.example"), "1", Cancellation);
        var second = await observer.ObserveAsync(DomainName.Parse("rebound.example"), "2", Cancellation);

        var observations = isForbiddenFirst ? (Refused: first, Called: second) : (Refused: second, Called: first);
        Assert.Equal([SmtpOutcome.AddressNotAllowed], observations.Refused.MxHosts[0].Sessions.Select(session => session.Outcome));
        Assert.Equal([(address, SmtpOutcome.Completed)], observations.Called.MxHosts[0].Sessions.Select(session => (session.Address, session.Outcome)));
        Assert.Equal(0, trap.Connections);
        // The default session and the restricted ones.
        Assert.Equal(1 + SmtpProbe.RestrictedOffers.Count, lab.MailLab.Mx("mx.rebound.example").Servers[0].Received.Count(said => said == "STARTTLS"));
    }

    // 127.0.0.1 is the relay's at this port.
    private const string Forbidden2 = "127.0.99.1";
}
