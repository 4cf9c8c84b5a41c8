using System.Text;
using StsFunctions.Core.Observations;
using StsFunctions.Core.Probes;
using StsFunctions.Local.Lab;
using StsFunctions.UseCases.Probes;
using Xunit;
using SmtpSession = StsFunctions.Core.Observations.SmtpSession;

namespace StsFunctions.Tests.Probes;

/// <summary>Which claims of an agent are trusted.</summary>
public sealed class ProbeResultReaderTests(AzuriteFixture azurite)
{
    [Fact]
    [Trait("Conformance", "MX-4")]
    public async Task The_trust_of_a_chain_is_evaluated_by_its_certificates_and_not_by_the_agents_claim()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();
        await fixture.ProbeAsync("one", AgentFixture.Completed(null, "UntrustedRoot: so I say"));
        var good = (await fixture.StoredAsync())!.Default.Tls!;
        Assert.Equal((0, 3), (good.Trust.Count, good.Built.Count));

        foreach (var spec in (CertificateSpec[])[
            CertificateSpec.For(AgentFixture.Host) with { Signer = CertificateSigner.UntrustedCa },
            CertificateSpec.For(AgentFixture.Host) with { Signer = CertificateSigner.Itself },
            CertificateSpec.For(AgentFixture.Host) with { Sends = SentChain.LeafOnly }])
        {
            await fixture.RequestAsync();
            await fixture.ProbeAsync("two", AgentFixture.Completed(spec));
            var bad = (await fixture.StoredAsync())!.Default.Tls!;
            Assert.NotEmpty(bad.Trust);
            Assert.NotEmpty(bad.Built);
        }
    }

    [Fact]
    public async Task Times_and_the_agents_name_come_from_the_app_and_addresses_are_normalized()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();
        var probe = AgentFixture.Completed();

        await fixture.ProbeAsync("one", probe with { Agent = "somebody else", Restricted = [probe.Default with { Offer = TlsOffer.Tls13 }], RestrictedAt = DateTimeOffset.MaxValue });

        var stored = (await fixture.StoredAsync())!;
        Assert.Equal(("one", fixture.Storage.Time.GetUtcNow(), TlsOffer.Tls13), (stored.Agent, stored.RestrictedAt, Assert.Single(stored.Restricted).Offer));
    }

    public static TheoryData<string> Wrong => [.. Changes.Keys];

    private static readonly Dictionary<string, Func<MxProbeResult, MxProbeResult>> Changes = new()
    {
        ["another address"] = probe => probe with { Default = probe.Default with { Address = "192.0.2.26" } },
        ["no address"] = probe => probe with { Default = probe.Default with { Address = "mx" } },
        ["an outcome that there is not"] = probe => probe with { Default = probe.Default with { Outcome = (SmtpOutcome)99 } },
        ["an offer that there is not"] = probe => probe with { Restricted = [probe.Default with { Offer = (TlsOffer)99 }] },
        ["a narrow session in the place of the default one"] = probe => probe with { Default = probe.Default with { Offer = TlsOffer.Tls13 } },
        ["completed without TLS"] = probe => probe with { Default = probe.Default with { Tls = null } },
        ["TLS without STARTTLS"] = probe => probe with { Default = probe.Default with { Outcome = SmtpOutcome.StartTlsMissing } },
        ["no version"] = With(tls => tls with { Protocol = null! }),
        ["no chain"] = With(tls => tls with { Chain = null! }),
        ["no certificate"] = With(tls => tls with { Chain = [] }),
        ["something that is no certificate"] = With(tls => tls with { Chain = [[1, 2, 3]] }),
        ["an empty certificate"] = With(tls => tls with { Chain = [.. tls.Chain, []] }),
        ["too many certificates"] = With(tls => tls with { Chain = [.. Enumerable.Repeat(tls.Chain[0], 33)] }),
        ["too large a certificate"] = With(tls => tls with { Chain = [.. tls.Chain, new byte[128 * 1024]] }),
        ["too many narrow sessions"] = probe => probe with { Restricted = [.. Enumerable.Repeat(probe.Default, 9)] },
        ["a null among the narrow sessions"] = probe => probe with { Restricted = [null!] },
        ["too long a banner"] = probe => probe with { Default = probe.Default with { Banner = new string('a', 5000) } },
        ["too many lines"] = probe => probe with { Default = probe.Default with { Ehlo = [.. Enumerable.Repeat("x", 33)] } },
        ["too long a line"] = probe => probe with { Default = probe.Default with { Ehlo = [new string('a', 5000)] } },
        ["a null among the lines"] = probe => probe with { Default = probe.Default with { Ehlo = [null!] } },
        ["a time before the beginning"] = probe => probe with { Default = probe.Default with { Times = new SessionTimes(-1, null, null, null, null, 1) } },
        ["a time without end"] = probe => probe with { Default = probe.Default with { Times = new SessionTimes(1, 1, 1, 1, 1, int.MaxValue) } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task An_inconsistent_result_is_refused_and_leaves_the_lease(string name)
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();
        var task = Assert.Single(await fixture.TakeTasksAsync("one"));
        var probe = AgentFixture.Completed();

        var fault = await Assert.ThrowsAsync<InvalidProbeResultException>(() => fixture.SubmitAsync("one", task, Changes[name](probe)));

        Assert.StartsWith("The result is not valid: ", fault.Message, StringComparison.Ordinal);
        Assert.Null(await fixture.StoredAsync());
        await fixture.SubmitAsync("one", task, probe);
    }

    [Fact]
    public async Task Certificates_that_are_too_large_together_are_refused()
    {
        var fixture = await AgentFixture.OpenAsync(azurite);
        await fixture.RequestAsync();
        var task = Assert.Single(await fixture.TakeTasksAsync("one"));
        var probe = AgentFixture.Completed(CertificateSpec.For([AgentFixture.Host, .. Enumerable.Range(0, 800).Select(n => $"mx{n}.example.com")]));
        Assert.InRange(probe.Default.Tls!.Chain[0].Length, 12_000, 40_000);

        var fault = await Assert.ThrowsAsync<InvalidProbeResultException>(() => fixture.SubmitAsync(
            "one", task, probe with { Restricted = [.. Enumerable.Repeat(With(tls => tls with { Chain = [.. Enumerable.Repeat(tls.Chain[0], 2)] })(probe).Default, 8)] }));

        Assert.Contains("bytes together", fault.Message, StringComparison.Ordinal);
        await fixture.SubmitAsync("one", task, probe with { Restricted = [probe.Default, probe.Default] });
        Assert.Equal(2, (await fixture.StoredAsync())!.Restricted.Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"host":"mx","address":"192.0.2.1","nonce":"x"}""")]
    [InlineData("""{"host":"mx","address":"192.0.2.1","nonce":"x","result":null}""")]
    [InlineData("""{"host":null,"address":"192.0.2.1","nonce":"x","result":{"default":{"address":"192.0.2.1","outcome":"Rejected"},"restricted":[]}}""")]
    [InlineData("""{"host":"mx","address":"192.0.2.1","nonce":"x","result":{"default":{"address":"192.0.2.1","outcome":"Rejected"}}}""")]
    [InlineData("""{"address":"192.0.2.1","nonce":"x","result":{"default":{"address":"192.0.2.1","outcome":"Rejected"},"restricted":[]}}""")]
    [InlineData("""{"host":"mx","address":"192.0.2.1","nonce":"x","result":{"default":{"address":"192.0.2.1","outcome":"Marvellous"},"restricted":[]}}""")]
    [InlineData("""{"host":"mx","host":"mx","address":"192.0.2.1","nonce":"x","result":{"default":{"address":"192.0.2.1","outcome":"Rejected"},"restricted":[]}}""")]
    [InlineData("""{"host":"mx","address":"192.0.2.1","nonce":"x","result":{"default":{"address":"192.0.2.1","outcome":"Completed","tls":{"protocol":"Tls13","cipherSuite":"x","chain":["%%"],"built":[],"trust":[]}},"restricted":[]}}""")]
    public void A_body_that_is_not_a_result_is_refused(string json) => Assert.Throws<InvalidProbeResultException>(() => ProbeResultReader.Read(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void Deeply_nested_JSON_is_refused() =>
        Assert.Throws<InvalidProbeResultException>(() => ProbeResultReader.Read(Encoding.UTF8.GetBytes($$"""{"more":{{new string('[', 100_000)}}{{new string(']', 100_000)}}}""")));

    [Fact]
    public void A_result_survives_a_JSON_round_trip()
    {
        var probe = new MxProbeResult(new SmtpSession("192.0.2.25", SmtpOutcome.Rejected, Banner: "554 no", Times: new SessionTimes(12, 30, null, null, null, 42)), []);
        var read = ProbeResultReader.Read(AgentFixture.Json(new ProbeTaskJson("mx", "192.0.2.25", "n", 120), probe));
        Assert.Equal(probe.ToJson(), read.Result.ToJson());
    }

    private static Func<MxProbeResult, MxProbeResult> With(Func<TlsSession, TlsSession> change) => probe => probe with { Default = probe.Default with { Tls = change(probe.Default.Tls!) } };
}
