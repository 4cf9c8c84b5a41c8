using StsFunctions.Core.Domains;
using StsFunctions.Core.Findings;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Rules;
using StsFunctions.Local.Lab;
using StsFunctions.Storage.Domains;
using Xunit;

namespace StsFunctions.Tests.Probes;

/// <summary>Agents that contradict each other are a finding of the installation, and no domain's fault.</summary>
public sealed class ContradictionTests(AzuriteFixture azurite)
{
    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Two_agents_that_contradict_each_other_are_a_finding_of_the_installation_until_they_agree(bool isGoodFirst)
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.TakeTasksAsync("two");
        await fixture.RequestAsync();

        await fixture.ProbeAsync("one", isGoodFirst ? AgentFixture.Completed() : AgentFixture.Failed(SmtpOutcome.StartTlsMissing));
        Assert.Empty((await ReadAsync(fixture)).Findings);
        await fixture.ProbeAsync("two", isGoodFirst ? AgentFixture.Failed(SmtpOutcome.StartTlsMissing) : AgentFixture.Completed());

        var open = Assert.Single((await ReadAsync(fixture)).Findings).Finding;
        Assert.Equal(("probe.result.contradiction", Severity.Warning, "mx.example.com 192.0.2.25"), (open.Code, open.Severity, open.Subject));
        Assert.Contains("one: ", open.Evidence, StringComparison.Ordinal);
        Assert.Contains("two: ", open.Evidence, StringComparison.Ordinal);
        Assert.Contains("StartTlsMissing (220 mx ESMTP)", open.Evidence, StringComparison.Ordinal);
        // In either order, the domain is evaluated by the good one.
        Assert.Equal(SmtpOutcome.Completed, (await fixture.StoredAsync())!.Default.Outcome);

        await fixture.RequestAsync(run: "20260315120000000");
        await fixture.ProbeAsync("one", AgentFixture.Completed());
        Assert.Single((await ReadAsync(fixture)).Findings);
        await fixture.ProbeAsync("two", AgentFixture.Completed());

        var partition = await ReadAsync(fixture);
        Assert.Empty(partition.Findings);
        Assert.Equal([Change.Opened, Change.Resolved], partition.Outbox.Select(warning => warning.Change));
    }

    [Fact]
    public async Task A_foreign_certificate_contradicts_and_an_incomplete_chain_does_not()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        var good = AgentFixture.Completed();
        var tls = good.Default.Tls!;
        foreach (var (other, contradicts) in ((MxProbeResult, bool)[])[
            (AgentFixture.Completed(CertificateSpec.For(AgentFixture.Host) with { Signer = CertificateSigner.UntrustedCa }), true),
            (good with { Default = good.Default with { Tls = tls with { Chain = [tls.Chain[0]] } } }, false),
            (AgentFixture.Completed(), false),
            (AgentFixture.Failed(SmtpOutcome.ConnectionRefused), false),
            (AgentFixture.Failed(SmtpOutcome.Rejected), false),
            (AgentFixture.Failed(SmtpOutcome.TlsFailed), true)])
        {
            await fixture.RequestAsync();
            await fixture.ProbeAsync("one", good);
            await fixture.ProbeAsync("two", other);

            Assert.Equal(contradicts ? 1 : 0, (await ReadAsync(fixture)).Findings.Count);
        }
    }

    [Fact]
    public async Task Open_findings_of_other_servers_and_of_the_network_stay_unchanged()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.Storage.Recorder.RecordAsync(
            await ReadAsync(fixture), FindingSource.OutboundNetwork, "1", TestStorage.Noon, [NetworkFindings.OutboundSmtpBlocked], new HashSet<string>(), null, Cancellation);
        await fixture.Storage.Recorder.RecordAsync(
            await ReadAsync(fixture), FindingSource.RemoteProbes, "1", TestStorage.Noon, [AgentFindings.Contradiction("mx2.example.com 192.0.2.1", "x")], new HashSet<string>(), null, Cancellation);
        await fixture.RequestAsync();
        await fixture.ProbeAsync("one", AgentFixture.Completed());
        await fixture.ProbeAsync("two", AgentFixture.Failed(SmtpOutcome.StartTlsRefused));
        Assert.Equal(3, (await ReadAsync(fixture)).Findings.Count);

        await fixture.RequestAsync();
        await fixture.ProbeAsync("one", AgentFixture.Completed());
        await fixture.ProbeAsync("two", AgentFixture.Completed());

        Assert.Equal(["outbound.smtp.blocked", "probe.result.contradiction"], (await ReadAsync(fixture)).Findings.Select(open => open.Finding.Code).Order());
    }

    private static Task<DomainPartition> ReadAsync(AgentFixture fixture) => fixture.Storage.Domains.ReadAsync(Installation.Partition, Cancellation);
}
