using StsFunctions.CheckDomain;
using StsFunctions.Domains;
using StsFunctions.Local.MailInternet;
using Xunit;

namespace StsFunctions.Tests.Agents;

/// <summary>Agents that contradict each other are the operator's to look after, and no domain's fault.</summary>
public sealed class ContradictionTests(AzuriteFixture azurite)
{
    private static CancellationToken Now => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_agents_that_contradict_each_other_are_a_finding_of_the_operators_until_they_agree(bool isGoodFirst)
    {
        var desk = await AgentDesk.OpenAsync(azurite);
        await desk.TakeWorkAsync("two");
        await desk.AskAsync();

        await desk.LookAsync("one", isGoodFirst ? AgentDesk.Seen() : AgentDesk.Failed(SmtpOutcome.StartTlsMissing));
        Assert.Empty((await ReadAsync(desk)).Findings);
        await desk.LookAsync("two", isGoodFirst ? AgentDesk.Failed(SmtpOutcome.StartTlsMissing) : AgentDesk.Seen());

        var open = Assert.Single((await ReadAsync(desk)).Findings).Finding;
        Assert.Equal(("agent.contradiction", Severity.Warning, "mx.example.com 192.0.2.25"), (open.Code, open.Severity, open.Subject));
        Assert.Contains("one: ", open.Evidence, StringComparison.Ordinal);
        Assert.Contains("two: ", open.Evidence, StringComparison.Ordinal);
        Assert.Contains("StartTlsMissing (220 mx ESMTP)", open.Evidence, StringComparison.Ordinal);
        // Whoever came first, the domain is judged by the good one.
        Assert.Equal(SmtpOutcome.Completed, (await desk.KeptAsync())!.Session.Outcome);

        await desk.AskAsync(round: "20260315120000000");
        await desk.LookAsync("one", AgentDesk.Seen());
        Assert.Single((await ReadAsync(desk)).Findings);
        await desk.LookAsync("two", AgentDesk.Seen());

        var partition = await ReadAsync(desk);
        Assert.Empty(partition.Findings);
        Assert.Equal([Change.Opened, Change.Resolved], partition.Outbox.Select(warning => warning.Change));
    }

    [Fact]
    public async Task A_certificate_of_somebody_else_contradicts_and_a_chain_that_misses_a_part_does_not()
    {
        var desk = await AgentDesk.OpenAsync(azurite);
        var good = AgentDesk.Seen();
        var tls = good.Session.Tls!;
        foreach (var (other, contradicts) in ((AddressLook, bool)[])[
            (AgentDesk.Seen(CertificateSpec.For(AgentDesk.Host) with { Signer = CertificateSigner.Stranger }), true),
            (good with { Session = good.Session with { Tls = tls with { Chain = [tls.Chain[0]] } } }, false),
            (AgentDesk.Seen(), false),
            (AgentDesk.Failed(SmtpOutcome.ConnectionRefused), false),
            (AgentDesk.Failed(SmtpOutcome.Turned), false),
            (AgentDesk.Failed(SmtpOutcome.TlsFailed), true)])
        {
            await desk.AskAsync();
            await desk.LookAsync("one", good);
            await desk.LookAsync("two", other);

            Assert.Equal(contradicts ? 1 : 0, (await ReadAsync(desk)).Findings.Count);
        }
    }

    [Fact]
    public async Task What_stands_open_of_other_servers_and_of_the_network_stays_as_it_is()
    {
        var desk = await AgentDesk.OpenAsync(azurite);
        await desk.Storage.Ledger.RecordAsync(
            await ReadAsync(desk), FindingScope.Network, "1", TestStorage.Noon, [NetworkFindings.Port25Closed], new HashSet<string>(), null, Now);
        await desk.Storage.Ledger.RecordAsync(
            await ReadAsync(desk), FindingScope.Agents, "1", TestStorage.Noon, [AgentFindings.Contradiction("mx2.example.com 192.0.2.1", "x")], new HashSet<string>(), null, Now);
        await desk.AskAsync();
        await desk.LookAsync("one", AgentDesk.Seen());
        await desk.LookAsync("two", AgentDesk.Failed(SmtpOutcome.StartTlsRefused));
        Assert.Equal(3, (await ReadAsync(desk)).Findings.Count);

        await desk.AskAsync();
        await desk.LookAsync("one", AgentDesk.Seen());
        await desk.LookAsync("two", AgentDesk.Seen());

        Assert.Equal(["agent.contradiction", "network.port25.closed"], (await ReadAsync(desk)).Findings.Select(open => open.Finding.Code).Order());
    }

    private static Task<DomainPartition> ReadAsync(AgentDesk desk) => desk.Storage.Domains.ReadAsync(Keys.Operator, Now);
}
