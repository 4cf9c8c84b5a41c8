using System.Text;
using StsFunctions.Agents;
using StsFunctions.CheckDomain;
using StsFunctions.Local.MailInternet;
using Xunit;
using SmtpSession = StsFunctions.CheckDomain.SmtpSession;

namespace StsFunctions.Tests.Agents;

/// <summary>What an agent is believed, and what not.</summary>
public sealed class HandedInTests(AzuriteFixture azurite)
{
    [Fact]
    [Trait("Conformance", "MX-4")]
    public async Task Whether_a_chain_is_trusted_is_judged_by_the_certificates_and_not_by_the_agents_word()
    {
        var desk = await AgentDesk.OpenAsync(azurite);
        await desk.AskAsync();
        await desk.LookAsync("one", AgentDesk.Seen(null, "UntrustedRoot: so I say"));
        var good = (await desk.KeptAsync())!.Session.Tls!;
        Assert.Equal((0, 3), (good.Trust.Count, good.Built.Count));

        foreach (var spec in (CertificateSpec[])[
            CertificateSpec.For(AgentDesk.Host) with { Signer = CertificateSigner.Stranger },
            CertificateSpec.For(AgentDesk.Host) with { Signer = CertificateSigner.Itself },
            CertificateSpec.For(AgentDesk.Host) with { Sends = SentChain.LeafOnly }])
        {
            await desk.AskAsync();
            await desk.LookAsync("two", AgentDesk.Seen(spec));
            var bad = (await desk.KeptAsync())!.Session.Tls!;
            Assert.NotEmpty(bad.Trust);
            Assert.NotEmpty(bad.Built);
        }
    }

    [Fact]
    public async Task Times_and_the_name_are_the_apps_and_addresses_as_it_writes_them()
    {
        var desk = await AgentDesk.OpenAsync(azurite);
        await desk.AskAsync();
        var seen = AgentDesk.Seen();

        await desk.LookAsync("one", seen with { Agent = "somebody else", Narrow = [seen.Session with { Offer = TlsOffer.Tls13 }], NarrowAt = DateTimeOffset.MaxValue });

        var kept = (await desk.KeptAsync())!;
        Assert.Equal(("one", desk.Storage.Time.GetUtcNow(), TlsOffer.Tls13), (kept.Agent, kept.NarrowAt, Assert.Single(kept.Narrow).Offer));
    }

    public static TheoryData<string> Wrong => [.. s_wrong.Keys];

    private static readonly Dictionary<string, Func<AddressLook, AddressLook>> s_wrong = new()
    {
        ["another address"] = look => look with { Session = look.Session with { Address = "192.0.2.26" } },
        ["no address"] = look => look with { Session = look.Session with { Address = "mx" } },
        ["an outcome that there is not"] = look => look with { Session = look.Session with { Outcome = (SmtpOutcome)99 } },
        ["an offer that there is not"] = look => look with { Narrow = [look.Session with { Offer = (TlsOffer)99 }] },
        ["a narrow session in the place of the default one"] = look => look with { Session = look.Session with { Offer = TlsOffer.Tls13 } },
        ["completed without TLS"] = look => look with { Session = look.Session with { Tls = null } },
        ["TLS without STARTTLS"] = look => look with { Session = look.Session with { Outcome = SmtpOutcome.StartTlsMissing } },
        ["no version"] = With(tls => tls with { Protocol = null! }),
        ["no chain"] = With(tls => tls with { Chain = null! }),
        ["no certificate"] = With(tls => tls with { Chain = [] }),
        ["something that is no certificate"] = With(tls => tls with { Chain = [[1, 2, 3]] }),
        ["an empty certificate"] = With(tls => tls with { Chain = [.. tls.Chain, []] }),
        ["too many certificates"] = With(tls => tls with { Chain = [.. Enumerable.Repeat(tls.Chain[0], 33)] }),
        ["too large a certificate"] = With(tls => tls with { Chain = [.. tls.Chain, new byte[128 * 1024]] }),
        ["too many narrow sessions"] = look => look with { Narrow = [.. Enumerable.Repeat(look.Session, 9)] },
        ["a null among the narrow sessions"] = look => look with { Narrow = [null!] },
        ["too long a banner"] = look => look with { Session = look.Session with { Banner = new string('a', 5000) } },
        ["too many lines"] = look => look with { Session = look.Session with { Ehlo = [.. Enumerable.Repeat("x", 33)] } },
        ["too long a line"] = look => look with { Session = look.Session with { Ehlo = [new string('a', 5000)] } },
        ["a null among the lines"] = look => look with { Session = look.Session with { Ehlo = [null!] } },
        ["a time before the beginning"] = look => look with { Session = look.Session with { Times = new SessionTimes(-1, null, null, null, null, 1) } },
        ["a time without end"] = look => look with { Session = look.Session with { Times = new SessionTimes(1, 1, 1, 1, 1, int.MaxValue) } },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public async Task A_look_that_does_not_hold_is_refused_and_leaves_the_lease(string name)
    {
        var desk = await AgentDesk.OpenAsync(azurite);
        await desk.AskAsync();
        var task = Assert.Single(await desk.TakeWorkAsync("one"));
        var seen = AgentDesk.Seen();

        var fault = await Assert.ThrowsAsync<ResultFaultException>(() => desk.HandInAsync("one", task, s_wrong[name](seen)));

        Assert.StartsWith("The look does not hold: ", fault.Message, StringComparison.Ordinal);
        Assert.Null(await desk.KeptAsync());
        await desk.HandInAsync("one", task, seen);
    }

    [Fact]
    public async Task Certificates_that_are_too_much_together_are_refused()
    {
        var desk = await AgentDesk.OpenAsync(azurite);
        await desk.AskAsync();
        var task = Assert.Single(await desk.TakeWorkAsync("one"));
        var seen = AgentDesk.Seen(CertificateSpec.For([AgentDesk.Host, .. Enumerable.Range(0, 800).Select(n => $"mx{n}.example.com")]));
        Assert.InRange(seen.Session.Tls!.Chain[0].Length, 12_000, 40_000);

        var fault = await Assert.ThrowsAsync<ResultFaultException>(() => desk.HandInAsync(
            "one", task, seen with { Narrow = [.. Enumerable.Repeat(With(tls => tls with { Chain = [.. Enumerable.Repeat(tls.Chain[0], 2)] })(seen).Session, 8)] }));

        Assert.Contains("bytes together", fault.Message, StringComparison.Ordinal);
        await desk.HandInAsync("one", task, seen with { Narrow = [seen.Session, seen.Session] });
        Assert.Equal(2, (await desk.KeptAsync())!.Narrow.Count);
    }

    [Theory]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("[]")]
    [InlineData("{}")]
    [InlineData("""{"host":"mx","address":"192.0.2.1","nonce":"x"}""")]
    [InlineData("""{"host":"mx","address":"192.0.2.1","nonce":"x","look":null}""")]
    [InlineData("""{"host":null,"address":"192.0.2.1","nonce":"x","look":{"session":{"address":"192.0.2.1","outcome":"Turned"},"narrow":[]}}""")]
    [InlineData("""{"host":"mx","address":"192.0.2.1","nonce":"x","look":{"session":{"address":"192.0.2.1","outcome":"Turned"}}}""")]
    [InlineData("""{"address":"192.0.2.1","nonce":"x","look":{"session":{"address":"192.0.2.1","outcome":"Turned"},"narrow":[]}}""")]
    [InlineData("""{"host":"mx","address":"192.0.2.1","nonce":"x","look":{"session":{"address":"192.0.2.1","outcome":"Marvellous"},"narrow":[]}}""")]
    [InlineData("""{"host":"mx","host":"mx","address":"192.0.2.1","nonce":"x","look":{"session":{"address":"192.0.2.1","outcome":"Turned"},"narrow":[]}}""")]
    [InlineData("""{"host":"mx","address":"192.0.2.1","nonce":"x","look":{"session":{"address":"192.0.2.1","outcome":"Completed","tls":{"protocol":"Tls13","cipherSuite":"x","chain":["%%"],"built":[],"trust":[]}},"narrow":[]}}""")]
    public void What_is_no_result_is_refused(string json) => Assert.Throws<ResultFaultException>(() => HandedIn.Read(Encoding.UTF8.GetBytes(json)));

    [Fact]
    public void What_is_nested_without_end_is_refused() =>
        Assert.Throws<ResultFaultException>(() => HandedIn.Read(Encoding.UTF8.GetBytes($$"""{"more":{{new string('[', 100_000)}}{{new string(']', 100_000)}}}""")));

    [Fact]
    public void A_result_reads_as_it_was_written()
    {
        var look = new AddressLook(new SmtpSession("192.0.2.25", SmtpOutcome.Turned, Banner: "554 no", Times: new SessionTimes(12, 30, null, null, null, 42)), []);
        var read = HandedIn.Read(AgentDesk.Json(new AgentTaskJson("mx", "192.0.2.25", "n", 120), look));
        Assert.Equal(look.ToJson(), read.Look.ToJson());
    }

    private static Func<AddressLook, AddressLook> With(Func<TlsSession, TlsSession> change) => look => look with { Session = look.Session with { Tls = change(look.Session.Tls!) } };
}
