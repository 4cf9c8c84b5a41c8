using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Local.Lab;
using StsFunctions.Storage.Domains;
using Xunit;

namespace StsFunctions.Tests.Probes;

/// <summary>Agents that contradict each other are the operator's to look after, and no domain's fault.</summary>
public sealed class ContradictionTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_agents_that_contradict_each_other_are_a_finding_of_the_installation_until_they_agree(bool isGoodFirst)
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.TakeWorkAsync("two");
        await desk.AskAsync();

        await desk.LookAsync("one", isGoodFirst ? AgentFixture.Seen() : AgentFixture.Failed(SmtpOutcome.StartTlsMissing));
        Assert.Empty((await ReadAsync(desk)).Findings);
        await desk.LookAsync("two", isGoodFirst ? AgentFixture.Failed(SmtpOutcome.StartTlsMissing) : AgentFixture.Seen());

        var open = Assert.Single((await ReadAsync(desk)).Findings).Finding;
        Assert.Equal(("probe.result.contradiction", Severity.Warning, "mx.example.com 192.0.2.25"), (open.Code, open.Severity, open.Subject));
        Assert.Contains("one: ", open.Evidence, StringComparison.Ordinal);
        Assert.Contains("two: ", open.Evidence, StringComparison.Ordinal);
        Assert.Contains("StartTlsMissing (220 mx ESMTP)", open.Evidence, StringComparison.Ordinal);
        // Whoever came first, the domain is judged by the good one.
        Assert.Equal(SmtpOutcome.Completed, (await desk.KeptAsync())!.Default.Outcome);

        await desk.AskAsync(round: "20260315120000000");
        await desk.LookAsync("one", AgentFixture.Seen());
        Assert.Single((await ReadAsync(desk)).Findings);
        await desk.LookAsync("two", AgentFixture.Seen());

        var partition = await ReadAsync(desk);
        Assert.Empty(partition.Findings);
        Assert.Equal([Change.Opened, Change.Resolved], partition.Outbox.Select(warning => warning.Change));
    }

    [Fact]
    public async Task A_foreign_certificate_contradicts_and_an_incomplete_chain_does_not()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        var good = AgentFixture.Seen();
        var tls = good.Default.Tls!;
        foreach (var (other, contradicts) in ((MxProbeResult, bool)[])[
            (AgentFixture.Seen(CertificateSpec.For(AgentFixture.Host) with { Signer = CertificateSigner.UntrustedCa }), true),
            (good with { Default = good.Default with { Tls = tls with { Chain = [tls.Chain[0]] } } }, false),
            (AgentFixture.Seen(), false),
            (AgentFixture.Failed(SmtpOutcome.ConnectionRefused), false),
            (AgentFixture.Failed(SmtpOutcome.Rejected), false),
            (AgentFixture.Failed(SmtpOutcome.TlsFailed), true)])
        {
            await desk.AskAsync();
            await desk.LookAsync("one", good);
            await desk.LookAsync("two", other);

            Assert.Equal(contradicts ? 1 : 0, (await ReadAsync(desk)).Findings.Count);
        }
    }

    [Fact]
    public async Task Open_findings_of_other_servers_and_of_the_network_stay_unchanged()
    {
        var desk = await AgentFixture.OpenAsync(azurite);
        await desk.Storage.Recorder.RecordAsync(
            await ReadAsync(desk), FindingSource.OutboundNetwork, "1", TestStorage.Noon, [NetworkFindings.OutboundSmtpBlocked], new HashSet<string>(), null, Cancellation);
        await desk.Storage.Recorder.RecordAsync(
            await ReadAsync(desk), FindingSource.RemoteProbes, "1", TestStorage.Noon, [AgentFindings.Contradiction("mx2.example.com 192.0.2.1", "x")], new HashSet<string>(), null, Cancellation);
        await desk.AskAsync();
        await desk.LookAsync("one", AgentFixture.Seen());
        await desk.LookAsync("two", AgentFixture.Failed(SmtpOutcome.StartTlsRefused));
        Assert.Equal(3, (await ReadAsync(desk)).Findings.Count);

        await desk.AskAsync();
        await desk.LookAsync("one", AgentFixture.Seen());
        await desk.LookAsync("two", AgentFixture.Seen());

        Assert.Equal(["outbound.smtp.blocked", "probe.result.contradiction"], (await ReadAsync(desk)).Findings.Select(open => open.Finding.Code).Order());
    }

    private static Task<DomainPartition> ReadAsync(AgentFixture desk) => desk.Storage.Domains.ReadAsync(Installation.Partition, Cancellation);
}
